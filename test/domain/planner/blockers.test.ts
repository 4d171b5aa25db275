import { describe, expect, it } from "vitest";
import { MOST_TOLD } from "../../../functions/domain/planner/blockers.ts";
import { aQueue, World } from "./world.ts";

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
