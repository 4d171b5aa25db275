import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { conflicts, holds, seed } from "./stories.ts";
import { aQueue, type Fate, finish, World } from "./world.ts";

/** Three changes that all conflict, of which the build of the last one is first to pass. */
function threeOfWhichTheLastPasses(config: Partial<QueueConfig>, fate: Partial<Fate> = {}): World {
  const speculation = SpeculationConfig.parse({ order: "arrival" });
  const world = new World(aQueue({ budget: 3, speculation, ...config }), { bad: new Set(), clashes: [], ...fate });
  for (const n of [1, 2, 3]) world.ready(n, ["a"]);
  world.run();
  finish(world, [3], [1, 2, 3]);
  return world;
}

describe("where the tip of each push has to be built", () => {
  it("changes that passed in one build land together, without waiting for the builds of some of them", () => {
    const world = threeOfWhichTheLastPasses({ commitPoints: "pushes" });
    world.land();
    world.run();
    expect(world.landings.map(({ group }) => group)).toEqual([[1, 2, 3]]);
  });

  it("a change that was cancelled meanwhile does not land with the others", () => {
    const world = threeOfWhichTheLastPasses({ commitPoints: "pushes" }, { bad: new Set() });
    expect(world.merges).toHaveLength(1);
    const other = new World(aQueue({ budget: 3, commitPoints: "pushes" }));
    for (const n of [1, 2, 3]) other.ready(n, ["a"]);
    other.run();
    other.cancel(1);
    other.run();
    other.drain();
    expect(other.trunk).toEqual([2, 3]);
  });
});

describe("where each commit point has to be built", () => {
  it("a change waits for its own build, also when a later change has passed on top of it", () => {
    expect(threeOfWhichTheLastPasses({}).merges).toEqual([]);
  });
});

describe("where builds test only what is affected", () => {
  it("a build says nothing of the changes below its head, so they wait for their own", () => {
    const buildRunner = BuildRunnerConfig.parse({ type: "fake", tests: "affected" });
    expect(threeOfWhichTheLastPasses({ commitPoints: "pushes", buildRunner }).merges).toEqual([]);
  });
});

describe(`in any story where the tip of each push has to be built (SEED=${seed})`, () => {
  it("every tip was built and passed, the trunk is sound at every one, and every request ends", () => {
    holds(
      (story, { world, joined }) => {
        for (const n of joined) expect(["landed", "error", "cancelled"]).toContain(world.stateOf(n));
        if (story.tests === "affected") return;
        for (const { group, trunk, passed } of world.landings) {
          const near = (members: Iterable<number>, n: number) =>
            [...members].filter((m) => m === n || conflicts(story, m, n)).sort();
          const proof = passed.find((tree) =>
            group.every((n) => tree.has(n) && String(near(tree, n)) === String(near(trunk, n))),
          );
          expect(proof, `${group} on ${trunk}`).toBeDefined();
        }
      },
      undefined,
      { commitPoints: "pushes" },
    );
  });
});
