import { describe, expect, it } from "vitest";
import { pathIsActive } from "../../../functions/domain/batch.ts";
import { batchesAfter, givenUp, isContradicted, placedBefore } from "./given-up.ts";
import { aStory, holds, type Story, seed } from "./stories.ts";
import type { Run } from "./world.ts";

const storiesOf = (allocator: "sticky" | "preempting") =>
  aStory.map((story): Story => ({ ...story, speculation: { ...story.speculation, allocator } }));

const underWayAfter = (run: Run): number =>
  [...batchesAfter(run).values()].reduce((sum, { paths }) => sum + paths.filter(pathIsActive).length, 0);

describe(`the budget of builds (SEED=${seed})`, () => {
  it("when sticky, is never got back from a running build that reality has not contradicted", () => {
    holds((story, { world }) => {
      const placed = placedBefore(world.runs);
      for (const run of world.runs)
        for (const path of givenUp(run)) expect(isContradicted(story, run, path, placed), path.buildKey).toBe(true);
    }, storiesOf("sticky"));
  });

  it("when preempting, is never exceeded, not even until those that were given up have stopped", () => {
    let preempted = 0;
    holds((story, { world }) => {
      const placed = placedBefore(world.runs);
      for (const run of world.runs) {
        expect(underWayAfter(run)).toBeLessThanOrEqual(story.budget);
        preempted += givenUp(run).filter((path) => !isContradicted(story, run, path, placed)).length;
      }
      expect(world.mostBuilds).toBeLessThanOrEqual(story.budget);
    }, storiesOf("preempting"));
    expect(preempted).toBeGreaterThan(0);
  });
});
