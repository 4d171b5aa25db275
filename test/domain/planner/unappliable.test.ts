import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { aQueue, type Fate, finish, sqid, World } from "./world.ts";

const arrival = SpeculationConfig.parse({ order: "arrival", scorer: { type: "flat", success: 0.95 } });

const worldOf = (fate: Partial<Fate>, config: Partial<QueueConfig> = {}): World =>
  new World(aQueue({ budget: 8, speculation: arrival, ...config }), { bad: new Set(), clashes: [], ...fate });

const heads = { buildRunner: BuildRunnerConfig.parse({ type: "fake", tests: "affected" }) };

const states = (world: World, ...numbers: readonly number[]) => numbers.map((n) => world.stateOf(n));
const reasonOf = (world: World, n: number) => world.rejections.find((rejection) => rejection.n === n)?.reason?.message;
const entriesOf = (world: World, n: number, event: string) =>
  [...world.log.values()].filter((entry) => entry.sqid === sqid(n) && entry.kind === "event" && entry.event === event);

/** 2 does not apply on 1; 3 conflicts with both and applies on either. All are composed at once. */
const three = (config: Partial<QueueConfig> = {}, fate: Partial<Fate> = {}): World => {
  const world = worldOf({ jams: [[1, 2]], ...fate }, config);
  for (const n of [1, 2, 3]) world.ready(n, ["a"]);
  world.run();
  return world;
};

describe("a composition that is refused at a batch below the head", () => {
  it.each([{}, heads])("ends that batch, and not the head: %j", (config) => {
    const world = three(config);
    finish(world, [3]);
    expect(states(world, 2, 3)).toEqual(["ready", "ready"]);
    world.drain();
    expect(states(world, 1, 2, 3)).toEqual(["landed", "error", "landed"]);
    expect(reasonOf(world, 2)).toBe("2 conflicts");
  });

  it.each([{}, heads])("has the head composed without that batch, and not on the same base again: %j", (config) => {
    const world = three(config);
    finish(world, [3]);
    const again = world.running().filter(({ head }) => String(head) === "3");
    expect(again.map(({ tree, refused }) => [[...tree], refused])).toEqual([[[1, 3], undefined]]);
    world.drain();
    expect([...world.builds.values()].filter(({ refused, head }) => refused === 2 && head[0] === 3)).toHaveLength(1);
    expect(world.mostBuilds).toBeLessThanOrEqual(8);
  });

  it("tells the batch that it does not apply, and the head which request it is built without", () => {
    const world = three();
    finish(world, [3]);
    expect(entriesOf(world, 2, "build_failed").map(({ reason }) => reason?.message)).toEqual(["2 conflicts"]);
    const [told] = entriesOf(world, 3, "retrying");
    expect(told?.reason?.message).toBe(
      "Request q/2 does not apply, so this request is built again without it. 2 conflicts",
    );
    expect(entriesOf(world, 3, "build_failed")).toEqual([]);
  });

  it("is no evidence against a batch that applies without a failed batch ahead of it", () => {
    const world = three({}, { bad: new Set([1]) });
    finish(world, [3]);
    world.drain();
    expect(states(world, 1, 2, 3)).toEqual(["error", "landed", "landed"]);
  });

  it("does not outweigh a passed build of that batch on what has landed", () => {
    const world = worldOf({});
    world.ready(1, ["a"]);
    world.ready(2, ["a"]);
    world.run();
    const upper = world.running().find(({ head }) => head[0] === 2);
    finish(world, [1]);
    finish(world, [2]);
    const reason = { code: "merge.conflict" as const, message: "1 conflicts" };
    world.land();
    world.run();
    if (upper) world.report(upper, { kind: "unappliable", batchId: "q/batch/1" as never, reason });
    world.drain();
    expect(states(world, 1, 2)).toEqual(["landed", "landed"]);
  });

  it("is not repeated for each of several batches behind", () => {
    const world = worldOf({ jams: [[1, 2]] }, { budget: 3 });
    for (const n of [1, 2, 3, 4, 5, 6]) world.ready(n, ["a"]);
    world.drain();
    expect(states(world, 1, 2, 3, 4, 5, 6)).toEqual(["landed", "error", "landed", "landed", "landed", "landed"]);
    for (const n of [3, 4, 5, 6])
      expect(
        [...world.builds.values()].filter(({ refused, head }) => refused === 2 && head[0] === n).length,
      ).toBeLessThan(2);
  });
});

describe("a composition that is refused at its head", () => {
  it("ends the head when everything below has landed, without a repeat", () => {
    const world = three({ retries: 2 });
    world.drain();
    expect(reasonOf(world, 2)).toBe("2 conflicts");
    const refused = [...world.builds.values()].filter(({ refused, head }) => refused === 2 && head[0] === 2);
    expect(refused).toHaveLength(1);
  });

  it("does not end the head while a batch below is undecided", () => {
    const world = three();
    finish(world, [2]);
    expect(world.stateOf(2)).toBe("ready");
    world.cancel(1);
    world.drain();
    expect(states(world, 1, 2, 3)).toEqual(["cancelled", "landed", "landed"]);
  });

  it("is no evidence once the batch that it lacked has landed", () => {
    const speculation = SpeculationConfig.parse({
      order: "arrival",
      scorer: {
        type: "heuristic",
        by: "lines",
        buckets: [
          { upTo: 10, success: 0.9 },
          { upTo: 1_000, success: 0.2 },
        ],
      },
    });
    const world = worldOf({ stacked: [[2, 1]] }, { speculation });
    const touches = { paths: ["a"], files: 1, additions: 100, deletions: 0, authors: [] };
    world.ready(1, ["a"], { touches });
    world.ready(2, ["a"]);
    world.run();
    finish(world, [2], []);
    world.drain();
    expect(states(world, 1, 2)).toEqual(["landed", "landed"]);
  });
});

describe("a composition that is refused at a change on probation", () => {
  it("ends the change as soon as everything below has landed", () => {
    const buckets = [
      { upTo: 10, success: 0.9 },
      { upTo: 1_000, success: 0.2 },
    ];
    const speculation = SpeculationConfig.parse({ scorer: { type: "heuristic", buckets } });
    const world = worldOf({ jams: [[1, 2]] }, { speculation });
    world.ready(1, ["a"]);
    world.run();
    world.ready(2, ["a"], { touches: { paths: ["a"], files: 1, additions: 100, deletions: 0, authors: [] } });
    world.run();
    finish(world, [2], [1]);
    expect(states(world, 1, 2)).toEqual(["ready", "ready"]);
    finish(world, [1]);
    world.land();
    world.run();
    expect(states(world, 1, 2)).toEqual(["landed", "error"]);
  });
});

describe("a bundle that is refused in the middle", () => {
  const bundle = (config: Partial<QueueConfig>, paths: readonly string[]): World => {
    const world = worldOf({ jams: [[1, 2]] }, { budget: 1, bundle: { maxSize: 4, maxWaitSeconds: 0 }, ...config });
    for (const n of [1, 2, 3]) world.ready(n, [paths[n - 1] ?? "a"]);
    world.run();
    expect(world.running().map(({ head, refused }) => [head, refused])).toEqual([[[1, 2, 3], 2]]);
    finish(world, [1, 2, 3]);
    return world;
  };

  it.each([
    { config: {}, paths: ["a", "a", "a"] },
    { config: heads, paths: ["a", "a", "a"] },
    { config: {}, paths: ["a", "b", "c"] },
    { config: { conflictAnalyzer: { type: "none" as const } }, paths: ["a", "b", "c"] },
  ])("lands the others and ends one of the two that do not apply together: $paths", ({ config, paths }) => {
    const world = bundle(config, paths);
    world.drain();
    expect([...world.trunk].sort()).toHaveLength(2);
    expect(world.stateOf(3)).toBe("landed");
    expect(world.rejections.map(({ reason, n }) => reason?.message === `${n} conflicts`)).toEqual([true]);
    expect([...world.builds.values()].filter(({ head, refused }) => refused && head.length > 1)).toHaveLength(1);
  });
});

describe("a composition that is refused when another batch on probation lands", () => {
  it("does not end a change on probation that applies on what it is stacked on", () => {
    const scorer = { type: "flat" as const, success: 0.2 };
    const speculation = SpeculationConfig.parse({
      scorer: { type: "composite", by: "min", of: [scorer] },
      minProbability: 0.01,
    });
    const world = worldOf({ stacked: [[2, 1]] }, { speculation });
    world.ready(1, ["a"]);
    world.ready(2, ["a"]);
    world.run();
    finish(world, [1]);
    world.land();
    world.run();
    finish(world, [2]);
    world.drain();
    expect(states(world, 1, 2)).toEqual(["landed", "landed"]);
  });
});
