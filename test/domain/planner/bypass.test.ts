import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { emptyHistory } from "../../../functions/domain/speculation/history.ts";
import { aQueue, type Fate, finish, World } from "./world.ts";

const worldOf = (fate: Partial<Fate> = {}) => {
  const config = aQueue({
    budget: 8,
    buildRunner: BuildRunnerConfig.parse({ type: "fake", tests: "affected" }),
    speculation: SpeculationConfig.parse({ order: "arrival", minProbability: 0.5 }),
  });
  return new World(config, { bad: new Set(), clashes: [], ...fate });
};

/** The planner looks at the queue at this time; of all builds, three quarters have taken 120 or less. */
function look(world: World, at: number): void {
  world.queueState = { ...world.queueState, history: { ...emptyHistory(), buildMs: [80, 100, 120] } };
  world.tick();
  world.time = at - 1;
  world.run();
}

/** The trees that are being built. */
const trees = (world: World) => world.running().map(({ tree }) => [...tree]);

describe("a bypass of a batch that has never passed", () => {
  it.each([
    { took: 100, ran: 239, isBuilt: false },
    { took: 100, ran: 241, isBuilt: true },
    { took: 120, ran: 241, isBuilt: true },
    { took: 122, ran: 241, isBuilt: false },
    { took: 10, ran: 239, isBuilt: false },
  ])("that has been built for $ran, by one that took $took, is built: $isBuilt", ({ took, ran, isBuilt }) => {
    const world = worldOf();
    world.ready(1, ["a"]);
    world.ready(2, ["a"]);
    world.run();
    const start = world.time;
    world.time = start + took - 1;
    finish(world, [2]);
    look(world, start + ran);
    expect(trees(world)).toEqual(isBuilt ? [[1], [2]] : [[1]]);
  });
});

describe("a bypass", () => {
  it("is not built while the head also waits for a batch ahead that has not passed", () => {
    const world = worldOf({ bad: new Set([1]) });
    world.ready(1, ["z"]);
    world.ready(2, ["z", "a"]);
    world.ready(3, ["z", "a"]);
    world.ready(4, ["a"]);
    world.run();
    const start = world.time;
    world.time = start + 29;
    finish(world, [4], [1, 2, 3, 4]);
    world.time = start + 39;
    finish(world, [2], [1, 2]);
    world.time = start + 299;
    finish(world, [3], [1, 2, 3]);
    finish(world, [1], [1]);
    expect(trees(world)).toEqual([[2], [2, 3]]);
    finish(world, [2], [2]);
    expect(trees(world)).toEqual([
      [2, 3],
      [2, 4],
    ]);
  });
});

describe("a bypass of a batch that has passed before", () => {
  it.each([
    { took: 100, before: 210, isBuilt: true },
    { took: 110, before: 210, isBuilt: false },
  ])(
    "when a build of it took $before, by one that took $took, is built at once: $isBuilt",
    ({ took, before, isBuilt }) => {
      const world = worldOf({ bad: new Set([1]) });
      world.ready(1, ["z"]);
      world.ready(2, ["z", "a"]);
      world.ready(3, ["a"]);
      world.run();
      const start = world.time;
      world.time = start + took - 1;
      finish(world, [3], [1, 2, 3]);
      world.time = start + before - 1;
      finish(world, [2], [1, 2]);
      finish(world, [1], [1]);
      expect(world.stateOf(1)).toBe("error");
      look(world, world.time + 2);
      expect(trees(world)).toEqual(isBuilt ? [[2], [3]] : [[2]]);
    },
  );
});
