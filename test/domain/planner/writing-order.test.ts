import { describe, expect, it } from "vitest";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { aQueue, World } from "./world.ts";

/** 2 came after 1 and goes ahead of it; the `cut`-th run is cut off after so many effects, and signals are then seen one by one. */
function trunkAfter(cut: number, effects: number): World {
  const speculation = SpeculationConfig.parse({ order: "arrival" });
  const world = new World(aQueue({ budget: 2, conflictAnalyzer: { type: "all" }, speculation }));
  world.ready(1, ["a"]);
  world.ready(2, ["a"], { priority: 1 });
  for (let run = 0; world.inbox.length > 0 || world.running().length > 0; run++) {
    if (run === cut) world.run(10, effects);
    world.run(run > cut ? 1 : 10);
    for (const build of world.running()) if (world.inbox.length === 0) world.finish(build);
  }
  world.drain();
  return world;
}

describe("a run of the planner that is cut off between two writes", () => {
  const cuts = [0, 1, 2].flatMap((cut) => Array.from({ length: 8 }, (_, effects) => [cut, effects] as const));

  it.each(cuts)("lands nothing but tested trees: run %d after %d effects", (cut, effects) => {
    const world = trunkAfter(cut, effects);
    expect([...world.trunk].sort()).toEqual([1, 2]);
    for (const { trunk, passed } of world.landings)
      expect(passed.map((tree) => String([...tree].sort()))).toContain(String([...trunk].sort()));
  });

  it.each([0, 1, 2, 3, 4, 5])("lands no part of a bundle: after %d effects", (effects) => {
    const speculation = SpeculationConfig.parse({ order: "arrival", scorer: { type: "flat", success: 0.99 } });
    const bundle = { maxSize: 2, maxWaitSeconds: 0 };
    const world = new World(aQueue({ budget: 1, bundle, conflictAnalyzer: { type: "all" }, speculation }));
    world.ready(1, ["a"]);
    world.ready(2, ["a"]);
    world.run();
    for (const build of world.running()) world.finish(build);
    world.run(10, effects);
    world.drain();
    expect(world.landings.map(({ group }) => group)).toEqual([[1, 2]]);
  });
});

describe("a run that starts builds in slots that it has seen become free", () => {
  const speculation = SpeculationConfig.parse({ order: "arrival" });

  /** All builds that run end, behind another signal; a run is cut off after so many effects, and the next sees the other signal only. */
  function endBuilds(world: World, effects: number): void {
    world.tick();
    for (const build of world.running()) world.finish(build);
    world.run(10, effects);
    world.run(1);
  }

  it.each([0, 1, 2, 3, 4])("never has more builds than the budget: the trunk's own, after %d effects", (effects) => {
    const world = new World(aQueue({ budget: 1, conflictAnalyzer: { type: "all" }, speculation }));
    world.pushPast(true);
    world.ready(1, ["a"]);
    world.run();
    endBuilds(world, effects);
    while (world.inbox.length > 0) world.run();
    expect([...world.trunkBuilds.values()]).toEqual([1]);
    expect(world.mostBuilds).toBe(1);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    "never has more builds than the budget: those of batches, after %d effects",
    (effects) => {
      const world = new World(aQueue({ budget: 3, conflictAnalyzer: { type: "all" }, speculation }));
      for (const n of [1, 2, 3, 4, 5, 6]) world.ready(n, ["a"]);
      world.run();
      endBuilds(world, effects);
      world.drain();
      expect(world.trunk).toEqual([1, 2, 3, 4, 5, 6]);
      expect(world.mostBuilds).toBe(3);
    },
  );
});
