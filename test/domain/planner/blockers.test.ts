import { describe, expect, it } from "vitest";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { MOST_TOLD } from "../../../functions/domain/planner/blockers.ts";
import { aQueue, sqid, World } from "./world.ts";

/** So many changes that all conflict wait, behind one that is being built. */
function aLongQueue(waiting: number): World {
  const world = new World(aQueue({ budget: 1, conflictAnalyzer: { type: "all" } }), { bad: new Set([1]), clashes: [] });
  for (let n = 1; n <= waiting + 1; n++) world.ready(n, ["a"]);
  while (world.inbox.length > 0) world.run();
  return world;
}

const told = (world: World, kind: string): number =>
  [...world.log.values()].filter((event) => event.metadata["blocker"] === kind).length;

describe("a long queue", () => {
  it("writes few batches when a build ends, however many wait", () => {
    const world = aLongQueue(200);
    const [build] = world.running();
    if (build) world.finish(build);
    const { writes } = world.plan(world.inbox);
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.length).toBeLessThan(MOST_TOLD);
  });

  it("tells each waiting change once that it waits for a build, though slots become free and are taken again", () => {
    const world = aLongQueue(60);
    expect(told(world, "budget")).toBe(60);
    for (let round = 0; round < 5; round++) {
      const [build] = world.running();
      if (build) world.finish(build);
      while (world.inbox.length > 0) world.run();
      world.land();
      while (world.inbox.length > 0) world.run();
    }
    expect(told(world, "budget") + told(world, "missing-path")).toBeLessThanOrEqual(60 + 5);
  });
});

describe("a change that is built in a bundle", () => {
  const scorer = { type: "flat" as const, success: 0.99 };
  const config = aQueue({
    budget: 1,
    bundle: { maxSize: 8, maxWaitSeconds: 0 },
    speculation: SpeculationConfig.parse({ order: "arrival", scorer }),
  });

  const endBuild = (world: World): void => {
    for (const build of world.running()) world.finish(build);
    while (world.inbox.length > 0) world.run();
  };

  const waitsOf = (world: World, n: number): readonly unknown[] =>
    [...world.log.values()]
      .filter(({ sqid: of, id }) => of === sqid(n) && id.includes("/blocked/"))
      .map(({ metadata }) => metadata["blocker"]);

  it("is told that it waits for a build only once the bundle has failed, and again after the next bundle", () => {
    const world = new World(config, { bad: new Set([3]), clashes: [] });
    const heads = () => world.running().map(({ head }) => head);
    for (let n = 1; n <= 8; n++) world.ready(n, [String(n)]);
    while (world.inbox.length > 0) world.run();
    expect(heads()).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
    expect([1, 4, 8].map((n) => waitsOf(world, n))).toEqual([[], [], []]);
    endBuild(world);
    expect(heads()).toEqual([[1, 2]]);
    expect([1, 4, 8].map((n) => waitsOf(world, n))).toEqual([[], ["budget"], ["budget"]]);
    endBuild(world);
    expect(heads()).toEqual([[3, 4]]);
    endBuild(world);
    expect(heads()).toEqual([[3]]);
    expect([1, 4, 8].map((n) => waitsOf(world, n))).toEqual([[], ["budget", "budget"], ["budget"]]);
  });
});

describe("a pause", () => {
  it("is told to a few changes in a run, and to the rest in the next ones", () => {
    const passed = 2 * MOST_TOLD;
    const world = new World(aQueue({ budget: 100, conflictAnalyzer: { type: "none" } }));
    for (let n = 1; n <= passed; n++) world.ready(n, ["a"]);
    while (world.inbox.length > 0) world.run();
    world.control("paused");
    while (world.inbox.length > 0) world.run();
    for (const build of world.running()) world.finish(build);
    while (world.inbox.length > 0) world.run();
    for (let round = 0; round < 3; round++) world.tick();
    while (world.inbox.length > 0) world.run();
    expect(told(world, "pause")).toBe(passed);
  });
});
