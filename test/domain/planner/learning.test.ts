import { expect, it } from "vitest";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { clashOf } from "../../../functions/domain/speculation/history.ts";
import { aQueue, World } from "./world.ts";

/** A ← H, and A will probably fail, so the first build of H is {H}. A is built and lands. */
function landsUnderAnothersBuild(bad: readonly number[]): World {
  const speculation = SpeculationConfig.parse({ order: "arrival", scorer: { type: "flat", success: 0.3 } });
  const world = new World(aQueue({ speculation, budget: 2 }), { bad: new Set(bad), clashes: [] });
  for (const n of [1, 2]) world.ready(n, ["a"]);
  world.run();
  const [ofA, ofH] = world.running();
  expect([ofA, ofH].map((build) => [...(build?.tree ?? [])])).toEqual([[1], [2]]);
  if (ofA) world.finish(ofA);
  world.run();
  world.land();
  if (ofH) world.finish(ofH);
  world.run();
  expect(world.trunk).toEqual([1]);
  return world;
}

it.each([
  ["passed", []],
  ["failed", [2]],
])("a build that %s teaches nothing of a conflict with a batch that landed after the build was proposed", (_, bad) => {
  const { history } = landsUnderAnothersBuild(bad).queueState;
  expect(clashOf(history)).toBe(clashOf(undefined));
});
