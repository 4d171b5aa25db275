import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { emptyHistory } from "../../../functions/domain/speculation/history.ts";
import { type Circumstances, live } from "./small-worlds.ts";
import { aQueue, finish, World } from "./world.ts";

const NONE = new Set<number>();

const testsAffected = (maxSize: number): QueueConfig =>
  aQueue({
    budget: 2,
    bundle: { maxSize, maxWaitSeconds: 0 },
    buildRunner: BuildRunnerConfig.parse({ type: "fake", tests: "affected" }),
  });

describe("a change is not rejected for a failure", () => {
  it("of a bundle when another head that caused it has been rejected since, also when the first head has landed", () => {
    const world = new World(aQueue({ budget: 1, bundle: { maxSize: 3, maxWaitSeconds: 0 } }), {
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

  it("that another head of its bundle had with a change that was cancelled since, where builds test what is affected", () => {
    const world = new World(testsAffected(2), { bad: NONE, clashes: [[1, 2]] });
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

  it("that another head of its bundle had with a change that was rejected since, also when that head has been archived", () => {
    const world = new World(testsAffected(3), { bad: new Set([1]), clashes: [[1, 3]] });
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

  it("of a change below it that lacked what it needs, when both have landed since", () => {
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
      bad: NONE,
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

describe("a bypassed change is not rejected", () => {
  it("for a failure of the change that bypassed it, in a build without what that change needs", () => {
    const relations = new Map([
      ["1-3", "near"],
      ["2-3", "needs"],
    ] as const);
    const how: Circumstances = {
      bypass: true,
      order: "arrival",
      maxSize: 1,
      tests: "everything",
      finishing: [3, 2, 1],
      slowRunway: false,
      trickling: false,
      tight: false,
      expectedToFail: "bad",
    };
    expect(live({ size: 3, bad: NONE, relations }, how).trunk.toSorted()).toEqual([1, 2, 3]);
  });
});

describe("a request ends", () => {
  it("when it and another change were bypassed by a third, and each was built on the two others", () => {
    const relations = new Map([
      ["1-2", "clash"],
      ["1-3", "near"],
      ["2-4", "near"],
      ["3-4", "near"],
    ] as const);
    const world = { size: 4, bad: NONE, relations };
    const how: Circumstances = {
      bypass: true,
      order: "arrival",
      maxSize: 1,
      tests: "everything",
      finishing: [2, 4, 1, 3],
      slowRunway: true,
      trickling: false,
      tight: false,
      expectedToFail: "good",
    };
    expect(() => live(world, how)).not.toThrow();
  });
});

const sizes = {
  type: "heuristic",
  buckets: [
    { upTo: 10, success: 0.9 },
    { upTo: 1_000, success: 0.2 },
  ],
} as const;
const large = (paths: readonly string[]) => ({
  touches: { paths, files: paths.length, additions: 100, deletions: 0, authors: [] },
});
const HEADS = BuildRunnerConfig.parse({ type: "fake", tests: "affected" });

describe("a change is not rejected for what another head of its bundle lacked", () => {
  it.each(["everything", "affected"] as const)("when that head has landed since, where builds test %s", (tests) => {
    const config = aQueue({
      budget: 2,
      bundle: { maxSize: 2, maxWaitSeconds: 0 },
      buildRunner: BuildRunnerConfig.parse({ type: "fake", tests }),
      speculation: SpeculationConfig.parse({ order: "arrival", scorer: sizes, bypass: false }),
    });
    const world = new World(config, { bad: NONE, clashes: [], needs: [[2, 1]] });
    world.ready(1, ["a"], large(["a"]));
    world.run();
    world.ready(2, ["a"]);
    world.ready(3, ["b"]);
    world.run();
    finish(world, [2, 3], [2, 3]);
    finish(world, [1]);
    world.land();
    world.run();
    finish(world, [2], [1, 2]);
    world.land();
    world.run();
    world.drain();
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["landed", "landed", "landed"]);
  });
});

describe("a change on probation", () => {
  it.each([1, 2])(
    "that needs an earlier change on probation is not rejected without that change once it lands: %d ahead",
    (ahead) => {
      const speculation = SpeculationConfig.parse({ scorer: sizes, minProbability: 0.01 });
      const last = ahead + 1;
      const world = new World(aQueue({ budget: 8, speculation }), { bad: NONE, clashes: [], needs: [[last, 1]] });
      for (let n = 1; n <= last; n++) world.ready(n, ["a"], large(["a"]));
      world.run();
      expect(world.running().map(({ tree }) => [...tree])).toContainEqual([last]);
      finish(world, [1]);
      world.land();
      world.run();
      finish(world, [last], [last]);
      expect(world.stateOf(last)).toBe("ready");
      world.drain();
      expect(world.stateOf(last)).toBe("landed");
    },
  );
});

describe("a change that was bypassed by what it needs", () => {
  it("is not rejected for its failure without that change, and lands behind it", () => {
    const speculation = SpeculationConfig.parse({ order: "arrival", minProbability: 0.5 });
    const world = new World(aQueue({ budget: 8, speculation, buildRunner: HEADS }), {
      bad: NONE,
      clashes: [],
      needs: [[1, 2]],
    });
    world.queueState = { ...world.queueState, history: { ...emptyHistory(), buildMs: [80, 100, 120] } };
    world.ready(1, ["a"]);
    world.ready(2, ["a"]);
    world.run();
    const start = world.time;
    world.time = start + 99;
    finish(world, [2]);
    world.time = start + 300;
    world.run();
    finish(world, [2], [2]);
    world.land();
    world.run();
    expect(world.trunk).toEqual([2]);
    finish(world, [1], [1]);
    expect(world.stateOf(1)).toBe("ready");
    world.drain();
    expect(world.trunk).toEqual([2, 1]);
  });
});

describe("a change is not rejected for what an independent change below it lacked", () => {
  it("when both have landed and no live change conflicts with them", () => {
    const config = aQueue({
      budget: 2,
      bundle: { maxSize: 2, maxWaitSeconds: 0 },
      speculation: SpeculationConfig.parse({ order: "arrival", scorer: sizes, bypass: false }),
    });
    const world = new World(config, { bad: NONE, clashes: [], needs: [[2, 1]] });
    world.ready(1, ["a"], large(["a"]));
    world.run();
    world.ready(2, ["a"]);
    world.ready(3, ["b"]);
    world.run();
    finish(world, [2, 3], [2, 3]);
    finish(world, [1]);
    world.land();
    while (world.inbox.length > 0) world.run();
    for (const build of world.running()) if (build.head[0] === 2) world.finish(build);
    world.run();
    while (world.merges.length > 0) world.land();
    for (let n = 0; n < 3; n++) world.run();
    expect(world.live.has("q/batch/2" as never)).toBe(true);
    world.drain();
    expect(world.stateOf(3)).toBe("landed");
    expect(world.live.size).toBe(0);
  });
});
