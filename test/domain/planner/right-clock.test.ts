import { describe, expect, it } from "vitest";
import { CLOCKS_DIFFER_MS, epochMs } from "../../../functions/contracts/time.ts";
import { onRightClock } from "../../../functions/domain/planner/right-clock.ts";
import { UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";
import { aBatch } from "../../support/batch-request.ts";
import { aQueue, QUEUE, sqid, World } from "./world.ts";

const HOUR = 3_600_000;
const NOW = epochMs(1_800_000_000_000);
const later = (ms: number) => epochMs(NOW + ms);

describe("stored times", () => {
  const queue = new World(aQueue({}), { bad: new Set(), clashes: [] }).queueState;

  it("that are as far ahead as clocks may differ, or due within a day, stay as they are", () => {
    const red = { since: NOW, commit: "a", reason: { code: "trunk.red", message: "m" }, built: "a", failures: 1 };
    const trunk = {
      ...UNKNOWN_TRUNK,
      knownAt: later(CLOCKS_DIFFER_MS),
      red: { ...red, rebuildAt: later(HOUR), lookAt: later(60_000) },
    } as never;
    const stored = { queue: { ...queue, trunk }, batches: [] };
    expect(onRightClock(stored, NOW)).toBe(stored);
  });

  it("that a wrong clock has written are moved to now, in their order, and behind every right time", () => {
    const [one, two] = [1, 2].map((n) => aBatch(QUEUE, `${QUEUE}/batch/${n}` as never, NOW));
    if (one === undefined || two === undefined) throw new Error("there are two");
    const wrong = { ...two, createdAt: later(2 * HOUR), endedAt: later(5 * HOUR) };
    const trunk = { ...UNKNOWN_TRUNK, knownAt: later(3 * HOUR), brokenDown: { count: 1, nextAt: later(90 * HOUR) } };
    const right = { ...one, createdAt: later(60_000) };
    const found = onRightClock({ queue: { ...queue, trunk }, batches: [right, wrong] }, NOW);
    expect(found.batches[0]).toBe(right);
    expect(found.batches[1]).toEqual({ ...wrong, createdAt: later(60_001), endedAt: later(60_003) });
    expect(found.queue.trunk).toEqual({
      ...trunk,
      knownAt: later(60_002),
      brokenDown: { count: 1, nextAt: later(60_004) },
    });
  });
});

describe("a queue that was planned once by a clock days ahead", () => {
  it("goes on by the right clock: its waits end, and what it holds lands in order", () => {
    const world = new World(aQueue({ budget: 1, bundle: { maxSize: 3, maxWaitSeconds: 60 } }), {
      bad: new Set(),
      clashes: [],
    });
    const right = world.time;
    world.time = right + 240 * HOUR;
    world.ready(1, ["a"]);
    world.run();
    world.time = right + 60_000;
    for (const n of [2, 3]) world.ready(n, ["a"]);
    world.run();
    const startedAt = [...world.live.values()].flatMap(({ createdAt, paths }) => [
      createdAt,
      ...paths.map((path) => path.startedAt),
    ]);
    expect(Math.max(...startedAt)).toBeLessThan(world.time + 1_000);
    world.time += 61_000;
    world.drain();
    expect([1, 2, 3].map((n) => world.stateOf(n))).toEqual(["landed", "landed", "landed"]);
    expect(world.trunk).toEqual([1, 2, 3]);
    expect(world.requests.get(sqid(3))?.endedAt ?? 0).toBeLessThan(right + HOUR);
  });
});
