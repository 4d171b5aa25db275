import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { seed } from "./stories.ts";
import { aQueue, type Fate, finish, World } from "./world.ts";

/** Large changes are expected to fail, so that a change behind one is built on the assumption that it does. All keep their positions. */
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
  const config = aQueue({ budget: 2, bundle: { maxSize: 2, maxWaitSeconds: 0 }, speculation });
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

describe("a bundle that is being built", () => {
  it("is the only build of its heads as long as its assumptions may come true", () => {
    const certain = { ...speculation, minProbability: 0.2 };
    const world = new World(aQueue({ budget: 2, bundle: { maxSize: 3, maxWaitSeconds: 0 }, speculation: certain }));
    for (let n = 1; n <= 10; n++) {
      world.ready(n, ["a"]);
      if (n === 1) world.run();
    }
    world.drain();
    const heads = [...world.builds.values()].flatMap((build) => build.head);
    expect([...heads].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(Math.max(...[...world.builds.values()].map((build) => build.head.length))).toBe(3);
  });
});

describe("a bundle that has failed", () => {
  it.each([
    {
      size: 8,
      parts: [
        [1, 2],
        [3, 4],
      ],
    },
    {
      size: 5,
      parts: [
        [1, 2],
        [3, 4],
      ],
    },
    { size: 4, parts: [[1], [2]] },
    { size: 3, parts: [[1], [2]] },
  ])("of $size is built again by quarters: first $parts", ({ size, parts }) => {
    const scorer = { type: "flat" as const, success: 0.99 };
    const config = aQueue({
      budget: 1,
      bundle: { maxSize: 8, maxWaitSeconds: 0 },
      speculation: SpeculationConfig.parse({ order: "arrival", scorer }),
    });
    const world = new World(config, { bad: new Set([size]), clashes: [] });
    for (let n = 1; n <= size; n++) world.ready(n, [String(n)]);
    world.run();
    for (const heads of [Array.from({ length: size }, (_, i) => i + 1), ...parts]) {
      expect(world.running().map(({ head }) => head)).toEqual([heads]);
      finish(world, heads);
    }
  });
});

describe("a bundle whose first head has not failed yet", () => {
  const flat = SpeculationConfig.parse({ order: "arrival", scorer: { type: "flat", success: 0.99 } });
  const config = aQueue({ budget: 1, maxPriority: 1, bundle: { maxSize: 8, maxWaitSeconds: 0 }, speculation: flat });

  it.each([
    { failed: 4, next: [[5], [1]] },
    {
      failed: 8,
      next: [
        [9, 1],
        [2, 3],
      ],
    },
  ])("is as small as the heads of a failed bundle of $failed allow: $next", ({ failed, next }) => {
    const world = new World(config, { bad: new Set([failed]), clashes: [] });
    const numbers = Array.from({ length: failed }, (_, i) => i + 1);
    for (const n of numbers) world.ready(n, [String(n)]);
    world.run();
    world.ready(failed + 1, [String(failed + 1)], { priority: 1 });
    for (const heads of [numbers, ...next]) {
      expect(world.running().map(({ head }) => head)).toEqual([heads]);
      finish(world, heads);
    }
  });
});

describe(`bundles (SEED=${seed})`, () => {
  const places = fc.uniqueArray(fc.nat(20).map(String), { minLength: 1, maxLength: 3 });
  const changes = fc.array(
    fc.record({
      paths: places,
      isLarge: fc.constantFrom(false, false, true),
      bad: fc.constantFrom(false, false, false, false, true),
    }),
    {
      minLength: 12,
      maxLength: 30,
      size: "max",
    },
  );
  const whichEnd = fc.array(fc.nat(20), { minLength: 40, maxLength: 40 });

  it("never wait for each other, in any number and in every order of their ends", () => {
    fc.assert(
      fc.property(
        changes,
        whichEnd,
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 2, max: 4 }),
        (made, ends, budget, maxSize) => {
          const numbers = made.map((_, i) => i + 1);
          const bad = new Set(numbers.filter((n) => made[n - 1]?.bad));
          const config = aQueue({ budget, bundle: { maxSize, maxWaitSeconds: 0 }, speculation });
          const world = new World(config, { bad, clashes: [] });
          for (const n of numbers) {
            const { paths = [], isLarge = false } = made[n - 1] ?? {};
            world.ready(n, paths, isLarge ? large(paths) : {});
            if (n % 3 === 0) world.run();
          }
          for (const which of ends) {
            const running = world.running();
            const build = running[which % Math.max(1, running.length)];
            if (build) world.finish(build);
            while (world.inbox.length > 0) world.run();
          }
          world.drain();
          expect(numbers.filter((n) => world.stateOf(n) !== (bad.has(n) ? "error" : "landed"))).toEqual([]);
        },
      ),
      { seed, numRuns: 100 },
    );
  });
});

describe("a bundle that has passed", () => {
  it("waits for an undecided change ahead of one of its heads, also when it was built without that change", () => {
    const world = bundleThatPassedWithoutTheFirst();
    expect(world.merges).toEqual([]);
    world.drain();
    expect(world.trunk.indexOf(1)).toBeLessThan(world.trunk.indexOf(2));
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["landed", "landed", "landed"]);
  });

  it("does not fail the change ahead by landing before it", () => {
    const world = bundleThatPassedWithoutTheFirst({ clashes: [[1, 2]] });
    world.drain();
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["landed", "error", "landed"]);
  });

  it("lands as one commit point once the changes ahead have failed", () => {
    const world = bundleThatPassedWithoutTheFirst({ bad: new Set([1]) });
    world.drain();
    expect(world.stateOf(1)).toBe("error");
    expect(world.landings.map(({ group }) => group)).toEqual([[2, 3]]);
  });
});
