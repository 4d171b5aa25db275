import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { aQueue, type Fate, finish, sqid, World } from "./world.ts";

const arrival = SpeculationConfig.parse({ order: "arrival", scorer: { type: "flat", success: 0.95 } });

const worldOf = (fate: Partial<Fate>, config: Partial<QueueConfig> = {}): World =>
  new World(aQueue({ budget: 8, speculation: arrival, ...config }), { bad: new Set(), clashes: [], ...fate });

const buildsOf = (world: World, n: number) =>
  [...world.builds.values()].filter(({ head }) => String(head) === String(n));
const treesOf = (world: World, n: number) =>
  world.running().flatMap(({ head, tree }) => (head[0] === n ? [[...tree]] : []));

/** 2 is built on 1, which is undecided, and fails for no reason. */
const flakeOnAnUndecidedParent = (config: Partial<QueueConfig>): World => {
  const world = worldOf({}, config);
  world.ready(1, ["a"]);
  world.ready(2, ["a"]);
  world.run();
  flake(world, 2);
  return world;
};

function flake(world: World, n: number): void {
  const build = world.running().find(({ head }) => head[0] === n);
  if (build) world.finish(build, "flakes");
  world.run();
}

const heads = { buildRunner: BuildRunnerConfig.parse({ type: "fake", tests: "affected" }) };

describe("a build that fails while its parent is undecided", () => {
  it.each([{}, heads])("is not repeated before the parent has passed, and is then: %j", (config) => {
    const world = flakeOnAnUndecidedParent({ retries: 1, ...config });
    expect(treesOf(world, 2)).not.toContainEqual([1, 2]);
    finish(world, [1]);
    expect(treesOf(world, 2)).toContainEqual([1, 2]);
    world.drain();
    expect(world.trunk).toEqual([1, 2]);
  });

  it("ends the change when no repeat is configured", () => {
    const world = flakeOnAnUndecidedParent({ retries: 0 });
    world.drain();
    expect(world.stateOf(2)).toBe("error");
  });

  it("says which build is repeated, and why", () => {
    const world = flakeOnAnUndecidedParent({ retries: 1 });
    const [failed] = buildsOf(world, 2);
    const retrying = () =>
      [...world.log.values()].filter(
        (entry) => entry.sqid === sqid(2) && entry.kind === "event" && entry.event === "retrying",
      );
    expect(retrying()).toEqual([]);
    finish(world, [1]);
    expect(retrying().map(({ reason, metadata }) => [reason?.message, metadata["build_key"]])).toEqual([
      ["it failed", failed?.key],
    ]);
  });

  it("names the repeat, which no build on another tree is taken for", () => {
    const world = worldOf({ clashes: [[1, 2]] }, { retries: 1 });
    world.control("paused");
    for (const n of [1, 2]) world.ready(n, ["a"]);
    world.run();
    for (const build of world.running()) world.finish(build);
    world.run();
    world.cancel(1);
    world.run();
    const [failed, repeat, another] = buildsOf(world, 2);
    expect([failed, repeat, another].map((build) => [...(build?.tree ?? [])])).toEqual([[1, 2], [1, 2], [2]]);
    const [retrying] = [...world.log.values()].filter((entry) => entry.kind === "event" && entry.event === "retrying");
    expect(retrying?.metadata).toMatchObject({ build_key: failed?.key, repeated_by: repeat?.key });
  });

  it("is repeated on the trunk when the parent fails", () => {
    const world = worldOf({ bad: new Set([1]) }, { retries: 1 });
    world.ready(1, ["a"]);
    world.ready(2, ["a"]);
    world.run();
    flake(world, 2);
    for (let attempt = 0; attempt < 2; attempt++) finish(world, [1]);
    flake(world, 2);
    world.drain();
    expect([1, 2].map((n) => world.stateOf(n))).toEqual(["error", "landed"]);
  });
});

describe("a change that always fails", () => {
  it.each([0, 1, 2, 3])("is built once and %d times more before it is rejected", (retries) => {
    const world = worldOf({ bad: new Set([1]) }, { retries });
    world.ready(1, ["a"]);
    world.drain();
    expect([world.stateOf(1), buildsOf(world, 1).length]).toEqual(["error", retries + 1]);
  });

  it.each([1, 2])("lands when it failed %d times for no reason and may be repeated as often", (retries) => {
    const world = worldOf({}, { retries });
    world.ready(1, ["a"]);
    world.run();
    for (let n = 0; n < retries; n++) flake(world, 1);
    world.drain();
    expect([world.stateOf(1), buildsOf(world, 1).length]).toEqual(["landed", retries + 1]);
  });
});

describe("a bundle that fails for no reason", () => {
  it("is split, and fails none of its heads before the repeats that the queue allows", () => {
    const limits = { maxSize: 3, maxWaitSeconds: 0 };
    const world = worldOf({}, { retries: 1, budget: 1, bundle: limits });
    for (const n of [1, 2, 3]) world.ready(n, [String(n)]);
    world.run();
    const [bundle] = world.running();
    expect(bundle?.head).toEqual([1, 2, 3]);
    if (bundle) world.finish(bundle, "flakes");
    world.drain();
    expect(world.rejections).toEqual([]);
    expect([...world.trunk].sort()).toEqual([1, 2, 3]);
  });
});

describe("a build that breaks down", () => {
  const runner = (infrastructureRetries: number) => ({
    buildRunner: BuildRunnerConfig.parse({ type: "fake", infrastructureRetries }),
  });
  const breakDown = (world: World, n: number): void => {
    const build = world.running().find(({ head }) => head[0] === n);
    if (build) world.finish(build, "breakdowns");
    world.run();
  };

  it.each([0, 2])("is repeated %d times, for every `retries`, and then ends the change", (count) => {
    const world = worldOf({}, { ...runner(count), retries: 3 });
    world.ready(1, ["a"]);
    world.run();
    for (let n = 0; n <= count; n++) breakDown(world, 1);
    expect([world.stateOf(1), world.builds.size]).toEqual(["error", count + 1]);
    expect(world.rejections[0]?.reason?.code).toBe("build.infrastructure");
  });

  it("does not use up the repeats of a build that fails, nor the other way round", () => {
    const world = worldOf({}, { ...runner(1), retries: 1 });
    world.ready(1, ["a"]);
    world.run();
    flake(world, 1);
    breakDown(world, 1);
    world.drain();
    expect(world.stateOf(1)).toBe("landed");
  });

  it("fails no head of a bundle", () => {
    const world = worldOf({}, { ...runner(0), budget: 1, bundle: { maxSize: 2, maxWaitSeconds: 0 } });
    for (const n of [1, 2]) world.ready(n, [String(n)]);
    world.run();
    const [bundle] = world.running();
    if (bundle) world.finish(bundle, "breakdowns");
    world.drain();
    expect([...world.trunk].sort()).toEqual([1, 2]);
  });

  it("is no failure after it was given up, also when its assumptions come true", () => {
    const buckets = [
      { upTo: 10, success: 0.6 },
      { upTo: 1_000, success: 0.2 },
    ];
    const speculation = SpeculationConfig.parse({ allocator: "preempting", scorer: { type: "heuristic", buckets } });
    const world = worldOf({}, { ...runner(0), budget: 5, speculation });
    for (const n of [1, 2, 3, 4]) world.ready(n, [String(n)]);
    world.ready(5, ["1", "2", "3", "4"]);
    while (world.inbox.length > 0) world.run();
    world.ready(6, ["other"], { touches: { paths: ["other"], files: 1, additions: 100, deletions: 0, authors: [] } });
    world.run();
    const given = world.running().find(({ head }) => head[0] === 5);
    expect(world.live.get(given?.batchId as never)?.paths.map(({ state }) => state)).toEqual(["cancelling"]);
    const reason = { code: "build.infrastructure" as const, message: "no runner" };
    if (given) {
      given.state = "cancelled";
      world.report(given, { kind: "infrastructure", reason });
    }
    world.drain();
    expect(world.stateOf(5)).toBe("landed");
    expect(world.trailOf(5)).not.toContain("retrying");
  });

  it("is counted apart from builds that were stopped", () => {
    const world = worldOf({}, runner(1));
    world.ready(1, ["a"]);
    world.run();
    for (let n = 0; n < 3; n++) {
      const [build] = world.running();
      if (!build) throw new Error("it is not built again");
      build.state = "cancelled";
      world.report(build, { kind: "cancelled" });
      world.run();
    }
    const attempts = world.runs.flatMap(({ result }) =>
      result.commands.flatMap((command) => (command.kind === "start-build" ? [command.attempt] : [])),
    );
    expect(attempts).toEqual([1, 1, 1, 1]);
    breakDown(world, 1);
    world.drain();
    expect(world.stateOf(1)).toBe("landed");
  });
});
