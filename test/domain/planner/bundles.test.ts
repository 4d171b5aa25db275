import { describe, expect, it } from "vitest";
import { SpeculationConfig } from "../../../functions/contracts/queues.ts";
import { aQueue, type Fate, World } from "./world.ts";

/** Large changes are expected to fail, so that what is behind one is built on the guess that it does; all keep their places. */
const speculation = SpeculationConfig.parse({
  order: "arrival",
  scorer: {
    type: "heuristic",
    buckets: [
      { upTo: 10, success: 0.9 },
      { upTo: 1_000, success: 0.2 },
    ],
  },
});

const large = (paths: readonly string[]) => ({
  touches: { paths, files: paths.length, additions: 100, deletions: 0, authors: [] },
});

/** Change 1 is large, and still being built; the bundle of 2, which conflicts with it, and 3, which conflicts with 2 alone, has passed without it. */
function bundleThatPassedWithoutTheFirst(fate: Partial<Fate> = {}): World {
  const config = aQueue({ budget: 2, batch: { maxSize: 2, maxWaitSeconds: 0 }, speculation });
  const world = new World(config, { bad: new Set(), clashes: [], ...fate });
  world.ready(1, ["a"], large(["a"]));
  world.run();
  world.ready(2, ["a", "b"]);
  world.ready(3, ["b"]);
  world.run();
  const [, bundle] = world.running();
  expect([...(bundle?.tree ?? [])]).toEqual([2, 3]);
  if (bundle) world.finish(bundle);
  world.run();
  return world;
}

describe("a bundle that has passed", () => {
  it("waits for an undecided change ahead of one of its heads, though it was built without it", () => {
    const world = bundleThatPassedWithoutTheFirst();
    expect(world.merges).toEqual([]);
    world.drain();
    expect(world.trunk.indexOf(1)).toBeLessThan(world.trunk.indexOf(2));
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["landed", "landed", "landed"]);
  });

  it("does not get the change ahead of it rejected by landing before it", () => {
    const world = bundleThatPassedWithoutTheFirst({ clashes: [[1, 2]] });
    world.drain();
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["landed", "error", "landed"]);
  });

  it("lands as one commit point once those ahead of it have failed", () => {
    const world = bundleThatPassedWithoutTheFirst({ bad: new Set([1]) });
    world.drain();
    expect(world.stateOf(1)).toBe("error");
    expect(world.landings.map(({ group }) => group)).toEqual([[2, 3]]);
  });
});
