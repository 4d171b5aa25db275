import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { putAll } from "../../../functions/adapters/dynamodb/batch-write.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import { BatchId, BuildKey } from "../../../functions/contracts/ids.ts";
import { hasEnded } from "../../../functions/contracts/log-event.ts";
import type { LandBatch } from "../../../functions/contracts/messages/landing-messages.ts";
import { Composed } from "../../../functions/contracts/messages/merge-unit.ts";
import type { Signal, SignalOf } from "../../../functions/contracts/messages/signals.ts";
import { batchKeys } from "../../../functions/contracts/tables.ts";
import { GRACE_MS } from "../../../functions/domain/removed-queue.ts";
import type { LambdaContext } from "../../../functions/handlers/on-lambda.ts";
import { wire as start } from "../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { wire as poll } from "../../../functions/handlers/orchestrator/build-workflow/poll.lambda.ts";
import { wire as trigger } from "../../../functions/handlers/orchestrator/build-workflow/trigger.lambda.ts";
import { wire as intake } from "../../../functions/handlers/orchestrator/intake.lambda.ts";
import { wire as plan } from "../../../functions/handlers/orchestrator/plan.lambda.ts";
import { wire as sweep } from "../../../functions/handlers/orchestrator/sweep.lambda.ts";
import { withWorld, world } from "./each-world.ts";
import { aLand, change, QUEUE, START, sqid } from "./world.ts";

withWorld();

const composed = Composed.parse({ commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) });
const isReady = (n: number): Signal => ({ v: 1, kind: "request-ready", queue: QUEUE, sqid: sqid(n) });
const tick = (nonce: string): Signal => ({ v: 1, kind: "tick", queue: QUEUE, nonce });
const passed = (n: number, buildKey: string): Signal => ({
  ...{ v: 1, kind: "build-finished", queue: QUEUE, batchId: `main/batch/${n}` as LandBatch["batches"][0]["batchId"] },
  ...{ buildKey: BuildKey.parse(buildKey), verdict: { kind: "passed", composed } },
});
const stateOf = async (n: number) => (await world.requests.get(sqid(n)))?.state;
const holderOf = async (n: number) => (await world.claims.holder(QUEUE, change(`change-${n}`)))?.owner;
const liveIds = async () => (await world.batches.live(QUEUE)).batches.map(({ id }) => id as string);
const later = async (ms: number) => {
  world.now += ms;
  await world.call(sweep, {});
};
const ends = (n: number) =>
  world.log.filter((entry) => entry.sqid === sqid(n) && entry.kind === "status" && hasEnded(entry.status));

/** 1 is being built, 2 is ready, 3 is validated, 4 was only started. */
async function inFlight(): Promise<void> {
  for (let n = 1; n <= 4; n++) {
    await world.deliver(intake, aLand(n));
    await world.call(start, aLand(n));
    if (n < 3) await world.makeReady(aLand(n));
    if (n === 3) await world.inspectAndValidate(aLand(n));
  }
  await world.deliver(plan, isReady(1));
}
async function landing(): Promise<LandBatch> {
  const { buildCount: built, paths } = (await world.batches.live(QUEUE)).batches[0] ?? { buildCount: 0, paths: [] };
  expect(built).toBe(1);
  await world.deliver(plan, passed(1, paths[0]?.buildKey ?? ""));
  const [message] = world.merges;
  if (message === undefined) throw new Error("nothing was sent to land");
  return message;
}
const landed = (message: LandBatch): SignalOf<"land-finished"> => ({
  ...{ v: 1, kind: "land-finished", queue: QUEUE, landId: message.id },
  results: message.batches.map(({ batchId }) => ({
    batchId,
    outcome: { kind: "landed", commit: composed.commit, tree: composed.tree, testedTree: composed.tree, commits: [] },
  })),
});

/** How a queue goes: out of the configuration, under another name, onto another branch, onto another repository. */
const WAYS: readonly (readonly [string, () => void])[] = [
  ["taken out of the configuration", () => world.configure({}, "another")],
  [
    "given another branch",
    () => world.configure({ repository: { remote: "https://git.example/shop", branch: "next" } }),
  ],
  ["given another repository", () => world.configure({ repository: { remote: "https://git.example/other" } })],
];

describe.each(WAYS)("a queue that is %s while requests are in flight", (_, remove) => {
  it("keeps them for ten minutes, then ends each with the reason, and frees what they hold", async () => {
    await inFlight();
    remove();
    await later(0);
    await later(GRACE_MS - 1);
    for (let n = 1; n <= 4; n++) expect(ends(n)).toEqual([]);
    expect(await liveIds()).toEqual(["main/batch/1"]);
    await later(1);
    for (let n = 1; n <= 4; n++) {
      expect(await world.requests.get(sqid(n))).toMatchObject({ state: "error", reason: { code: "queue.removed" } });
      expect(ends(n)).toMatchObject([{ status: "error", reason: { code: "queue.removed" } }]);
      expect(await holderOf(n)).toBeUndefined();
    }
    expect(await liveIds()).toEqual([]);
    expect(world.dead_letters).toEqual([]);
  });

  it("goes on when it is put back before that", async () => {
    await inFlight();
    remove();
    await later(0);
    await world.deliver(plan, isReady(2), tick("1"));
    expect(await liveIds()).toEqual(["main/batch/1"]);
    world.configure({});
    await later(GRACE_MS - 1);
    await later(GRACE_MS);
    await world.deliver(plan, isReady(2));
    expect(await liveIds()).toEqual(["main/batch/1", "main/batch/2"]);
    expect(await stateOf(1)).toBe("ready");
    await landing();
  });

  it("takes every message without a dead letter, and plans nothing", async () => {
    await inFlight();
    const [{ paths } = { paths: [] }] = (await world.batches.live(QUEUE)).batches;
    remove();
    const executions = world.executions.size;
    const signals: Signal[] = [
      isReady(2),
      passed(1, paths[0]?.buildKey ?? ""),
      { v: 1, kind: "cancel-requested", queue: QUEUE, sqid: sqid(2) },
      { v: 1, kind: "queue-control", queue: QUEUE, mode: "paused", at: aLand(1).receivedAt, version: 1 },
      tick("1"),
    ];
    expect(await world.deliver(plan, ...signals)).toEqual([]);
    expect([world.dead_letters, world.merges, world.executions.size]).toEqual([[], [], executions]);
    expect(await liveIds()).toEqual(["main/batch/1"]);
  });

  it("says of a request that landed at that time that it landed", async () => {
    await inFlight();
    const message = await landing();
    remove();
    await world.deliver(plan, landed(message));
    expect(ends(1)).toMatchObject([{ status: "landed", metadata: { commit: composed.commit } }]);
    expect(await holderOf(1)).toBeUndefined();
    await later(0);
    await later(GRACE_MS);
    expect(await stateOf(1)).toBe("landed");
    expect(ends(1)).toHaveLength(1);
    expect(await liveIds()).toEqual([]);
  });

  it("says of a request whose landing was never answered that it may have landed", async () => {
    await inFlight();
    await landing();
    remove();
    await later(0);
    await later(GRACE_MS);
    expect((await world.requests.get(sqid(1)))?.reason?.message).toMatch(
      new RegExp(`the outcome is not known.*${composed.commit}`),
    );
    expect((await world.requests.get(sqid(2)))?.reason?.message).toContain("Nothing of this request was landed");
  });

  it.each(["land-finished", "land-held"] as const)(
    "says of a request that it landed when %s tells so after the request has ended",
    async (kind) => {
      await inFlight();
      const message = await landing();
      remove();
      await later(0);
      await later(GRACE_MS);
      expect(await stateOf(1)).toBe("error");
      const { results, ...finished } = landed(message);
      const reason = { code: "repository.refused" as const, message: "main is protected" };
      const held = { ...finished, kind: "land-held" as const, results, held: [], reason, at: aLand(1).receivedAt };
      for (let times = 0; times < 2; times++)
        await world.deliver(plan, kind === "land-held" ? held : { ...finished, results });
      expect(await world.requests.get(sqid(1))).toMatchObject({ state: "landed", version: 4 });
      expect(await world.requests.get(sqid(1))).not.toHaveProperty("reason");
      const told = new Map(ends(1).map((entry) => [entry.id, entry]));
      expect([...told.values()]).toMatchObject([
        { status: "error", version: 3 },
        { status: "landed", version: 4, metadata: { commit: composed.commit } },
      ]);
    },
  );

  it("lets a request that was being cancelled end as cancelled", async () => {
    await inFlight();
    await world.deliver(plan, { v: 1, kind: "cancel-requested", queue: QUEUE, sqid: sqid(1), note: "not yet" });
    remove();
    await later(0);
    await later(GRACE_MS);
    expect(ends(1)).toMatchObject([{ status: "cancelled", reason: { message: "Cancelled: not yet" } }]);
  });

  it.each([1, 2, 3, 5, 8, 13, 20])("is ended once also when the sweep dies at its call %i", async (at) => {
    await inFlight();
    remove();
    await later(0);
    world.now += GRACE_MS;
    world.dieAt({ at, moment: "after" });
    await world.call(sweep, {}).catch(() => undefined);
    world.revive();
    await later(60_000);
    for (let n = 1; n <= 4; n++) {
      expect(await stateOf(n)).toBe("error");
      expect(new Set(ends(n).map(({ id, at: when }) => `${id} ${when}`)).size).toBe(1);
      expect(await holderOf(n)).toBeUndefined();
    }
    expect(await liveIds()).toEqual([]);
  });

  it("warns of how many requests are in flight, once per process", async () => {
    await inFlight();
    remove();
    const lines: unknown[] = [];
    const log = { warn: (...line: unknown[]) => lines.push(line), info: () => {}, error: () => {} };
    const handler = sweep(world.env, { ...world.clients, log: log as never });
    for (let n = 0; n < 2; n++) await handler({}, {} as never);
    expect(lines).toMatchObject([
      [{ queue: QUEUE, requests: 4 }, expect.stringMatching(/4 of its requests are in flight/)],
    ]);
  });
});

describe("a running build of a queue that is gone", () => {
  const task = { queue: QUEUE, batchId: "main/batch/1", buildKey: "" };
  it("runs on as long as the queue may be put back, and is then stopped", async () => {
    world.configure({ buildRunner: { type: "fake", timeoutSeconds: 3_600, pollSeconds: 5 } });
    const hang = [change("change-1", "sq-fake=build-hang")];
    await world.deliver(intake, aLand(1, { changes: hang }));
    await world.call(sweep, {});
    await world.call(start, aLand(1, { changes: hang }));
    await world.makeReady(aLand(1, { changes: hang }));
    await world.deliver(plan, isReady(1));
    const order = [...world.executions.values()].find(({ workflow }) => workflow.endsWith("build"));
    await world.call(trigger, { ...(order?.input as object), composed });
    const asked = { ...task, buildKey: order?.name };
    world.configure({}, "another");
    await later(0);
    expect(await world.call(poll, asked)).toMatchObject({ kind: "running" });
    await later(GRACE_MS - 1);
    expect(await world.call(poll, asked)).toMatchObject({ kind: "running" });
    await later(1);
    expect(await world.call(poll, asked)).toMatchObject({ kind: "finished", verdict: { kind: "cancelled" } });
  });
});

describe("a queue that is configured for another target", () => {
  const elsewhere = { repository: { remote: "https://git.example/shop", branch: "next" } };

  it("plans its new requests for the new target at once when nothing was in flight", async () => {
    await world.call(sweep, {});
    world.configure(elsewhere);
    await world.deliver(intake, aLand(1));
    await world.call(start, aLand(1));
    await world.makeReady(aLand(1));
    await world.deliver(plan, isReady(1));
    await later(60_000);
    await later(GRACE_MS);
    expect(await liveIds()).toEqual(["main/batch/1"]);
    expect(await stateOf(1)).toBe("ready");
    expect((await landing()).target).toBe("https://git.example/shop#next");
  });

  it("plans its new requests once the old ones have ended", async () => {
    await inFlight();
    world.configure(elsewhere);
    await later(0);
    const five = aLand(5);
    await world.deliver(intake, five);
    await world.call(start, five);
    await world.makeReady(five);
    await world.deliver(plan, isReady(5));
    expect(await liveIds()).toEqual(["main/batch/1"]);
    await later(GRACE_MS);
    expect([await stateOf(1), await stateOf(5)]).toEqual(["error", "ready"]);
    await later(60_000);
    await world.deliver(plan, isReady(5));
    expect(await liveIds()).toEqual(["main/batch/5"]);
    await later(GRACE_MS);
    expect(await stateOf(5)).toBe("ready");
  });
});

describe("what a removed queue costs", () => {
  it("two queries a minute once its requests have ended, and nothing once it is forgotten", async () => {
    await inFlight();
    world.configure({}, "another");
    await later(0);
    await later(GRACE_MS);
    world.trace.length = 0;
    await later(60_000);
    const queries = () => world.trace.filter((call) => call === "QueryCommand").length;
    // The known queues, two of the queue that is configured, and two of the removed one.
    expect(queries()).toBe(5);
    await later(2 * 86_400_000);
    world.trace.length = 0;
    await later(60_000);
    expect(queries()).toBe(3);
  });

  it("a Land that comes late is taken, and ended by the next sweep", async () => {
    await world.deliver(intake, aLand(9));
    world.configure({}, "another");
    await later(0);
    await later(GRACE_MS);
    await world.deliver(intake, aLand(1));
    await world.call(start, aLand(1));
    await later(60_000);
    expect(ends(1)).toMatchObject([{ status: "error", reason: { code: "queue.removed" } }]);
    expect(START).toBeLessThan(world.now);
  });
});

it("one request that can't be ended keeps no other of a removed queue from its end", async () => {
  for (let n = 1; n <= 9; n++) await world.call(start, aLand(n));
  await world.call(sweep, {});
  world.configure({}, "another");
  await later(0);
  const { dynamodb } = world.clients;
  const send = async (command: { readonly input: { readonly Key?: unknown; readonly UpdateExpression?: string } }) => {
    const key = JSON.stringify(command.input.Key ?? {});
    if (command.input.UpdateExpression !== undefined && /0*9"\}$/.test(key)) throw new Error("refused");
    return dynamodb.send(command as never);
  };
  world.now += GRACE_MS;
  const handler = sweep(world.env, { ...world.clients, dynamodb: { send } as unknown as typeof dynamodb });
  await expect(handler({}, {} as LambdaContext)).rejects.toMatchObject({ code: "internal" });
  expect(await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9].map(stateOf))).toEqual([...Array(8).fill("error"), "started"]);
});

it("a batch of a removed queue that can't be read keeps its request, and no other, from its end", async () => {
  await inFlight();
  const table = world.env[ENV.batchesTable] ?? "";
  const Key = batchKeys.live(QUEUE, BatchId.parse("main/batch/1"));
  const { Item } = await world.clients.dynamodb.send(new GetCommand({ TableName: table, Key }));
  await putAll(world.clients.dynamodb, [{ table, item: { ...Item, v: 2 } }]);
  world.configure({}, "another");
  await later(0);
  for (const ms of [GRACE_MS, 60_000]) await expect(later(ms)).rejects.toMatchObject({ code: "store.unreadable" });
  expect(await Promise.all([1, 2, 3, 4].map(stateOf))).toEqual(["ready", "error", "error", "error"]);
  const found = await world.clients.dynamodb.send(new GetCommand({ TableName: table, Key }));
  expect(found.Item).toEqual({ ...Item, v: 2 });
});
