import { describe, expect, it } from "vitest";
import { BuildRunnerConfig, type QueueConfig, SpeculationConfig } from "../../../functions/contracts/queues.ts";
import { type Circumstances, live } from "./small-worlds.ts";
import { aQueue, finish, World } from "./world.ts";

const NOBODY = new Set<number>();

const speaksForHeads = (maxSize: number): QueueConfig =>
  aQueue({
    budget: 2,
    batch: { maxSize, maxWaitSeconds: 0 },
    buildRunner: BuildRunnerConfig.parse({ type: "fake", speaksFor: "heads" }),
  });

describe("a change is not rejected for a failure", () => {
  it("of a bundle whose culprit has been rejected since, even where the bundle's first has landed", () => {
    const world = new World(aQueue({ budget: 1, batch: { maxSize: 3, maxWaitSeconds: 0 } }), {
      bad: new Set([2]),
      clashes: [],
    });
    world.ready(1, ["a"]);
    world.ready(2, ["b"]);
    world.ready(3, ["a"]);
    world.run();
    finish(world, [1, 2, 3]);
    finish(world, [1]);
    world.land();
    world.run();
    finish(world, [2]);
    world.drain();
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["landed", "error", "landed"]);
  });

  it("that another head of its bundle had with one that has been cancelled since, where builds speak for heads", () => {
    const world = new World(speaksForHeads(2), { bad: NOBODY, clashes: [[1, 2]] });
    world.ready(1, ["a"]);
    world.run();
    world.ready(2, ["a", "b"]);
    world.ready(3, ["b"]);
    world.run();
    finish(world, [2, 3]);
    world.cancel(1);
    world.drain();
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["cancelled", "landed", "landed"]);
  });

  it("that another head of its bundle had with one that has been rejected since, though that head has been archived", () => {
    const world = new World(speaksForHeads(3), { bad: new Set([1]), clashes: [[1, 3]] });
    world.ready(1, ["a"]);
    world.run();
    world.ready(2, ["b"]);
    world.ready(3, ["a"]);
    world.ready(4, ["b"]);
    world.run();
    finish(world, [2, 3, 4]);
    for (const n of [1, 2, 3]) {
      finish(world, [n]);
      world.land();
      world.run();
    }
    world.drain();
    expect([1, 2, 3, 4].map((n) => world.stateOf(n))).toEqual(["error", "landed", "landed", "landed"]);
  });

  it("of one below it that lacked what it needs, though both of those have landed since", () => {
    const speculation = SpeculationConfig.parse({
      order: "arrival",
      scorer: {
        type: "heuristic",
        by: "files",
        buckets: [
          { upTo: 1, success: 0.2 },
          { upTo: 9, success: 0.9 },
        ],
      },
    });
    const world = new World(aQueue({ budget: 9, speculation, conflictAnalyzer: { type: "paths", by: "file" } }), {
      bad: NOBODY,
      clashes: [],
      needs: [[2, 1]],
    });
    world.ready(1, ["a"]);
    world.ready(2, ["a", "b"]);
    world.ready(3, ["b", "c"]);
    world.run();
    finish(world, [3], [2, 3]);
    world.drain();
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["landed", "landed", "landed"]);
  });
});

describe("nobody who was bypassed is rejected", () => {
  it("for a failure of the one that bypassed it, built together without what that one needs", () => {
    const relations = new Map([
      ["1-3", "near"],
      ["2-3", "needs"],
    ] as const);
    const how: Circumstances = {
      bypass: true,
      order: "arrival",
      maxSize: 1,
      speaksFor: "tree",
      finishing: [3, 2, 1],
      slowRunway: false,
      trickling: false,
      tight: false,
      suspected: "bad",
    };
    expect(live({ size: 3, bad: NOBODY, relations }, how).trunk.toSorted()).toEqual([1, 2, 3]);
  });
});

describe("a request ends", () => {
  it("though it and another were bypassed by one that landed, and each was built on that one and the other", () => {
    const relations = new Map([
      ["1-2", "clash"],
      ["1-3", "near"],
      ["2-4", "near"],
      ["3-4", "near"],
    ] as const);
    const world = { size: 4, bad: NOBODY, relations };
    const how: Circumstances = {
      bypass: true,
      order: "arrival",
      maxSize: 1,
      speaksFor: "tree",
      finishing: [2, 4, 1, 3],
      slowRunway: true,
      trickling: false,
      tight: false,
      suspected: "good",
    };
    expect(() => live(world, how)).not.toThrow();
  });
});
