import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { aStory, seed, tell } from "./stories.ts";
import { applies, aQueue, type Fate, finish, passes, World } from "./world.ts";

const buildRunner = (tests: "everything" | "affected") => BuildRunnerConfig.parse({ type: "fake", tests });

const worldOf = (config: Partial<QueueConfig>, fate: Partial<Fate>, paths: readonly (readonly string[])[]): World => {
  const speculation = SpeculationConfig.parse({ order: "arrival", scorer: { type: "flat", success: 0.99 } });
  const world = new World(aQueue({ budget: 8, speculation, ...config }), { bad: new Set(), clashes: [], ...fate });
  for (const [i, touched] of paths.entries()) world.ready(i + 1, touched);
  world.run();
  return world;
};

const endings = (world: World, ...numbers: readonly number[]) => numbers.map((n) => world.stateOf(n));

describe("builds that ran before their queue was configured", () => {
  it("to test everything say nothing about the changes in their base, which they did not test", () => {
    const config = { buildRunner: buildRunner("affected"), commitPoints: "pushes" } as const;
    const world = worldOf(config, { bad: new Set([1]) }, [["a"], ["a"]]);
    world.configure({ buildRunner: buildRunner("everything") });
    finish(world, [2], [1, 2]);
    expect(world.merges).toEqual([]);
    world.drain();
    expect(endings(world, 1, 2)).toEqual(["error", "landed"]);
  });

  it("to test what is affected do not count against a change for a failure of another change in their base", () => {
    const world = worldOf({ buildRunner: buildRunner("everything") }, { bad: new Set([1]) }, [
      ["a"],
      ["a", "b"],
      ["b"],
    ]);
    finish(world, [3], [1, 2, 3]);
    world.configure({ buildRunner: buildRunner("affected") });
    world.drain();
    expect(endings(world, 1, 2, 3)).toEqual(["error", "landed", "landed"]);
  });
});

describe("a queue whose analyzer becomes `all`", () => {
  it("lands the changes that were independent before, each on a tested tree", () => {
    const scorer = { type: "flat", success: 0.99 } as const;
    const speculation = SpeculationConfig.parse({ order: "arrival", scorer });
    const config = { budget: 1, bundle: { maxSize: 2, maxWaitSeconds: 0 }, speculation };
    const world = worldOf({ ...config, buildRunner: buildRunner("affected") }, {}, [["a"], ["b"]]);
    world.configure({ conflictAnalyzer: { type: "all" } });
    world.drain();
    expect(endings(world, 1, 2)).toEqual(["landed", "landed"]);
    expect(world.stale).toBe(0);
  });

  it("makes the changes that it holds wait for each other in their order", () => {
    const world = worldOf({}, {}, [["a"], ["b"], ["c"]]);
    world.configure({ conflictAnalyzer: { type: "all" } });
    finish(world, [3]);
    expect(world.merges).toEqual([]);
    world.drain();
    expect(world.trunk).toEqual([1, 2, 3]);
  });
});

describe(`in any story during which the queue is configured anew (SEED=${seed})`, () => {
  const changes = fc.constantFrom<Partial<QueueConfig>>(
    { buildRunner: buildRunner("everything") },
    { buildRunner: buildRunner("affected") },
    { conflictAnalyzer: { type: "all" } },
    { commitPoints: "pushes" },
    { bundle: { maxSize: 4, maxWaitSeconds: 0 } },
    { bundle: { maxSize: 1, maxWaitSeconds: 0 } },
    { speculation: SpeculationConfig.parse({ order: "arrival", bypass: true }) },
    { speculation: SpeculationConfig.parse({ order: "likely-first", allocator: "preempting" }) },
  );
  const deployments = fc.array(fc.tuple(fc.nat(50), changes), { minLength: 1, maxLength: 4 });

  it("every request ends, every commit point is sound, and no change is rejected that would land", () => {
    fc.assert(
      fc.property(aStory, deployments, (story, deployed) => {
        const before = (world: World, step: number | "end") => {
          for (const [at, change] of deployed) if (at === step) world.configure(change);
        };
        const { world, joined } = tell(story, {}, { repairs: new Set(), before });
        expect(world.live.size).toBe(0);
        for (const n of joined) expect(["landed", "error", "cancelled"]).toContain(world.stateOf(n));
        for (const { trunk } of world.landings) expect(passes(world.fate, new Set(trunk)), `${trunk}`).toBe(true);
        for (const { n, trunk, reason } of world.rejections) {
          const wouldLand = applies(world.fate, n, trunk) && passes(world.fate, new Set([...trunk, n]));
          expect(wouldLand, `${n} after ${[...trunk]}: ${reason?.message}`).toBe(false);
        }
        expect(world.mostBuilds).toBeLessThanOrEqual(story.budget);
      }),
      { seed, numRuns: Number(process.env["RUNS"] ?? 80) },
    );
  });
});
