import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { batchIdOf } from "../../../functions/contracts/ids.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";
import { aQueue, type BuildRecord, type Fate, FIRST_COMMIT, finish, QUEUE, sqid, World } from "./world.ts";

const speculation = SpeculationConfig.parse({ order: "arrival", scorer: { type: "flat", success: 0.95 } });
const analyzers: QueueConfig["conflictAnalyzer"][] = [{ type: "all" }, { type: "paths", by: "file" }];

const worldOf = (fate: Partial<Fate> = {}, config: Partial<QueueConfig> = {}): World =>
  new World(aQueue({ budget: 4, speculation, ...config }), { bad: new Set(), clashes: [], ...fate });

/** Changes that touch one file arrive, and the planner runs. */
function arrive(world: World, ...changes: readonly number[]): void {
  for (const n of changes) world.ready(n, ["a"]);
  world.run();
}

/** All builds that run end, and so do those that they lead to, for so many rounds. */
function rounds(world: World, count: number): void {
  for (let round = 0; round < count; round++) {
    for (const build of world.running()) world.finish(build);
    while (world.inbox.length > 0) world.run();
    while (world.merges.length > 0) world.land();
    while (world.inbox.length > 0) world.run();
  }
}

const trunkOf = (world: World) => world.queueState.trunk ?? UNKNOWN_TRUNK;
const built = (world: World): number => [...world.trunkBuilds.values()].reduce((sum, count) => sum + count, 0);
const blockersOf = (world: World, n: number) =>
  [...world.log.values()].flatMap((entry) =>
    entry.sqid === sqid(n) && entry.kind === "event" && entry.event === "blocked" ? [entry] : [],
  );
/** A build ends as failed on the trunk's commit that it was started on. */
const failOnTrunk = (world: World, build: BuildRecord): void =>
  world.report(build, {
    kind: "failed",
    composed: { commit: build.trunk, tree: build.treeName, trunk: build.trunk },
    reason: { code: "build.failed", message: "it failed" },
  });
const statesOf = (world: World, ...changes: readonly number[]) => changes.map((n) => world.stateOf(n));

describe.each(analyzers)(
  "a commit that breaks the trunk was pushed past the queue, analyzer $type",
  (conflictAnalyzer) => {
    const red = (fate: Partial<Fate> = {}, config: Partial<QueueConfig> = {}): World => {
      const world = worldOf(fate, { conflictAnalyzer, ...config });
      world.pushPast(true);
      arrive(world, 1, 2, 3);
      rounds(world, 4);
      return world;
    };

    it("rejects no change: all keep their places, and say why they wait", () => {
      const world = red();
      expect(statesOf(world, 1, 2, 3)).toEqual(["ready", "ready", "ready"]);
      expect(world.rejections).toEqual([]);
      for (const n of [1, 2, 3]) {
        const last = blockersOf(world, n).at(-1);
        expect(last?.metadata["blocker"]).toBe("trunk.red");
        expect(last?.reason?.code).toBe("trunk.red");
        expect(last?.reason?.message).toContain(`at commit ${world.commit.slice(0, 12)} by Ann: it failed`);
      }
    });

    it("builds the trunk once for all of them, and tells the gateway once", () => {
      const world = red();
      expect(world.trunkBuilds).toEqual(new Map([[world.commit, 1]]));
      expect([...world.news.values()].map(({ red: told }) => told?.commit)).toEqual([world.commit]);
    });

    it("lets a repair through, ahead of all others, which then land in their order", () => {
      const world = red({ repairs: new Set([9]) });
      arrive(world, 9);
      rounds(world, 1);
      expect(world.trunk).toEqual([9]);
      expect(trunkOf(world).red).toBeUndefined();
      world.drain();
      expect(world.trunk).toEqual([9, 1, 2, 3]);
      expect([...world.news.values()].map(({ red: told }) => told === undefined)).toEqual([false, true]);
      expect(built(world)).toBe(1);
    });

    it("builds a late arrival first, since it is the likeliest repair", () => {
      const world = worldOf({}, { conflictAnalyzer, budget: 1 });
      world.pushPast(true);
      arrive(world, 1, 2, 3);
      finish(world, [1]);
      finish(world, []);
      expect(world.running().map(({ head }) => [...head])).toEqual([[2]]);
      arrive(world, 9);
      finish(world, [2]);
      expect(world.running().map(({ head }) => [...head])).toEqual([[9]]);
    });

    it("builds nothing while the repair is landing, since the trunk is about to move", () => {
      const world = red({ repairs: new Set([9]) });
      arrive(world, 9);
      finish(world, [9]);
      arrive(world, 4);
      expect(world.running()).toEqual([]);
      world.drain();
      expect(world.trunk[0]).toBe(9);
    });

    it("composes a change that does not apply to the red trunk once, and again when the trunk has moved", () => {
      const world = red({ stacked: [[5, 4]], repairs: new Set([9]) }, { retries: 2 });
      const composed = () => world.live.get(batchIdOf(sqid(5)))?.buildCount ?? 0;
      world.cancel(4);
      world.ready(4, ["a"]);
      arrive(world, 5);
      rounds(world, 6);
      expect(composed()).toBe(1);
      arrive(world, 9);
      world.drain();
      expect(world.trunk).toEqual([9, 1, 2, 3]);
      expect(world.stateOf(5)).toBe("error");
    });

    it("is told of again by a change whose own build has failed on another red commit", () => {
      const world = red();
      const before = blockersOf(world, 1).length;
      world.pushPast(true);
      world.tick();
      rounds(world, 4);
      expect(blockersOf(world, 1)).toHaveLength(before + 1);
    });

    it("goes on by itself when a commit past the queue repairs the trunk", () => {
      const world = red();
      world.pushPast(false);
      world.tick();
      world.drain();
      expect(world.trunk).toEqual([1, 2, 3]);
      expect(built(world)).toBe(2);
    });

    it("goes on by itself when the trunk was put back to a commit that a passed build vouches for", () => {
      const world = red();
      world.broken = false;
      world.commits.push(FIRST_COMMIT);
      world.tick();
      world.drain();
      expect(world.trunk).toEqual([1, 2, 3]);
      expect(built(world)).toBe(1);
    });

    it("rejects a change that fails for its own fault once the trunk passes", () => {
      const world = red({ bad: new Set([2]), repairs: new Set([9]) });
      arrive(world, 9);
      world.drain();
      expect(statesOf(world, 1, 2, 3, 9)).toEqual(["landed", "error", "landed", "landed"]);
    });

    it("holds what passed on an earlier trunk", () => {
      const world = worldOf({}, { conflictAnalyzer: { type: "none" }, budget: 3 });
      arrive(world, 1, 2);
      world.pushPast(true);
      arrive(world, 3);
      finish(world, [3]);
      rounds(world, 0);
      finish(world, []);
      finish(world, [1]);
      expect(world.merges).toEqual([]);
      expect(trunkOf(world).red).toBeDefined();
    });
  },
);

describe("how often a red trunk is built", () => {
  const hours = (count: number, world: World) => {
    const until = world.time + count * 3_600_000;
    while (world.time < until) {
      world.tick();
      rounds(world, 2);
    }
  };

  it("again after 5, 10, 20 and 40 minutes, and then every hour", () => {
    const world = worldOf();
    world.pushPast(true);
    arrive(world, 1);
    rounds(world, 3);
    hours(1.5, world);
    expect(built(world)).toBe(5);
    hours(5, world);
    expect(built(world)).toBeLessThanOrEqual(10);
    expect(world.stateOf(1)).toBe("ready");
  });

  it("once for each commit that is pushed meanwhile", () => {
    const world = worldOf();
    world.pushPast(true);
    arrive(world, 1);
    rounds(world, 3);
    for (let push = 0; push < 3; push++) {
      world.pushPast(true);
      world.tick();
      rounds(world, 3);
    }
    expect([...world.trunkBuilds.values()]).toEqual([1, 1, 1, 1]);
  });

  it("goes on when something outside has recovered, and counts no failure from before", () => {
    const world = worldOf();
    world.outage = true;
    world.pushPast(false);
    arrive(world, 1, 2);
    rounds(world, 3);
    expect(trunkOf(world).red).toBeDefined();
    world.outage = false;
    hours(0.2, world);
    world.drain();
    expect(world.trunk).toEqual([1, 2]);
  });
});

describe("a commit past the queue that breaks nothing", () => {
  it("has the trunk built once when a change fails on it, and the change is then rejected", () => {
    const world = worldOf({ bad: new Set([1]) });
    world.pushPast(false);
    arrive(world, 1, 2);
    finish(world, [1]);
    expect(blockersOf(world, 1).at(-1)?.metadata["blocker"]).toBe("trunk.unproven");
    expect(world.stateOf(1)).toBe("ready");
    world.drain();
    expect(statesOf(world, 1, 2)).toEqual(["error", "landed"]);
    expect(built(world)).toBe(1);
  });

  it("costs no build when all changes pass", () => {
    const world = worldOf();
    world.pushPast(false);
    arrive(world, 1, 2, 3);
    world.drain();
    expect(built(world)).toBe(0);
  });

  it("is vouched for through what landed on it while it was being built", () => {
    const world = worldOf({ bad: new Set([3]) }, { conflictAnalyzer: { type: "none" } });
    arrive(world, 1, 2);
    world.pushPast(false);
    finish(world, [1]);
    world.land();
    world.run();
    arrive(world, 3);
    finish(world, [3]);
    finish(world, [2]);
    world.land();
    world.run();
    expect(world.stateOf(3)).toBe("ready");
    world.drain();
    expect([statesOf(world, 1, 2, 3), built(world)]).toEqual([["landed", "landed", "error"], 1]);
  });
});

describe("without a commit past the queue", () => {
  it("the trunk is never built, also after failures", () => {
    const world = worldOf({ bad: new Set([2, 4]) });
    arrive(world, 1, 2, 3, 4, 5);
    world.drain();
    expect(built(world)).toBe(0);
  });

  it("a new queue builds its trunk once, when its first change fails", () => {
    const world = worldOf({ bad: new Set([1]) });
    world.queueState = { ...world.queueState, trunk: UNKNOWN_TRUNK };
    arrive(world, 1, 2);
    world.drain();
    expect([statesOf(world, 1, 2), built(world)]).toEqual([["error", "landed"], 1]);
  });

  it("the trunk is doubted once three changes in a row were rejected on one commit", () => {
    const world = worldOf({}, { conflictAnalyzer: { type: "none" }, budget: 1 });
    world.outage = true;
    for (const n of [1, 2, 3, 4, 5, 6]) world.ready(n, [String(n)]);
    world.run();
    rounds(world, 8);
    expect(world.rejections.map(({ n }) => n)).toEqual([1, 2, 3]);
    expect(trunkOf(world).red).toBeDefined();
    world.outage = false;
    world.drain();
    expect(statesOf(world, 4, 5, 6)).toEqual(["landed", "landed", "landed"]);
  });
});

describe("the signals of a build of the trunk", () => {
  const asked = (): World => {
    const world = worldOf({ bad: new Set([1]) });
    world.pushPast(false);
    arrive(world, 1);
    finish(world, [1]);
    return world;
  };

  it("come of a command that says how long the queue's builds take, as the command for a batch does", () => {
    const world = worldOf({ bad: new Set([2]) });
    arrive(world, 1);
    rounds(world, 2);
    world.pushPast(false);
    arrive(world, 2);
    finish(world, [2]);
    const commands = world.runs.flatMap(({ result }) => result.commands);
    const ofTrunk = commands.filter((command) => command.kind === "start-build" && command.sqids.length === 0);
    expect(ofTrunk).toMatchObject([{ lowerQuartileMs: expect.any(Number) }]);
  });

  it("are asked for once: what was carried out is not asked for again", () => {
    const world = asked();
    const kinds = () => world.plan([]).commands.map(({ kind }) => kind);
    expect(kinds()).not.toContain("start-build");
    world.broken = true;
    const [build] = world.running();
    if (build) failOnTrunk(world, build);
    world.run();
    expect([world.news.size, kinds().includes("announce-trunk")]).toEqual([1, false]);
  });

  it("a lost one leaves the failure undecided, and the build is not started again", () => {
    const world = asked();
    for (let minute = 0; minute < 5; minute++) {
      world.tick();
      world.run();
    }
    expect([world.stateOf(1), built(world)]).toEqual(["ready", 1]);
  });

  it("a repeated one changes nothing", () => {
    const world = asked();
    const [build] = world.running();
    if (build) world.finish(build);
    const signal = world.inbox[0];
    world.run();
    const before = world.queueState;
    if (signal) world.inbox.push(signal);
    world.run();
    expect(world.queueState).toEqual(before);
  });

  it("a late one of a build that was given up changes nothing", () => {
    const world = worldOf({ repairs: new Set([9]) });
    world.pushPast(true);
    arrive(world, 1);
    rounds(world, 3);
    arrive(world, 9);
    world.time += 400_000;
    world.tick();
    world.run();
    const ofTrunk = world.running().find(({ head }) => head.length === 0);
    finish(world, [9]);
    world.land();
    world.run();
    expect(trunkOf(world).build?.state).toBe("cancelling");
    if (ofTrunk) failOnTrunk(world, ofTrunk);
    world.run();
    expect([trunkOf(world).red, trunkOf(world).build]).toEqual([undefined, undefined]);
  });

  it("one about an unknown build changes nothing", () => {
    const world = worldOf();
    const before = world.queueState;
    const key = "f".repeat(32) as never;
    const none = { head: [], tree: new Set<number>(), trunk: FIRST_COMMIT, treeName: FIRST_COMMIT, broken: false };
    const tests = "everything";
    world.report(
      { key, batchId: `${QUEUE}/batch/0` as never, state: "running", tests, ...none },
      { kind: "cancelled" },
    );
    world.run();
    expect(world.queueState).toEqual(before);
  });

  it("a build that breaks down is tried again, at growing intervals", () => {
    const world = asked();
    for (let round = 0; round < 4; round++) {
      const build = world.running().find(({ head }) => head.length === 0);
      if (build) world.finish(build, "breakdowns");
      world.run();
      world.time += 1_000;
      world.run();
      expect(world.running()).toEqual([]);
      world.time += 10 * 60_000;
      world.tick();
      world.run();
    }
    world.drain();
    expect(world.stateOf(1)).toBe("error");
  });
});

describe("a red trunk and the budget", () => {
  it("the build of the trunk takes a slot, and waits for one", () => {
    const world = worldOf({ bad: new Set([1]) }, { budget: 1, conflictAnalyzer: { type: "none" } });
    world.pushPast(false);
    for (const n of [1, 2, 3]) world.ready(n, [String(n)]);
    world.run();
    finish(world, [1]);
    expect(world.running().map(({ head }) => head)).toEqual([[]]);
    world.drain();
    expect(world.mostBuilds).toBe(1);
  });

  it("a red trunk is not looked at while no slot is free", () => {
    const world = worldOf({}, { budget: 1 });
    world.pushPast(true);
    arrive(world, 1);
    rounds(world, 3);
    arrive(world, 2);
    world.time += 400_000;
    world.tick();
    world.run();
    expect([world.running().map(({ head }) => [...head]), world.mostBuilds]).toEqual([[[2]], 1]);
  });

  it("a repair is found where builds test what is affected, and the trunk is built again then", () => {
    const buildRunner = BuildRunnerConfig.parse({ type: "fake", tests: "affected" });
    const world = worldOf({ repairs: new Set([9]) }, { buildRunner });
    world.pushPast(true);
    arrive(world, 1, 2);
    rounds(world, 3);
    arrive(world, 9);
    world.drain();
    expect(world.trunk).toEqual([9, 1, 2]);
    expect([...world.trunkBuilds.values()]).toEqual([1, 1]);
  });
});
