import { describe, expect, it } from "vitest";
import type { LandOutcome } from "../../../functions/contracts/messages/landing-messages.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { pathIsActive } from "../../../functions/domain/batch.ts";
import { aQueue, finish, QUEUE, sqid, World } from "./world.ts";

const worldOf = (config: Partial<QueueConfig> = {}): World => new World(aQueue(config));

const sent = (world: World) => {
  const message = world.merges.shift();
  if (message === undefined) throw new Error("nothing was sent to runway");
  return message;
};

function answer(world: World, landId: string, outcome: LandOutcome, n = 1): void {
  const results = [{ batchId: `q/batch/${n}` as never, outcome }];
  world.inbox.push({ v: 1, kind: "land-finished", queue: QUEUE, landId, results });
  world.run();
}

const stale: LandOutcome = { kind: "stale", trunk: "f".repeat(40) as never };
const refused: LandOutcome = { kind: "refused", reason: { code: "merge.conflict", message: "a conflicts" } };

/** 1 has been handed to runway, came back since the trunk had moved, passed again, and is with runway for the second time. */
function landingTwice(): { world: World; first: string; second: string } {
  const world = worldOf();
  world.ready(1, ["a"]);
  world.run();
  finish(world, [1]);
  const first = sent(world).id;
  answer(world, first, stale);
  finish(world, [1]);
  return { world, first, second: sent(world).id };
}

describe("a decision to land", () => {
  it("has another id than the decision before about the same batches, so that runway does not give its old answer", () => {
    const { first, second } = landingTwice();
    expect(second).not.toBe(first);
  });

  it.each([refused, stale, { kind: "skipped" } as const])(
    "is not touched by an answer to the decision before: %j",
    (old) => {
      const { world, first, second } = landingTwice();
      answer(world, first, old);
      expect([...world.live.values()].map(({ state }) => state)).toEqual(["landing"]);
      answer(world, second, refused);
      expect(world.stateOf(1)).toBe("error");
    },
  );

  it("is about exactly the tested tree under analyzer all, and only there", () => {
    for (const [conflictAnalyzer, exact] of [
      [{ type: "all" }, true],
      [{ type: "paths", by: "file" }, false],
      [{ type: "none" }, false],
    ] as const) {
      const world = worldOf({ conflictAnalyzer });
      world.ready(1, ["a"]);
      world.ready(2, ["a"]);
      world.run();
      for (const build of world.running()) world.finish(build);
      world.run();
      expect(sent(world).batches.map((batch) => batch.exact)).toEqual([exact, exact]);
    }
  });
});

describe("a request that is cancelled", () => {
  it("does not join the queue when the planner is told of the cancel first", () => {
    const world = worldOf();
    world.ready(1, ["a"]);
    world.cancel(1);
    const { writes, commands } = world.plan(world.inbox.toReversed());
    expect(writes).toEqual([]);
    expect(commands).toMatchObject([{ kind: "end-request", outcome: "cancelled" }, { kind: "announce" }]);
  });

  it("ends at once when the cancel overtakes the news that the request is ready", () => {
    const world = worldOf();
    world.ready(1, ["a"]);
    world.cancel(1);
    world.inbox.reverse();
    world.run();
    expect([world.stateOf(1), world.running()]).toEqual(["cancelled", []]);
    world.drain();
    expect([world.trailOf(1).at(-1), world.live.size]).toEqual(["cancelled", 0]);
  });
});

describe("a change on probation", () => {
  const speculation = SpeculationConfig.parse({
    probation: { threshold: 0.5, maxHoldSeconds: 600 },
    scorer: { type: "heuristic", buckets: [{ upTo: 1_000, success: 0.2 }] },
  });

  it.each([
    [599, false],
    [601, true],
  ])("that has not passed after %d seconds has a place: %s", (seconds, expected) => {
    const world = worldOf({ speculation });
    world.ready(1, ["a"]);
    world.run();
    const { createdAt } = world.live.get("q/batch/1" as never) ?? {};
    world.time = (createdAt ?? 0) + seconds * 1_000 - 1;
    world.run();
    expect(world.live.get("q/batch/1" as never)?.position !== undefined).toBe(expected);
    expect(world.trailOf(1).includes("joined")).toBe(expected);
  });
});

describe("the writes of a run that is cut off", () => {
  /** 1 is built; 2, which goes ahead of it, waits for the only slot, which the run that is cut off gives it. */
  it.each([0, 1, 2, 3, 4, 5, 6])("never contain more builds than the budget: after %d effects", (effects) => {
    const world = worldOf({ budget: 1, maxPriority: 1 });
    world.ready(1, ["a"]);
    world.run();
    world.ready(2, ["b"], { priority: 1 });
    world.run();
    expect(world.running().map(({ head }) => head)).toEqual([[1]]);
    for (const build of world.running()) world.finish(build);
    world.run(10, effects);
    const active = [...world.live.values()].flatMap(({ paths }) => paths.filter(pathIsActive));
    expect(active.length).toBeLessThanOrEqual(1);
    world.drain();
    expect([1, 2].map((n) => world.requests.get(sqid(n))?.state)).toEqual(["landed", "landed"]);
  });
});

describe("a build is given up as soon as its assumptions no longer hold", () => {
  const speculation = SpeculationConfig.parse({
    order: "arrival",
    minProbability: 0.01,
    bypass: false,
    scorer: { type: "flat", success: 0.8 },
  });
  const both = (bad: readonly number[]): World => {
    const world = new World(aQueue({ budget: 8, speculation }), { bad: new Set(bad), clashes: [] });
    world.ready(1, ["a"]);
    world.ready(2, ["a"]);
    world.run();
    expect(world.running().map(({ tree }) => [...tree])).toEqual([[1], [1, 2], [2]]);
    finish(world, [1]);
    world.land();
    world.run();
    return world;
  };
  const givenUp = (world: World) =>
    world.running().flatMap(({ key, batchId, tree }) => {
      const path = world.live.get(batchId)?.paths.find(({ buildKey }) => buildKey === key);
      return path?.state === "cancelling" ? [[...tree]] : [];
    });

  it("when its tree lacks a change that has landed", () => {
    expect(givenUp(both([]))).toEqual([[2]]);
  });

  it("when its tree contains a change that will never land", () => {
    expect(givenUp(both([1]))).toEqual([[1, 2]]);
  });
});
