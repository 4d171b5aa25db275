import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { batchesAfter, containsFailure, givenUp, isContradicted, numberOf, placedBefore } from "./given-up.ts";
import { aStory, conflicts, holds, type Story, seed } from "./stories.ts";
import { aQueue, type Fate, finish, type Run, World } from "./world.ts";

const LIKELY_FIRST: Story["speculation"] = {
  order: "likely-first",
  minProbability: 0.01,
  scorer: {
    type: "heuristic",
    buckets: [
      { upTo: 10, success: 0.9 },
      { upTo: 1_000, success: 0.2 },
    ],
  },
};

/** Some of the changes are small, and have a place at once; the others are on probation. */
const stories = aStory.map((story): Story => ({ ...story, speculation: { ...story.speculation, ...LIKELY_FIRST } }));

/** Those that a run rejects while they are on probation, each with the build that is held against it. */
const rejectedOnProbation = ({ result }: Run) =>
  result.writes.flatMap(({ before, next }) => {
    if (before?.state !== "speculating" || next.state !== "failed" || next.position !== undefined) return [];
    const end = next.outbox.find((event) => event.kind === "status" && event.status === "error");
    return [{ batch: next, buildKey: String(end?.metadata["build_key"]) }];
  });

describe(`in any story, a change on probation (SEED=${seed})`, () => {
  it("keeps its running build when later changes land", () => {
    holds((story, { world }) => {
      const placed = placedBefore(world.runs);
      for (const run of world.runs) {
        const after = batchesAfter(run);
        for (const path of givenUp(run)) {
          const head = after.get(path.heads[0] as never);
          if (head?.position !== undefined || story.speculation.allocator === "preempting") continue;
          expect(isContradicted(story, run, path, placed) || containsFailure(story, run, path), path.buildKey).toBe(
            true,
          );
        }
      }
    }, stories);
  });

  it("is rejected only on a tree with all landed changes that had a position when it arrived, and once these are decided", () => {
    let rejected = 0;
    holds((story, { world }) => {
      const placed = placedBefore(world.runs);
      for (const run of world.runs) {
        const after = batchesAfter(run);
        for (const { batch, buildKey } of rejectedOnProbation(run)) {
          const tree = world.builds.get(buildKey as never)?.tree;
          for (const id of placed.get(batch.id) ?? []) {
            const other = after.get(id);
            if (!other || !conflicts(story, numberOf(batch), numberOf(other))) continue;
            expect(["landed", "failed", "cancelling", "cancelled"], `${batch.id} before ${id}`).toContain(other.state);
            if (other.state === "landed") expect(tree, `${batch.id} without ${id}`).toContain(numberOf(other));
            rejected += 1;
          }
        }
      }
    }, stories);
    expect(rejected).toBeGreaterThan(0);
  });
});

const large = { touches: { paths: ["a"], files: 1, additions: 100, deletions: 0, authors: [] } };

const worldOf = (fate: Partial<Fate> = {}) =>
  new World(aQueue({ budget: 8, speculation: SpeculationConfig.parse(LIKELY_FIRST) }), {
    bad: new Set(),
    clashes: [],
    ...fate,
  });

const land = (world: World): void => {
  world.land();
  world.run();
};

/** Where a build tests only what its heads affect. */
const worldOfHeads = (fate: Partial<Fate> = {}) => {
  const buildRunner = BuildRunnerConfig.parse({ type: "fake", tests: "affected" });
  const speculation = SpeculationConfig.parse(LIKELY_FIRST);
  return new World(aQueue({ budget: 8, buildRunner, speculation }), { bad: new Set(), clashes: [], ...fate });
};

describe("a change on probation, where builds test what is affected", () => {
  it("is built once, and joins when that build has passed, also when other changes in its tree have failed", () => {
    const world = worldOfHeads({ bad: new Set([1]) });
    world.ready(1, ["a"]);
    world.run();
    world.ready(2, ["a"], large);
    world.run();
    finish(world, [1]);
    expect(world.stateOf(1)).toBe("error");
    expect(world.running().map(({ tree }) => [...tree])).toEqual([[1, 2]]);
    finish(world, [2]);
    expect(world.trailOf(2)).toContain("joined");
    expect(world.running().map(({ tree }) => [...tree])).toEqual([[2]]);
    world.drain();
    expect(world.trunk).toEqual([2]);
  });

  it("is built again when the failed build contained a change that never lands", () => {
    const world = worldOfHeads({ bad: new Set([1]), clashes: [[1, 2]] });
    world.ready(1, ["a"]);
    world.run();
    world.ready(2, ["a"], large);
    world.run();
    for (const build of world.running()) if (build.tree.has(1)) world.finish(build);
    world.run();
    expect(world.stateOf(1)).toBe("error");
    world.drain();
    expect(world.trunk).toEqual([2]);
  });
});

describe("a change on probation", () => {
  it("goes on being built while a later change lands, joins when it has passed, and is then built on the later change", () => {
    const world = worldOf();
    world.ready(1, ["a"], large);
    world.run();
    world.ready(2, ["a"]);
    world.run();
    finish(world, [2]);
    land(world);
    expect(world.trunk).toEqual([2]);
    finish(world, [1]);
    expect(world.trailOf(1)).toContain("joined");
    expect(world.running().map(({ tree }) => [...tree])).toEqual([[2, 1]]);
    world.drain();
    expect(world.trunk).toEqual([2, 1]);
  });

  it("waits for an earlier change that its failed build lacked, and lands behind it", () => {
    const world = worldOf({ needs: [[2, 1]] });
    world.ready(1, ["a"]);
    world.run();
    world.ready(2, ["a"], large);
    world.run();
    finish(world, [2], [2]);
    expect(world.stateOf(2)).toBe("ready");
    finish(world, [1]);
    finish(world, [2], [1, 2]);
    land(world);
    world.drain();
    expect(world.trunk).toEqual([1, 2]);
  });

  it("waits for an earlier change on probation that it needs, and lands behind it", () => {
    const world = worldOf({ needs: [[2, 1]] });
    world.ready(1, ["a"], large);
    world.run();
    world.ready(2, ["a"], large);
    world.run();
    finish(world, [2], [2]);
    expect(world.stateOf(2)).toBe("ready");
    finish(world, [1]);
    world.drain();
    expect(world.trunk).toEqual([1, 2]);
  });

  it("is not rejected before the earlier change on probation that it needs, also when the earlier change needs another", () => {
    const world = worldOf({
      needs: [
        [2, 1],
        [3, 2],
      ],
    });
    for (const n of [1, 2, 3]) {
      world.ready(n, ["a"], large);
      world.run();
    }
    finish(world, [3], [3]);
    finish(world, [2], [2]);
    world.drain();
    expect(world.trunk).toEqual([1, 2, 3]);
  });

  it("is rejected once every earlier change on probation has failed", () => {
    const world = worldOf({ bad: new Set([1, 2]) });
    for (const n of [1, 2]) {
      world.ready(n, ["a"], large);
      world.run();
    }
    finish(world, [2], [2]);
    expect(world.stateOf(2)).toBe("ready");
    finish(world, [1]);
    world.drain();
    expect([1, 2].map((n) => world.stateOf(n))).toEqual(["error", "error"]);
  });

  it("is rejected for a failure on the changes that had a position before it, also when others have landed since", () => {
    const world = worldOf({ bad: new Set([2]) });
    world.ready(1, ["a"]);
    world.run();
    world.ready(2, ["a"], large);
    world.ready(3, ["a"]);
    world.run();
    finish(world, [1]);
    land(world);
    finish(world, [3], [1, 3]);
    land(world);
    expect(world.trunk).toEqual([1, 3]);
    finish(world, [2], [1, 2]);
    expect(world.stateOf(2)).toBe("error");
  });

  it("is retried on a later change when an earlier change joined behind the later one, and is rejected by that build", () => {
    const world = worldOf({ bad: new Set([2]) });
    world.ready(1, ["a"], large);
    world.run();
    world.ready(2, ["a"], large);
    world.run();
    world.ready(3, ["a"]);
    world.run();
    finish(world, [2], [2]);
    // 1 joins behind 3, so 1 may need 3, and a failure of {1, 2} would not be 2's alone.
    finish(world, [1], [1]);
    expect(world.running().map(({ tree }) => [...tree])).toContainEqual([3, 1, 2]);
    finish(world, [3]);
    finish(world, [1]);
    while (world.merges.length > 0) land(world);
    expect(world.trunk).toEqual([3, 1]);
    const builds = world.builds.size;
    finish(world, [2], [1, 2, 3]);
    expect([world.stateOf(2), world.builds.size]).toEqual(["error", builds]);
  });

  it("joins and lands when a bundle with it has passed, with any batch first in the bundle", () => {
    const buckets = [{ upTo: 1_000, success: 0.8 }];
    const speculation = SpeculationConfig.parse({
      ...LIKELY_FIRST,
      scorer: { type: "heuristic", buckets },
      probation: { threshold: 0.9 },
    });
    const bundle = { maxSize: 3, maxWaitSeconds: 0 };
    const world = new World(aQueue({ budget: 1, bundle, speculation }), { bad: new Set(), clashes: [] });
    for (const n of [1, 2, 3, 4]) {
      world.ready(n, [String(n)]);
      world.run();
    }
    finish(world, [1]);
    finish(world, [2, 3, 4]);
    while (world.merges.length > 0) land(world);
    expect(world.trunk).toEqual([1, 2, 3, 4]);
    expect(world.builds.size).toBe(2);
  });
});
