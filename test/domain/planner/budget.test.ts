import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { pathIsActive } from "../../../functions/domain/batch.ts";
import { batchesAfter, containsFailure, givenUp, isContradicted, placedBefore } from "./given-up.ts";
import { aStory, holds, type Story, seed } from "./stories.ts";
import { aQueue, finish, type Run, World } from "./world.ts";

const storiesOf = (allocator: "sticky" | "preempting") =>
  aStory.map((story): Story => ({ ...story, speculation: { ...story.speculation, allocator } }));

const underWayAfter = (run: Run): number =>
  [...batchesAfter(run).values()].reduce((sum, { paths }) => sum + paths.filter(pathIsActive).length, 0);

describe("a build is given up", () => {
  /**
   * The last of `ahead` + 1 changes is built on the assumption that all changes ahead land; then a change on probation that conflicts with
   * no other.
   */
  const crowded = (ahead: number): World => {
    const buckets = [
      { upTo: 10, success: 0.6 },
      { upTo: 1_000, success: 0.2 },
    ];
    const scorer = { type: "heuristic", buckets } as const;
    const speculation = SpeculationConfig.parse({ allocator: "preempting", scorer });
    const world = new World(aQueue({ budget: ahead + 1, speculation }));
    for (let n = 1; n <= ahead; n++) world.ready(n, [String(n)]);
    world.ready(
      ahead + 1,
      Array.from({ length: ahead }, (_, i) => String(i + 1)),
    );
    while (world.inbox.length > 0) world.run();
    const touches = { paths: ["other"], files: 1, additions: 100, deletions: 0, authors: [] };
    world.ready(ahead + 2, ["other"], { touches });
    world.run();
    return world;
  };
  const givenUpIn = (world: World) =>
    world
      .running()
      .filter(({ key, batchId }) =>
        world.live.get(batchId)?.paths.some((path) => path.buildKey === key && path.state === "cancelling"),
      );

  it("for a much likelier path, which then gets its slot", () => {
    const world = crowded(4);
    const [build] = givenUpIn(world);
    expect(build?.head).toEqual([5]);
    if (build) world.finish(build);
    world.run();
    expect(world.running().map(({ head }) => head[0])).toEqual([1, 2, 3, 4, 6]);
  });

  it("for no path that would start after it when the slot is free", () => {
    const world = crowded(2);
    expect(givenUpIn(world)).toEqual([]);
    expect(world.running().map(({ head }) => head[0])).toEqual([1, 2, 3]);
  });
});

describe("a build whose tree holds that of a failed build", () => {
  const threeInLine = (tests: "everything" | "affected"): World => {
    const config = aQueue({
      budget: 4,
      buildRunner: BuildRunnerConfig.parse({ type: "fake", tests }),
      speculation: SpeculationConfig.parse({ order: "arrival" }),
    });
    const world = new World(config, { bad: new Set([2]), clashes: [] });
    for (const n of [1, 2, 3]) world.ready(n, ["a"]);
    world.run();
    finish(world, [2], [1, 2]);
    return world;
  };
  const treesOf = (world: World) => world.running().map(({ tree }) => [...tree]);

  it("is given up, and its slot goes to a build without the change that is probably at fault", () => {
    const world = threeInLine("everything");
    world.drain();
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["landed", "error", "landed"]);
    const trees = [...world.builds.values()].map(({ tree }) => [...tree]);
    expect(trees).toContainEqual([1, 3]);
    expect(world.runs.flatMap(givenUp).map(({ heads }) => heads.length)).toEqual([1]);
  });

  it("goes on, where builds test what is affected: the failure says nothing of its own change", () => {
    expect(treesOf(threeInLine("affected"))).toContainEqual([1, 2, 3]);
  });
});

describe("a change whose likeliest path is too unlikely for a build", () => {
  /** Three in line, each of which lands with 0.6, and a budget; which of them are being built. */
  const built = (tests: "everything" | "affected", budget: number, bad: readonly number[] = []): World => {
    const speculation = { order: "arrival", minProbability: 0.5, scorer: { type: "flat", success: 0.6 } } as const;
    const config = aQueue({
      budget,
      buildRunner: BuildRunnerConfig.parse({ type: "fake", tests }),
      speculation: SpeculationConfig.parse(speculation),
    });
    const world = new World(config, { bad: new Set(bad), clashes: [] });
    for (const n of [1, 2, 3]) world.ready(n, ["a"]);
    world.run();
    return world;
  };
  const headsOf = (world: World) => world.running().map(({ head }) => head[0]);

  it("waits, where builds test everything", () => {
    expect(headsOf(built("everything", 3))).toEqual([1, 2]);
  });

  it("is built once when a slot is free, where builds test what is affected", () => {
    expect(headsOf(built("affected", 2))).toEqual([1, 2]);
    const world = built("affected", 9, [3]);
    expect(headsOf(world)).toEqual([1, 2, 3]);
    finish(world, [3]);
    expect(headsOf(world)).toEqual([1, 2]);
  });
});

describe(`the budget of builds (SEED=${seed})`, () => {
  it("when sticky, is never taken from a running build whose assumptions still hold, unless a part of its tree has failed", () => {
    holds((story, { world }) => {
      const placed = placedBefore(world.runs);
      for (const run of world.runs)
        for (const path of givenUp(run))
          expect(isContradicted(story, run, path, placed) || containsFailure(story, run, path), path.buildKey).toBe(
            true,
          );
    }, storiesOf("sticky"));
  });

  it("when preempting, is never exceeded, also while builds that were given up are stopping", () => {
    let preempted = 0;
    holds((story, { world }) => {
      const placed = placedBefore(world.runs);
      for (const run of world.runs) {
        expect(underWayAfter(run)).toBeLessThanOrEqual(story.budget);
        preempted += givenUp(run).filter(
          (path) => !isContradicted(story, run, path, placed) && !containsFailure(story, run, path),
        ).length;
      }
      expect(world.mostBuilds).toBeLessThanOrEqual(story.budget);
    }, storiesOf("preempting"));
    expect(preempted).toBeGreaterThan(0);
  });
});
