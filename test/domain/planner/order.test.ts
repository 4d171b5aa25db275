import { describe, expect, it } from "vitest";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { aQueue, World } from "./world.ts";

/** So many changes that all conflict and are being built, and then one more: whether it has a place at once. */
function hasPlaceBehind(others: number, success: number, budget = 100): boolean {
  const scorer = { type: "flat" as const, success };
  const world = new World(aQueue({ budget, speculation: SpeculationConfig.parse({ scorer, minProbability: 0.2 }) }));
  for (let n = 1; n <= others + 1; n++) {
    world.ready(n, ["a"]);
    world.run();
  }
  const last = [...world.live.values()].at(-1);
  return last?.position !== undefined;
}

describe("a change that would spoil builds if it failed", () => {
  it.each([
    [0.9, 5, true],
    [0.9, 15, false],
    [0.99, 15, true],
  ])("of success %d behind %d that are being built has a place at once: %s", (success, others, expected) => {
    expect(hasPlaceBehind(others, success)).toBe(expected);
  });

  it("is not put on probation for changes that have no build yet", () => {
    expect(hasPlaceBehind(15, 0.9, 3)).toBe(true);
  });
});
