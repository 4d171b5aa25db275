import type { SFNClient } from "@aws-sdk/client-sfn";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { putAll } from "../../../functions/adapters/dynamodb/batch-write.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import {
  batchIdOf,
  buildKeyOf,
  executionName,
  type QueueName,
  RequestNumber,
} from "../../../functions/contracts/ids.ts";
import { knownKey, requestKey } from "../../../functions/contracts/tables.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Path } from "../../../functions/domain/batch.ts";
import type { RequestState } from "../../../functions/domain/request.ts";
import type { LambdaContext } from "../../../functions/handlers/on-lambda.ts";
import { wire as sweep } from "../../../functions/handlers/orchestrator/sweep.lambda.ts";
import { aBatch } from "../../support/batch-request.ts";
import { withWorld, world } from "./each-world.ts";
import { aLand, change, type Execution, QUEUE, START, sqid } from "./world.ts";

withWorld();

const batchId = batchIdOf(sqid(1));
const buildKey = buildKeyOf("here", batchId, 1);
const { v: _v, kind: _kind, ...land } = aLand(1);
const swept = async (afterMs = 0) => {
  world.now = START + afterMs;
  await world.call(sweep, {});
};

const execution = (workflow: "admit" | "build", name: string, rest: Partial<Execution>) =>
  world.executions.set(`arn:aws:states:eu-west-1:1:execution:${workflow}:${name}`, {
    workflow: `arn:aws:states:eu-west-1:1:stateMachine:${workflow}`,
    name,
    input: aLand(1),
    status: "FAILED",
    ...rest,
  });

const building = async (overrides: Partial<Path> = {}) => {
  const path: Path = {
    buildKey,
    attempt: 1,
    heads: [batchId],
    base: [],
    without: [],
    state: "building",
    dispatched: true,
    startedAt: epochMs(START),
    ...overrides,
  };
  const touches = { paths: [], files: 0, additions: 0, deletions: 0, authors: [] };
  const request = { ...land, version: 3, touches };
  const batch = aBatch(QUEUE, batchId, START, { request, paths: [path], buildCount: 1 });
  await world.batches.put(batch, 0);
};

describe("the sweep of an idle queue", () => {
  it("sends nothing", async () => {
    await swept();
    world.trace.length = 0;
    await swept();
    expect(world.sent.size).toBe(0);
    expect(world.trace.toSorted()).toEqual([
      ...Array(3).fill("ListExecutionsCommand"),
      ...Array(3).fill("QueryCommand"),
    ]);
  });
});

describe("the sweep of a queue's builds", () => {
  it("wakes the planner, with a hint that is new each time, while a batch is live", async () => {
    await building();
    execution("build", buildKey, { status: "RUNNING" });
    await swept();
    await swept();
    expect(world.signals.map(({ kind }) => kind)).toEqual(["tick", "tick"]);
  });

  it("sends the report of a finished build again, as it was", async () => {
    await building();
    const report = { v: 1, kind: "build-finished", queue: QUEUE, batchId, buildKey, verdict: { kind: "cancelled" } };
    execution("build", buildKey, { status: "SUCCEEDED", output: report });
    await swept(120_000);
    expect(world.signals).toMatchObject([report, { kind: "tick" }]);
  });

  it.each<[string, Partial<Execution> | undefined]>([
    ["failed", { status: "FAILED" }],
    ["timed out", { status: "TIMED_OUT" }],
    ["was aborted", { status: "ABORTED" }],
    ["left no report", { status: "SUCCEEDED", output: null }],
    ["is not there", undefined],
  ])("takes a build whose workflow %s for an infrastructure failure", async (_, rest) => {
    await building();
    if (rest) execution("build", buildKey, rest);
    await swept(120_000);
    expect(world.signals[0]).toMatchObject({ kind: "build-finished", buildKey, verdict: { kind: "infrastructure" } });
  });

  it("takes a build whose workflow has failed for an infrastructure failure, when its start was not stored yet", async () => {
    await building({ dispatched: false });
    execution("build", buildKey, { status: "FAILED" });
    await swept(120_000);
    expect(world.signals[0]).toMatchObject({ kind: "build-finished", buildKey, verdict: { kind: "infrastructure" } });
  });

  it("gives up a build that the planner has not started in ten minutes", async () => {
    await building({ dispatched: false });
    await swept(600_000);
    expect(world.signals[0]).toMatchObject({ kind: "build-finished", buildKey, verdict: { kind: "infrastructure" } });
  });

  it.each<[string, Partial<Path>, number]>([
    ["that was dispatched a moment ago", {}, 119_999],
    ["that the planner is about to start", { dispatched: false }, 599_999],
    ["that has ended", { state: "passed" }, 120_000],
  ])("leaves a build %s alone", async (_, path, afterMs) => {
    await building(path);
    await swept(afterMs);
    expect(world.signals.map(({ kind }) => kind)).toEqual(["tick"]);
  });
});

describe("the sweep of a queue's requests", () => {
  const MINUTES = 60_000;
  const inState = (state: RequestState) => world.requests.create({ ...land, state, version: 2 });

  it("tells the planner again of a ready request that no batch carries", async () => {
    await inState("ready");
    await swept(5 * MINUTES);
    expect(world.signals).toEqual([]);
    await swept(6 * MINUTES);
    expect(world.signals).toMatchObject([{ kind: "request-ready", sqid: sqid(1) }]);
  });

  it("tells the planner again also of a ready request behind hundreds of others, though another can't be looked at", async () => {
    const item = (n: number, more: object) => ({
      table: world.env[ENV.requestsTable] ?? "",
      item: { ...requestKey(QUEUE, RequestNumber.parse(n)), ...land, sqid: sqid(n), version: 2, ...more },
    });
    const ended = Array.from({ length: 210 }, (_, n) => item(n + 10, { state: "landed" }));
    // Five of 300 KB: a run looks at three of them.
    const large = {
      state: "started",
      touches: { paths: [], files: 0, additions: 0, deletions: 0, authors: ["x".repeat(300_000)] },
    };
    await putAll(world.clients.dynamodb, [...ended, item(1, { state: "ready" })]);
    for (const n of [2, 3, 4, 5, 6]) await putAll(world.clients.dynamodb, [item(n, large)]);
    world.now = START + 6 * MINUTES;
    const down = { send: async () => Promise.reject(Object.assign(new Error("down"), { name: "TimeoutError" })) };
    const handler = sweep(world.env, { ...world.clients, sfn: down as unknown as SFNClient });
    for (const told of [0, 1]) {
      await expect(handler({}, {} as LambdaContext)).rejects.toMatchObject({ code: "workflow.unavailable" });
      expect(world.signals).toHaveLength(told);
    }
    expect(world.signals).toMatchObject([{ kind: "request-ready", sqid: sqid(1) }]);
  });

  it("sweeps the queues beside one whose entry among the known ones can't be read, and leaves that entry as it is", async () => {
    await inState("ready");
    const known = {
      table: world.env[ENV.batchesTable] ?? "",
      item: { ...knownKey(QUEUE), queue: QUEUE, goneSince: "soon" },
    };
    const gone = { ...known, item: { ...knownKey("gone" as QueueName), v: 2, queue: "gone" } };
    await putAll(world.clients.dynamodb, [known, gone]);
    await expect(swept(6 * MINUTES)).rejects.toMatchObject({ code: "store.unreadable" });
    expect(world.signals).toMatchObject([{ kind: "request-ready", sqid: sqid(1) }]);
    const get = new GetCommand({ TableName: known.table, Key: knownKey(QUEUE) });
    expect((await world.clients.dynamodb.send(get)).Item).toEqual(known.item);
  });

  it.each([
    ["ready", [{ kind: "request-ready", sqid: sqid(1) }], "ready"],
    ["started", [], "error"],
  ] as const)("looks at a %s request that a clock far ahead has received", async (state, told, after) => {
    await world.requests.create({ ...land, state, version: 2, receivedAt: epochMs(START + 9_000_000) });
    await swept();
    expect(world.signals).toMatchObject(told);
    expect((await world.requests.get(sqid(1)))?.state).toBe(after);
  });

  it("leaves a ready request alone that a batch carries", async () => {
    await inState("ready");
    await building({ state: "passed" });
    await swept(6 * MINUTES);
    expect(world.signals.map(({ kind }) => kind)).toEqual(["tick"]);
  });

  it("ends a request whose admission failed, once, with the reason, also when there is no row yet", async () => {
    execution("admit", executionName("admit", sqid(1)), { status: "FAILED" });
    for (let sweeps = 0; sweeps < 2; sweeps++) await swept();
    expect(await world.requests.get(sqid(1))).toMatchObject({
      state: "error",
      version: 1,
      reason: { code: "internal" },
    });
    expect(world.log).toMatchObject([{ status: "error", reason: { message: expect.stringContaining("it broke") } }]);
  });

  it("frees the changes of a request whose admission failed", async () => {
    await inState("started");
    await world.claims.claim(QUEUE, { owner: sqid(1), uri: change("change-1") }, epochMs(START));
    execution("admit", executionName("admit", sqid(1)), { status: "TIMED_OUT" });
    await swept();
    expect(await world.claims.holder(QUEUE, change("change-1"))).toBeUndefined();
  });

  it.each<RequestState>(["ready", "landed", "cancelled"])(
    "leaves a %s request alone though its admission failed",
    async (state) => {
      await inState(state);
      execution("admit", executionName("admit", sqid(1)), { status: "ABORTED" });
      await swept();
      expect([(await world.requests.get(sqid(1)))?.state, world.log]).toEqual([state, []]);
    },
  );

  it("forgets failures older than a day", async () => {
    execution("admit", executionName("admit", sqid(1)), { stoppedAt: START - 86_400_001 });
    await swept();
    expect(await world.requests.get(sqid(1))).toBeUndefined();
  });

  it.each<[string, Partial<Execution> | undefined, RequestState]>([
    ["runs", { status: "RUNNING" }, "validated"],
    ["was lost", undefined, "error"],
    ["succeeded without it", { status: "SUCCEEDED" }, "error"],
  ])("a request long in admission whose workflow %s", async (_, rest, state) => {
    await inState("validated");
    if (rest) execution("admit", executionName("admit", sqid(1)), rest);
    await swept(6 * MINUTES);
    expect((await world.requests.get(sqid(1)))?.state).toBe(state);
  });

  it("leaves a request alone whose review was only looked at beside its admission, though that look failed", async () => {
    await inState("validated");
    execution("admit", executionName("admit", sqid(1)), { status: "RUNNING" });
    execution("admit", executionName("admit", sqid(1), "woken", START), {
      status: "ABORTED",
      input: { ...aLand(1), woken: true },
    });
    await swept();
    expect([(await world.requests.get(sqid(1)))?.state, world.log]).toEqual(["validated", []]);
  });

  it("ends every request whose workflow was lost, and wakes the planner, though one workflow can't be looked at", async () => {
    await building();
    for (let n = 2; n <= 9; n++) {
      const { v: _, kind: __, ...more } = aLand(n);
      await world.requests.create({ ...more, state: "validated", version: 2 });
    }
    world.now = START + 6 * MINUTES;
    const broken = [buildKey, executionName("admit", sqid(9))];
    const { sfn } = world.clients;
    const send = async (command: { input: { executionArn?: string } }) => {
      if (broken.some((name) => command.input.executionArn?.endsWith(name))) throw new Error("refused");
      return sfn.send(command as never);
    };
    const handler = sweep(world.env, { ...world.clients, sfn: { send } as unknown as SFNClient });
    await expect(handler({}, {} as LambdaContext)).rejects.toMatchObject({ code: "internal" });
    expect(world.signals.map(({ kind }) => kind)).toEqual(["tick"]);
    const states = [2, 3, 4, 5, 6, 7, 8, 9].map(async (n) => (await world.requests.get(sqid(n)))?.state);
    expect(await Promise.all(states)).toEqual([...Array(7).fill("error"), "validated"]);
  });

  it("sweeps the rest when one part fails, and fails as a whole", async () => {
    await inState("ready");
    world.now = START + 6 * MINUTES;
    const down = async () => Promise.reject(Object.assign(new Error("down"), { name: "TimeoutError" }));
    const sfn = { send: down } as unknown as SFNClient;
    const handler = sweep(world.env, { ...world.clients, sfn });
    await expect(handler({}, {} as LambdaContext)).rejects.toMatchObject({ code: "workflow.unavailable" });
    expect(world.signals).toMatchObject([{ kind: "request-ready" }]);
  });
});
