import { beforeEach, describe, expect, it, vi } from "vitest";
import { BuildKey, GitSha, trunkIdOf } from "../../../functions/contracts/ids.ts";
import { TrunkChanged } from "../../../functions/contracts/messages/log-messages.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";
import { wire as report } from "../../../functions/handlers/orchestrator/build-workflow/report.lambda.ts";
import { wire as trigger } from "../../../functions/handlers/orchestrator/build-workflow/trigger.lambda.ts";
import { wire as sweep } from "../../../functions/handlers/orchestrator/sweep.lambda.ts";
import { withWorld, world } from "./each-world.ts";
import { Runtime } from "./runtime.ts";
import { aLand, change, type Death, QUEUE, START, sqid } from "./world.ts";

// The tests do not wait for retries.
vi.mock("node:timers/promises", async (original) => ({
  ...(await original<typeof import("node:timers/promises")>()),
  setTimeout: async () => undefined,
}));

withWorld();
beforeEach(() => {
  world.configure({ conflictAnalyzer: { type: "paths" } });
});

const [FINE, BROKEN] = ["1", "2"].map((digit) => GitSha.parse(digit.repeat(40))) as [GitSha, GitSha];
const trunkId = trunkIdOf(QUEUE);

/** What the gateway was told of the trunk. */
const told = () =>
  (world.sent.get("log") ?? []).flatMap(({ body }) => {
    const changed = TrunkChanged.safeParse(JSON.parse(body));
    return changed.success ? [changed.data] : [];
  });

/** The trunk is at a broken commit, which change `main/<repair>` mends. */
function broken(repair?: number): Runtime {
  const runtime = new Runtime(world);
  runtime.tip = BROKEN;
  runtime.breaks = ({ sqids }, { trunk }) => trunk === BROKEN && !sqids.some((id) => id === `main/${repair}`);
  return runtime;
}

const ask = (runtime: Runtime, n: number) =>
  runtime.send(aLand(n, { changes: [change(`change-${n}`, `sq-files=f${n}`)] }));
const statesOf = (...numbers: readonly number[]) =>
  Promise.all(numbers.map(async (n) => (await world.requests.get(sqid(n)))?.state));

describe("a red trunk", () => {
  it("holds the queue, tells the gateway, lets the repair through, and then lands the others", async () => {
    const runtime = broken(3);
    for (const n of [1, 2]) ask(runtime, n);
    await runtime.settle();
    expect(await statesOf(1, 2)).toEqual(["ready", "ready"]);
    expect(world.log.filter((entry) => entry.metadata["blocker"] === "trunk.red").map((entry) => entry.sqid)).toEqual(
      expect.arrayContaining([sqid(1), sqid(2)]),
    );
    expect(told()).toMatchObject([{ version: 1, red: { commit: BROKEN, author: "Ann" } }]);
    ask(runtime, 3);
    await runtime.settle();
    for (let minute = 0; minute < 3; minute++) await runtime.minute();
    expect(runtime.trunk).toEqual([3, 1, 2].map(sqid));
    expect(told().map(({ version, red }) => [version, red?.commit])).toEqual([
      [1, BROKEN],
      [2, undefined],
    ]);
  });

  it("is looked at every minute, also when nothing waits, and builds no commit twice for it", async () => {
    const runtime = broken();
    ask(runtime, 1);
    await runtime.settle();
    for (let minute = 0; minute < 3; minute++) await runtime.minute();
    const orders = [...world.executions.values()].filter(
      ({ input }) => (input as { batchId?: string }).batchId === trunkId,
    );
    expect(orders.length).toBeGreaterThan(2);
    const looks = orders.slice(1).map(({ input }) => (input as { head: { unless: string[] } }).head.unless);
    expect(looks.every((unless) => unless.includes(BROKEN))).toBe(true);
    runtime.tip = FINE;
    await runtime.minute();
    await runtime.minute();
    expect(runtime.trunk).toEqual([sqid(1)]);
  });

  it.each<Death>([
    { at: 8, moment: "after" },
    { at: 20, moment: "before" },
    { at: 33, moment: "after" },
    { at: 47, moment: "before" },
    { at: 61, moment: "after" },
    { at: 80, moment: "before" },
  ])("is got through by a process that dies: $moment call $at", async (death) => {
    const runtime = broken(3);
    world.dieAt(death);
    for (const n of [1, 2, 3]) ask(runtime, n);
    await runtime.settle();
    for (let minute = 0; minute < 15 && runtime.trunk.length < 3; minute++) await runtime.minute();
    await runtime.minute();
    expect(runtime.trunk.toSorted()).toEqual([1, 2, 3].map(sqid));
    expect(await statesOf(1, 2, 3)).toEqual(["landed", "landed", "landed"]);
    expect((await world.batches.own(QUEUE)).trunk?.build).toBeUndefined();
  });
});

describe("the build of the trunk itself", () => {
  const buildKey = BuildKey.parse("7".repeat(32));
  const build = { buildKey, state: "building" as const, dispatched: true, startedAt: epochMs(START), unless: [] };
  const composed = { commit: FINE, tree: BROKEN, trunk: FINE, author: "Ann" };
  const order = {
    queue: QUEUE,
    batchId: trunkId,
    buildKey,
    attempt: 1,
    base: [],
    head: { batchId: trunkId, steps: [], unless: [] },
    sqids: [],
    without: [],
    composed,
    under: BROKEN,
    ref: "refs/x",
  };
  const planned = (state: "building" | "cancelling" | undefined) =>
    world.batches.putQueue(
      {
        queue: QUEUE,
        installation: "here",
        nextArrival: 1,
        nextPosition: 1,
        trunk: { ...UNKNOWN_TRUNK, ...(state === undefined ? {} : { build: { ...build, state } }) },
        version: 1,
      },
      0,
    );

  it("asks the runner for the trunk's own commit, about what was added since, and tells no request", async () => {
    await planned("building");
    expect(await world.call(trigger, order)).toMatchObject({ verdict: { kind: "passed", composed } });
    expect(await world.builds.get(buildKey)).toMatchObject({ batchId: trunkId, composed, under: BROKEN });
    expect(world.log).toEqual([]);
  });

  it.each(["cancelling", undefined] as const)("asks for nothing when it is %s", async (state) => {
    await planned(state);
    expect(await world.call(trigger, order)).toEqual({ kind: "finished", verdict: { kind: "cancelled" } });
    expect(await world.builds.get(buildKey)).toBeUndefined();
  });

  it("reports a trunk that needs no build", async () => {
    const compose = { kind: "unchanged", trunk: FINE };
    expect(await world.call(report, { ...order, compose })).toMatchObject({
      kind: "build-finished",
      batchId: trunkId,
      verdict: { kind: "unchanged", trunk: FINE },
    });
  });

  it("is reported again by the sweep when its report was lost", async () => {
    await planned("building");
    world.now = START + 120_000;
    await world.call(sweep, {});
    expect(world.signals).toMatchObject([{ kind: "build-finished", batchId: trunkId, buildKey }]);
  });
});
