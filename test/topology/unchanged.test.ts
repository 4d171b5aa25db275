import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { Problem } from "../../functions/contracts/api/problem.ts";
import { ENV } from "../../functions/contracts/environment.ts";
import type { Observer } from "../../localstack/embedded/observer.ts";
import { FAKE, startTopology, type Topology } from "../support/topology.ts";
import { until } from "../support/wait.ts";
import { eventually } from "./lane.ts";
import { memory, told } from "./tables.ts";

let topology: Topology;
/** Every message that a function sent, with the URL of its topic. */
const sent: { readonly url: string; readonly body: string }[] = [];
/** The functions that have run. */
const ended = new Set<string>();
const Sent = z.object({
  QueueUrl: z.string(),
  MessageBody: z.string().optional(),
  Entries: z.array(z.object({ MessageBody: z.string().optional() })).default([]),
});
const observer: Observer = {
  call({ service, operation, input, role }) {
    if (service !== "sqs" || role === undefined || !operation.startsWith("SendMessage")) return;
    const { QueueUrl: url, ...message } = Sent.parse(input);
    for (const { MessageBody: body } of [message, ...message.Entries]) if (body !== undefined) sent.push({ url, body });
  },
  invocation: (id) => () => void ended.add(id),
  transition: () => {},
};

beforeAll(async () => {
  // A sweep may tell the planner of anything at any time: there is one at the start, and no other.
  const options = { observer, schedulesEveryMs: 24 * 3_600_000 };
  topology = await startTopology({ again: FAKE, keyed: FAKE, quiet: FAKE }, undefined, options);
  const { functions, schedules } = topology.runtime.deployment;
  const swept = functions.filter(({ arn }) => schedules.some(({ functionArn }) => functionArn === arn));
  await until(() => swept.every(({ id }) => ended.has(id)));
});
afterAll(() => topology.stop());

const isDrained = (depths: ReadonlyMap<string, number>) => depths.values().every((depth) => depth === 0);
const drained = () => eventually("the topics are empty", async () => topology.runtime.depths(), isDrained);

let repeats = 0;

/** Sends a message under a deduplication id of its own: as a repeat after the five minutes for which FIFO topics remember one. */
async function send(QueueUrl: string, MessageBody: string): Promise<void> {
  const id = `repeat-${repeats++}`;
  const fifo = QueueUrl.endsWith(".fifo") ? { MessageGroupId: "repeats", MessageDeduplicationId: id } : {};
  await topology.runtime.operator.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...fifo }));
}

describe("earlier answers", () => {
  it("changes nothing when it is said again, also long after: no message of a landed request does anything twice", async () => {
    const { lane, remote } = topology.at("again");
    const landed = await lane.landed(await remote.change("one", { "a.txt": "a\n" }));
    await drained();
    const messages = sent.filter(({ body }) => JSON.parse(body).queue === "again");
    const topics = [ENV.requestsTopic, ENV.signalsTopic, ENV.mergesTopic, ENV.logTopic] as const;
    const counts = topics.map((topic) => messages.filter(({ url }) => url === told(topology.runtime, topic)).length);
    // Of the entries in the log, the API writes the first.
    expect(counts).toEqual([1, 3, 1, (await lane.history(landed.sqid)).length - 1]);
    expect(messages).toHaveLength(counts.reduce((sum, count) => sum + count, 0));
    const seen = async () => ({
      summary: await lane.get(landed.sqid),
      history: await lane.history(landed.sqid),
      refs: await remote.refs(),
      moves: await remote.moves(),
      memory: await memory(topology.runtime),
    });
    const before = await seen();
    for (const { url, body } of messages) await send(url, body);
    await drained();
    expect(await seen()).toEqual(before);
    expect(await lane.landed(await remote.change("sentinel", { "b.txt": "b\n" }))).toMatchObject({ status: "landed" });
    expect(await remote.moves()).toBe(2);
  });

  it("is the same request when a Land is repeated under its Idempotency-Key", async () => {
    const { lane, remote } = topology.at("keyed");
    const change = await remote.change("one", { "a.txt": "a\n" });
    const headers = { "idempotency-key": "a-key" };
    const first = await lane.land(change, { headers });
    expect(await lane.land(change, { headers })).toMatchObject({ sqid: first.sqid });
    expect(await lane.end(first.sqid)).toMatchObject({ status: "landed" });
    expect(await lane.land(change, { headers })).toMatchObject({ sqid: first.sqid, status: "landed" });
    expect((await lane.list()).requests).toHaveLength(1);
    expect(await remote.moves()).toBe(1);
  });
});

const CONTENT_TYPE = "request.unsupported_media_type";

describe("bad input", () => {
  const sha = "ab".repeat(20);
  const good = `git://localhost/quiet/refs%2Fheads%2Fone/${sha}`;
  const json = { "content-type": "application/json" };
  const post = (body: unknown) => ({ method: "POST", headers: json, body: JSON.stringify(body) });
  const landing = "quiet/requests";

  it.each<[what: string, path: string, init: RequestInit, status: number, code: string]>([
    ["an unknown queue", "nowhere/requests", post({ changes: [good] }), 404, "queue.unknown"],
    ["a queue name that no queue can have", "No%20Where/requests", post({ changes: [good] }), 404, "queue.unknown"],
    ["no changes", landing, post({ changes: [] }), 400, "request.invalid"],
    ["a body without changes", landing, post({}), 400, "request.invalid"],
    ["a change that is no URI", landing, post({ changes: ["one"] }), 400, "request.invalid"],
    ["a commit in capitals", landing, post({ changes: [good.replaceAll("ab", "AB")] }), 400, "request.invalid"],
    ["a ref that is not encoded", landing, post({ changes: [good.replaceAll("%2F", "/")] }), 400, "request.invalid"],
    ["a change that is named twice", landing, post({ changes: [good, good] }), 400, "request.invalid"],
    ["a change that is too long", landing, post({ changes: [`${good}?${"x".repeat(1_000)}`] }), 400, "request.invalid"],
    ["too many changes", landing, post({ changes: manyOf(good, 51) }), 400, "request.invalid"],
    ["an unknown strategy", landing, post({ changes: [good], strategy: "FORCE" }), 400, "request.invalid"],
    ["a PROMOTE of two", landing, post({ changes: manyOf(good, 2), strategy: "PROMOTE" }), 400, "request.invalid"],
    ["an unknown field", landing, post({ changes: [good], urgent: true }), 400, "request.invalid"],
    ["a body that is no JSON", landing, { ...post({}), body: "{changes" }, 400, "request.malformed_json"],
    ["a form", landing, { method: "POST", body: new URLSearchParams({ changes: good }) }, 415, CONTENT_TYPE],
    ["a cancel of an unknown request", `${landing}/7/cancel`, post({}), 404, "land.unknown"],
    ["a cancel without a number", `${landing}//cancel`, post({}), 404, "route.unknown"],
    ["a cancel with a long reason", `${landing}/7/cancel`, post({ reason: "x".repeat(501) }), 400, "request.invalid"],
    ["a read of an unknown request", `${landing}/7`, {}, 404, "land.unknown"],
    ["a read of what is no number", `${landing}/seven`, {}, 400, "request.invalid"],
    ["a page of nothing", `${landing}?limit=0`, {}, 400, "request.invalid"],
    ["a page that was never given out", `${landing}?page=abc`, {}, 400, "page.invalid_token"],
    ["a method that is not there", landing, { method: "DELETE" }, 405, "route.method_not_allowed"],
    ["a path that is not there", "quiet/batches", {}, 404, "route.unknown"],
  ])("%s gets its problem document, and changes nothing", async (_, path, init, status, code) => {
    const before = await memory(topology.runtime);
    const response = await fetch(`${topology.url}/v1/queues/${path}`, init);
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    const problem = Problem.parse(await response.json());
    expect({ http: response.status, ...problem }).toMatchObject({ http: status, status, code });
    expect(problem.detail).not.toBe("");
    expect(await memory(topology.runtime)).toEqual(before);
  });
});

function manyOf(uri: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${uri}?${index}`);
}
