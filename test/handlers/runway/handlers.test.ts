import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import type { LandBatch } from "../../../functions/contracts/messages/landing-messages.ts";
import type { MergeUnit } from "../../../functions/contracts/messages/merge-unit.ts";
import { ComposeResult } from "../../../functions/contracts/messages/runway-tasks.ts";
import { Signal } from "../../../functions/contracts/messages/signals.ts";
import type { Wire } from "../../../functions/handlers/on-lambda.ts";
import { wire as wireCheck } from "../../../functions/handlers/runway/check.lambda.ts";
import { wire as wireCompose } from "../../../functions/handlers/runway/compose.lambda.ts";
import { wire as wireLand } from "../../../functions/handlers/runway/land.lambda.ts";
import { buildKey, INSTALLATION, landing, unit } from "../../adapters/git/sandbox.ts";
import { delivery, invoke, sandbox, secrets, sent, sqs, withSandbox } from "./each-sandbox.ts";

withSandbox();

const call = (wire: Wire, event: unknown, config: object = sandbox.config) => invoke(wire, event, { queues: [config] });
const sentTo = (url: string) => sent().filter(({ QueueUrl }) => QueueUrl === url);
const signals = () => sentTo("signals.fifo").map(({ MessageBody = "" }) => Signal.parse(JSON.parse(MessageBody)));
const finished = () => signals().flatMap((signal) => (signal.kind === "land-finished" ? [signal] : []));
const held = () => signals().flatMap((signal) => (signal.kind === "land-held" ? [signal] : []));

const change = (name: string): MergeUnit =>
  unit(1, [
    sandbox.branch(name, [
      { files: { f: "1\n" }, message: "one" },
      { files: { f: "2\n" }, message: "two" },
    ]),
  ]);

/** The host declines every push that moves the trunk. */
function hostSays(words: string): void {
  const hook = join(sandbox.remote, "hooks", "pre-receive");
  writeFileSync(hook, `#!/bin/sh\ngrep -q ' refs/heads/main$' || exit 0\necho '${words}' >&2\nexit 1\n`);
  chmodSync(hook, 0o755);
}

async function composed(head: MergeUnit): Promise<LandBatch> {
  const sqids = head.steps.map(({ sqid }) => sqid);
  const task = { queue: "q", installation: INSTALLATION, buildKey: buildKey(1), base: [], head, sqids };
  const result = ComposeResult.parse(await call(wireCompose, task));
  if (result.kind !== "composed") throw new Error(JSON.stringify(result));
  return landing("land-1", [{ unit: head, tested: result.composed }]);
}

describe("check", () => {
  it("answers whether a request would merge, from a task's plain input", async () => {
    const [step] = change("a").steps;
    expect(await call(wireCheck, { queue: "q", step })).toEqual({ kind: "ok", trunk: sandbox.trunk });
    sandbox.intrude({ f: "other\n" });
    expect(await call(wireCheck, { queue: "q", step })).toMatchObject({
      kind: "refused",
      reason: { code: "merge.conflict" },
    });
  });

  it.each([
    [{ queue: "q" }, "message.undecodable"],
    [{ queue: "unknown", step: { sqid: "unknown/1", changes: [], strategy: "REBASE" } }, "message.undecodable"],
  ])("fails for good on %j", async (event, code) => {
    await expect(call(wireCheck, event)).rejects.toMatchObject({ name: code });
  });

  it("bears its error's code as its name, which is what a workflow retries on", async () => {
    const [step] = change("a").steps;
    rmSync(sandbox.remote, { recursive: true });
    await expect(call(wireCheck, { queue: "q", step })).rejects.toMatchObject({ name: "repository.unavailable" });
  });

  it("reads the token that the queue names, and nothing when it names none", async () => {
    secrets.on(GetSecretValueCommand).resolves({ SecretString: "s3cret" });
    const [step] = change("a").steps;
    await call(wireCheck, { queue: "q", step });
    expect(secrets.commandCalls(GetSecretValueCommand)).toHaveLength(0);
    const { config } = sandbox;
    const named = { ...config, repository: { ...config.repository, tokenSecret: "git-token" } };
    expect(await call(wireCheck, { queue: "q", step }, named)).toMatchObject({ kind: "ok" });
    expect(secrets.commandCalls(GetSecretValueCommand)).toHaveLength(1);
  });
});

describe("land", () => {
  it("answers with one signal, and takes away the refs that built it", async () => {
    const message = await composed(change("a"));
    expect(await call(wireLand, delivery(message))).toEqual({ batchItemFailures: [] });
    expect(sandbox.log()).toEqual(["one", "two"]);
    expect(signals()).toMatchObject([
      { queue: "q", landId: "land-1", results: [{ batchId: "q/batch/1", outcome: { kind: "landed" } }] },
    ]);
    expect(sandbox.refs("refs/submitqueue/paths")).toEqual([]);
    expect(sandbox.refs("refs/submitqueue")).toHaveLength(1);
    expect(sandbox.records().get("q/batch/1")).toBe(sandbox.trunk);
  });

  it("killed between its push and its signal, it answers the repeat as landed with the original commits", async () => {
    const message = await composed(change("a"));
    sqs.on(SendMessageCommand, { QueueUrl: "signals.fifo" }).rejects(new Error("killed"));
    await call(wireLand, delivery(message));
    const { trunk } = sandbox;
    expect(sandbox.log()).toEqual(["one", "two"]);
    sqs.reset();
    sqs.resolves({});
    rmSync(sandbox.workDirectory, { recursive: true });
    sandbox.intrude({ f: "moved on\n" });
    expect(await call(wireLand, delivery(message))).toEqual({ batchItemFailures: [] });
    const [line1, line2] = sandbox.log("%H");
    expect(finished()[0]?.results).toMatchObject([
      { outcome: { kind: "landed", commit: trunk, commits: [line1, line2] } },
    ]);
    expect(sandbox.log()).toEqual(["one", "two", "pushed by hand"]);
  });

  it("an unreachable remote is held back and not answered", async () => {
    const message = await composed(change("a"));
    rmSync(sandbox.remote, { recursive: true });
    expect(await call(wireLand, delivery(message))).toEqual({ batchItemFailures: [{ itemIdentifier: "m0" }] });
    expect(signals()).toEqual([]);
    expect(sentTo("dead.fifo")).toEqual([]);
  });

  it("a change that the host declines ends with the host's words, and no dead letter", async () => {
    const message = await composed(change("a"));
    hostSays("commit message lacks a ticket");
    expect(await call(wireLand, delivery(message))).toEqual({ batchItemFailures: [] });
    expect(finished()[0]?.results).toMatchObject([
      { outcome: { kind: "refused", reason: { code: "push.declined", message: expect.stringContaining("ticket") } } },
    ]);
    expect(sentTo("dead.fifo")).toEqual([]);
    expect(sandbox.trunk).toBe(sandbox.base);
  });

  it("a host that refuses the queue itself holds the batch with the reason, and the message is kept for people", async () => {
    const message = await composed(change("a"));
    hostSays("You are not allowed to push code to protected branches on this project.");
    expect(await call(wireLand, delivery(message))).toEqual({ batchItemFailures: [] });
    expect(signals()).toHaveLength(1);
    expect(held()).toMatchObject([
      {
        held: ["q/batch/1"],
        results: [],
        reason: { code: "repository.refused", message: expect.stringContaining("protected") },
      },
    ]);
    expect(sentTo("dead.fifo")).toHaveLength(1);
    expect(sandbox.trunk).toBe(sandbox.base);
  });

  it("a remote that is no repository holds the batch: its change is not at fault", async () => {
    const message = await composed(change("a"));
    rmSync(sandbox.remote, { recursive: true });
    writeFileSync(sandbox.remote, "a file");
    expect(await call(wireLand, delivery(message))).toEqual({ batchItemFailures: [] });
    expect(held()).toMatchObject([{ held: ["q/batch/1"], reason: { code: "repository.refused" } }]);
    expect(sentTo("dead.fifo")).toHaveLength(1);
  });

  it("an unreadable message goes to the dead letters, and the next message is answered", async () => {
    const message = await composed(change("a"));
    expect(await call(wireLand, delivery({ v: 1, kind: "land-batch", batches: [] }, message))).toEqual({
      batchItemFailures: [],
    });
    expect(sentTo("dead.fifo")).toHaveLength(1);
    expect(signals()).toHaveLength(1);
  });
});
