import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { Clients } from "../../../functions/adapters/aws-clients.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { wire } from "../../../functions/handlers/github/webhook.lambda.ts";
import type { LambdaContext } from "../../../functions/handlers/on-lambda.ts";
import { mockedClass } from "../../support/mocked-class.ts";
import { signatureOf } from "./world.ts";

const sqs = mockedClass(SQSClient);
const directory = mkdtempSync(join(tmpdir(), "webhook-"));
const queuesFile = join(directory, "queues.json");
writeFileSync(
  queuesFile,
  JSON.stringify({
    github: {},
    queues: [
      { name: "main", repository: { remote: "https://github.com/acme/shop.git" }, buildRunner: { type: "fake" } },
    ],
  }),
);
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  sqs.reset();
  sqs.resolves({});
});

const SECRET = "s3cret";
let stored: object = { appId: 1, privateKey: "-----BEGIN", webhookSecret: SECRET };
/** What the table holds for the head commit. */
let atHead: readonly { pull: number }[] = [];
const hook = () =>
  wire({ [ENV.queuesFile]: queuesFile, [ENV.pullsTopic]: "pulls.fifo", [ENV.pullsTable]: "pulls" }, {
    dynamodb: { send: async () => ({ Items: atHead }) },
    sqs: new SQSClient({ region: "eu-west-1" }),
    secrets: { send: async () => ({ SecretString: JSON.stringify(stored) }) },
    now: () => epochMs(0),
  } as unknown as Clients);

const payload = (more: object = {}) =>
  JSON.stringify({
    action: "submitted",
    repository: { full_name: "acme/shop" },
    sender: { login: "bob", type: "User" },
    pull_request: { number: 7, head: { sha: "a".repeat(40) } },
    ...more,
  });

const deliver = (body: string, headers: Record<string, string | undefined> = {}, isBase64Encoded = false) => {
  const sent = {
    "x-hub-signature-256": signatureOf(SECRET, body),
    "x-github-delivery": "d-1",
    "x-github-event": "pull_request_review",
    ...headers,
  };
  const given = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined));
  const event = {
    headers: given,
    body: isBase64Encoded ? Buffer.from(body).toString("base64") : body,
    isBase64Encoded,
  };
  return hook()(event, {} as LambdaContext) as Promise<{ statusCode: number }>;
};
const taken = () =>
  sqs.commandCalls(SendMessageCommand).map(({ args: [{ input }] }) => JSON.parse(input.MessageBody ?? ""));

describe("the webhook", () => {
  it.each<[string, string, Record<string, string | undefined>]>([
    ["another secret", payload(), { "x-hub-signature-256": signatureOf("other", payload()) }],
    ["other bytes", payload(), { "x-hub-signature-256": signatureOf(SECRET, `${payload()} `) }],
    ["no signature", payload(), { "x-hub-signature-256": undefined }],
    ["an empty signature", payload(), { "x-hub-signature-256": "" }],
    ["a signature without its scheme", payload(), { "x-hub-signature-256": signatureOf(SECRET, payload()).slice(7) }],
    ["nothing to sign", "", {}],
  ])("refuses a delivery with %s, and takes nothing of it", async (_, body, headers) => {
    expect(await deliver(body, headers)).toMatchObject({ statusCode: 401 });
    expect(taken()).toEqual([]);
  });

  it("takes a delivery that is signed, also one whose bytes the gateway encoded, once each under its id", async () => {
    const body = payload({ review: { body: "schön" } });
    for (const encoded of [false, true]) expect(await deliver(body, {}, encoded)).toMatchObject({ statusCode: 202 });
    expect(taken()).toMatchObject([
      { id: "d-1", event: "pull_request_review.submitted", pull: 7, sender: { login: "bob", isBot: false } },
      { id: "d-1" },
    ]);
    const dedups = sqs.commandCalls(SendMessageCommand).map(({ args: [{ input }] }) => input.MessageDeduplicationId);
    expect(new Set(dedups).size).toBe(1);
  });

  it("takes the end of checks of a pull request, and answers what concerns none", async () => {
    const suite = (numbers: readonly number[]) =>
      payload({
        action: "completed",
        pull_request: undefined,
        check_suite: { head_sha: "a".repeat(40), pull_requests: numbers.map((number) => ({ number })) },
      });
    const event = { "x-github-event": "check_suite" };
    expect(await deliver(suite([7]), event)).toMatchObject({ statusCode: 202 });
    expect(await deliver(suite([]), event)).toMatchObject({ statusCode: 202 });
    expect(await deliver("not json", event)).toMatchObject({ statusCode: 400 });
    expect(taken()).toMatchObject([{ event: "check_suite.completed", pull: 7 }]);
  });

  it.each<[string, string, object]>([
    ["check_suite", "completed", { check_suite: { head_sha: "a".repeat(40), pull_requests: [] } }],
    ["check_run", "completed", { check_run: { id: 1, name: "unit", head_sha: "a".repeat(40), external_id: "" } }],
    ["status", "", { sha: "a".repeat(40), state: "success", action: undefined }],
  ])("finds the pull requests of a %s that names none, as of a fork, by the head", async (event, action, more) => {
    const body = payload({ action, pull_request: undefined, ...more });
    const name = { "x-github-event": event };
    atHead = [];
    expect(await deliver(body, name)).toMatchObject({ statusCode: 202 });
    expect(taken()).toEqual([]);
    atHead = [{ pull: 7 }, { pull: 9 }];
    expect(await deliver(body, name)).toMatchObject({ statusCode: 202 });
    atHead = [];
    const what = action === "" ? event : `${event}.${action}`;
    expect(taken()).toMatchObject([
      { event: what, pull: 7, head: "a".repeat(40) },
      { event: what, pull: 9 },
    ]);
  });

  it("takes nothing without a secret to check by", async () => {
    const before = stored;
    stored = { appId: 1, privateKey: "-----BEGIN" };
    await expect(deliver(payload())).rejects.toMatchObject({ code: "config.invalid" });
    stored = before;
    expect(taken()).toEqual([]);
  });
});
