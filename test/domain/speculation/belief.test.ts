import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { Batch } from "../../../functions/domain/batch.ts";
import { queueIndexOf } from "../../../functions/domain/planner/draft.ts";
import { Belief } from "../../../functions/domain/speculation/belief.ts";
import { holds, seed } from "../planner/stories.ts";
import { aQueue, type Fate, finish, sqid, World } from "../planner/world.ts";

const CLASH = 0.01;
const SUCCESS = 0.9;

type Seen = Pick<World, "config" | "queueState"> & { readonly batches: readonly Batch[] };

/** The probability of each request to land, by request number, where the scorer predicts the same of every batch. */
function beliefIn({ config, queueState, batches }: Seen, success = SUCCESS): (n: number) => number {
  const index = queueIndexOf(config, batches, queueState);
  const belief = new Belief(index, () => ({ success }), CLASH);
  return (n) => belief.landProbability(index.batches.findIndex(({ request }) => request.sqid === sqid(n)));
}

const now = (world: World, success = SUCCESS): ReturnType<typeof beliefIn> =>
  beliefIn({ config: world.config, queueState: world.queueState, batches: [...world.live.values()] }, success);

const scorer = {
  type: "heuristic",
  buckets: [
    { upTo: 10, success: SUCCESS },
    { upTo: 1_000, success: 0.2 },
  ],
};
const large = { touches: { paths: [], files: 1, additions: 100, deletions: 0, authors: [] } };

/** 1 ← 2 ← 3. 1 stays undecided, and 2 will probably fail. Builds test only what their heads affect. */
function threeInLine(fate: Partial<Fate> = {}, minProbability = 0.5): World {
  const config = aQueue({
    budget: 8,
    buildRunner: BuildRunnerConfig.parse({ type: "fake", tests: "affected" }),
    speculation: SpeculationConfig.parse({ order: "arrival", scorer, minProbability, bypass: false }),
  });
  const world = new World(config, { bad: new Set(), clashes: [], ...fate });
  world.ready(1, ["z"]);
  world.ready(2, ["z", "a"], { touches: { ...large.touches, paths: ["z", "a"] } });
  world.ready(3, ["a"]);
  world.run();
  return world;
}

describe("a change that has passed and then failed", () => {
  it("is not expected to land when its untested conflict in the failed build will land", () => {
    const world = threeInLine({ clashes: [[2, 3]] });
    finish(world, [3], [3]);
    expect(now(world)(3)).toBeGreaterThan(0.9);
    finish(world, [2], [1, 2]);
    finish(world, [3], [1, 2, 3]);
    expect(now(world)(3)).toBeLessThan(0.05);
  });

  it("is expected to land with the probability that its untested conflict does not", () => {
    const world = threeInLine({ clashes: [[2, 3]] }, 0.1);
    finish(world, [3], [3]);
    finish(world, [3], [1, 2, 3]);
    for (const success of [0.2, 0.5, 0.8]) {
      const lands = now(world, success);
      expect(lands(2)).toBeCloseTo(success * (1 - CLASH), 5);
      expect(lands(3)).toBeCloseTo(1 - lands(2), 5);
    }
  });

  it("is expected to land when its untested conflict will not", () => {
    const world = threeInLine({ clashes: [[2, 3]] });
    finish(world, [3], [3]);
    finish(world, [2], [1, 2]);
    finish(world, [3], [1, 2, 3]);
    world.cancel(2);
    world.run();
    expect(now(world)(3)).toBeGreaterThan(0.9);
  });
});

describe("a change that has only failed", () => {
  it("is hardly expected to land, since it is probably the cause itself", () => {
    const world = threeInLine({ bad: new Set([2]) });
    expect(now(world)(2)).toBeGreaterThan(0.5);
    finish(world, [2], [1, 2]);
    expect(now(world)(2)).toBeLessThan(0.05);
  });

  it("lands with the share of its conflicts in the failed build that will not land", () => {
    const world = threeInLine({ bad: new Set([1, 2]) });
    finish(world, [2], [1, 2]);
    world.cancel(1);
    world.run();
    expect(now(world)(2)).toBeCloseTo(CLASH / (1 - SUCCESS + CLASH), 5);
  });
});

describe("the heads of a failed bundle that have all passed before", () => {
  /** 1 is slow and undecided. The others conflict with it and with each other. `bad` fails. Builds test only what their heads affect. */
  const bundled = (bad: number): World => {
    const config = aQueue({
      budget: 2,
      bundle: { maxSize: 3, maxWaitSeconds: 0 },
      buildRunner: BuildRunnerConfig.parse({ type: "fake", tests: "affected" }),
      speculation: SpeculationConfig.parse({ order: "arrival", minProbability: 0.01, bypass: false }),
    });
    const world = new World(config, { bad: new Set([bad]), clashes: [] });
    world.ready(1, ["a"]);
    world.run();
    for (const n of [2, 3, 4]) world.ready(n, ["a"]);
    world.run();
    finish(world, [2, 3, 4]);
    return world;
  };

  it("are not blamed for a head that is behind them", () => {
    const world = bundled(4);
    for (const n of [2, 3]) finish(world, [n]);
    expect(now(world)(2)).toBeGreaterThan(0.9);
    expect(now(world)(3)).toBeGreaterThan(0.9);
    expect(now(world)(4)).toBeLessThan(0.05);
  });
});

describe(`in any story (SEED=${seed})`, () => {
  it("a land probability is between 0 and 1: 1 for a landed change, 0 for one that will never land", () => {
    holds((_, { world }) => {
      for (const { queue: queueState, batches } of world.runs) {
        const lands = beliefIn({ config: world.config, queueState, batches });
        for (const { request, state } of batches) {
          const { sqid: id } = request;
          const p = lands(Number(id.slice(id.indexOf("/") + 1)));
          expect(p >= 0 && p <= 1, `${id}: ${p}`).toBe(true);
          if (state === "landed") expect(p).toBe(1);
          if (state === "failed" || state === "cancelled") expect(p).toBe(0);
        }
      }
    });
  });
});
