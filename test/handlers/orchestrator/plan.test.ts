import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { ENV } from "../../../functions/contracts/environment.ts";
import { BatchId, BuildKey, RequestNumber } from "../../../functions/contracts/ids.ts";
import { Composed } from "../../../functions/contracts/messages/merge-unit.ts";
import type { Land } from "../../../functions/contracts/messages/request-messages.ts";
import type { Signal, SignalOf } from "../../../functions/contracts/messages/signals.ts";
import { batchKeys, requestKey } from "../../../functions/contracts/tables.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { wire as start } from "../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { wire as plan } from "../../../functions/handlers/orchestrator/plan.lambda.ts";
import { dynalite, withWorld, world } from "./each-world.ts";
import { aLand, change, QUEUE, START, sqid } from "./world.ts";

withWorld();

const isReady = (n: number): SignalOf<"request-ready"> => ({
  v: 1,
  kind: "request-ready",
  queue: QUEUE,
  sqid: sqid(n),
});
const pass = async (land: Land) => {
  await world.call(start, land);
  await world.makeReady(land);
};
const admit = async (n: number, files = `file-${n}`) => {
  const land = aLand(n, { changes: [change(`change-${n}`, `sq-files=${files}`)] });
  await pass(land);
};
const composed = Composed.parse({ commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) });
const liveBatches = async () => (await world.batches.live(QUEUE)).batches;

describe("plan", () => {
  it("takes up to ten signals of a queue in one run: one query, and a batch per request", async () => {
    for (let n = 1; n <= 10; n++) await admit(n);
    world.trace.length = 0;
    const signals = Array.from({ length: 10 }, (_, n) => isReady(n + 1));
    expect(await world.deliver(plan, ...signals)).toEqual([]);
    expect(world.trace.filter((call) => call === "QueryCommand")).toHaveLength(1);
    expect((await liveBatches()).map(({ request }) => request.sqid).sort()).toEqual(
      Array.from({ length: 10 }, (_, n) => sqid(n + 1)).sort(),
    );
  });

  it("gives the batch its request's priority", async () => {
    const land = aLand(1, { priority: 2 });
    await pass(land);
    await world.deliver(plan, isReady(1));
    expect(await liveBatches()).toMatchObject([{ priority: 2 }]);
  });

  it("carries a request in one batch, however often it is told of it", async () => {
    await admit(1);
    await world.deliver(plan, isReady(1), isReady(1));
    await world.deliver(plan, isReady(1));
    expect(await liveBatches()).toHaveLength(1);
    expect(world.executions.size).toBe(1);
  });

  it("finds at the next signal of any kind what a crash kept from being carried out", async () => {
    await admit(1);
    world.trace.length = 0;
    // Query, request, queue, batch: and dead before the build is started.
    world.dieAt({ at: 4, moment: "after" });
    expect(await world.deliver(plan, isReady(1))).toEqual(["m0"]);
    world.revive();
    expect(world.executions.size).toBe(0);
    await world.deliver(plan, { v: 1, kind: "tick", queue: QUEUE, nonce: "1" } satisfies Signal);
    expect(world.executions.size).toBe(1);
    expect(world.logOf(1)).toContain("speculating");
  });

  it("writes that a build was started with the build's end; a new process starts the build again, under the same name", async () => {
    await admit(1);
    const tick = (nonce: string): Signal => ({ v: 1, kind: "tick", queue: QUEUE, nonce });
    const stored = async () => (await liveBatches())[0];
    const warm = plan(world.env, world.clients);
    /** What a run calls; `warm` is the process that started the build. */
    const calls = async (process: typeof warm, signal: Signal) => {
      world.trace.length = 0;
      await world.deliver(() => process, signal);
      return world.trace.map((name) => name.replace("Command", ""));
    };
    expect(await calls(warm, isReady(1))).toEqual(["Query", "Get", "Put", "Put", "StartExecution", "SendMessageBatch"]);
    expect(await stored()).toMatchObject({ version: 1, paths: [{ dispatched: false }] });
    expect(await calls(warm, tick("1"))).toEqual(["Query"]);

    const cold = plan(world.env, world.clients);
    expect(await calls(cold, tick("2"))).toEqual(["Query", "StartExecution", "SendMessageBatch", "Put"]);
    expect(await stored()).toMatchObject({ version: 2, outbox: [], paths: [{ dispatched: true }] });
    expect(world.executions.size).toBe(1);
    for (const process of [warm, cold]) expect(await calls(process, tick("3"))).toEqual(["Query"]);
  });

  it.each([
    ["before", [0, 1]],
    ["after", [1, 0]],
  ])("cancels a ready request whose cancel comes %s the news that it is ready, in one run", async (_, order) => {
    await admit(1);
    const both: Signal[] = [{ v: 1, kind: "cancel-requested", queue: QUEUE, sqid: sqid(1) }, isReady(1)];
    await world.deliver(plan, ...order.map((index) => both[index]));
    await world.deliver(plan, { v: 1, kind: "tick", queue: QUEUE, nonce: "1" } satisfies Signal);
    expect((await world.requests.get(sqid(1)))?.state).toBe("cancelled");
    expect((await liveBatches()).filter(({ state }) => state === "speculating")).toEqual([]);
    expect(world.logOf(1).filter((entry) => entry === "cancelled")).toEqual(["cancelled"]);
  });

  it("goes on building while the queue is paused, and lands nothing until it is resumed", async () => {
    const control = (mode: "paused" | "open", version: number): Signal => ({
      ...{ v: 1, kind: "queue-control", queue: QUEUE, mode, at: epochMs(START), version },
    });
    const passed = (buildKey: string): Signal => ({
      ...{ v: 1, kind: "build-finished", queue: QUEUE, batchId: BatchId.parse("main/batch/1") },
      buildKey: BuildKey.parse(buildKey),
      verdict: { kind: "passed", composed },
    });
    await admit(1);
    await world.deliver(plan, control("paused", 1), isReady(1));
    const [execution] = [...world.executions.values()];
    await world.deliver(plan, passed(execution?.name ?? ""), control("open", 0));
    expect((await world.batches.live(QUEUE)).queue).toMatchObject({ paused: { since: START }, control: 1 });
    expect([world.merges, await liveBatches()]).toMatchObject([[], [{ state: "speculating" }]]);
    await world.deliver(plan, control("open", 2));
    expect(world.merges).toMatchObject([{ batches: [{ batchId: "main/batch/1" }] }]);
  });

  it("plans the others when a request that a signal names can't be read", async () => {
    for (const n of [1, 2]) await admit(n);
    const Key = requestKey(QUEUE, RequestNumber.parse(1));
    const TableName = world.env[ENV.requestsTable];
    const { Item } = await dynalite.client.send(new GetCommand({ TableName, Key }));
    await dynalite.client.send(new PutCommand({ TableName, Item: { ...Item, strategy: "FORCE" } }));
    expect(await world.deliver(plan, isReady(1), isReady(2))).toEqual([]);
    expect((await liveBatches()).map(({ id }) => id)).toEqual(["main/batch/2"]);
    expect(world.dead_letters).toEqual([]);
    await dynalite.client.send(new PutCommand({ TableName, Item }));
    await world.deliver(plan, isReady(1));
    expect(await liveBatches()).toHaveLength(2);
  });

  it("stands still, and ends nothing, while a batch of its queue can't be read", async () => {
    await admit(1);
    await world.deliver(plan, isReady(1));
    const Key = batchKeys.live(QUEUE, BatchId.parse("main/batch/1"));
    const TableName = world.env[ENV.batchesTable];
    const { Item } = await dynalite.client.send(new GetCommand({ TableName, Key }));
    await dynalite.client.send(new PutCommand({ TableName, Item: { ...Item, v: 2 } }));
    await admit(2);
    expect(await world.deliver(plan, isReady(2))).toEqual(["m0"]);
    expect((await world.requests.get(sqid(2)))?.state).toBe("ready");
    await dynalite.client.send(new PutCommand({ TableName, Item }));
    expect(await world.deliver(plan, isReady(2))).toEqual([]);
    expect(await liveBatches()).toHaveLength(2);
  });

  it("does not end a request that a batch carries, when a repeat of its signal is given up", async () => {
    await admit(1);
    await world.deliver(plan, isReady(1));
    world.configure({}, "another");
    await world.deliver(plan, isReady(1));
    expect((await world.requests.get(sqid(1)))?.state).toBe("ready");
  });
});
