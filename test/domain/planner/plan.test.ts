import { describe, expect, it } from "vitest";
import { hasEnded } from "../../../functions/contracts/log-event.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { RESEND_AFTER_MS } from "../../../functions/domain/planner/commands.ts";
import { HOLD_MS } from "../../../functions/domain/planner/landings.ts";
import { stampOf } from "../../../functions/domain/request-log.ts";
import { UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";
import { aQueue, FIRST_COMMIT, QUEUE, sqid, World } from "./world.ts";

const world = (fate: { bad?: number[]; clashes?: [number, number][] } = {}, config = {}) =>
  new World(aQueue(config), { bad: new Set(fate.bad ?? []), clashes: fate.clashes ?? [] });

describe("a run of the planner", () => {
  it("takes one request through every status in order, and says building and built as events only", () => {
    const w = world();
    w.ready(1, ["a"]);
    w.drain();
    expect(w.trailOf(1).filter((entry) => entry !== "waiting")).toEqual([
      "validated",
      "batching",
      "batched",
      "speculating",
      "built",
      "speculated",
      "landing",
      "landed",
    ]);
    expect(w.stateOf(1)).toBe("landed");
    expect(w.live.size).toBe(0);
  });

  it("builds independent changes side by side, each on the trunk alone", () => {
    const w = world();
    w.ready(1, ["a"]);
    w.ready(2, ["b"]);
    w.run();
    expect(w.running().map((build) => [...build.tree])).toEqual([[1], [2]]);
  });

  it("builds a chain of conflicting changes on the assumption that the changes ahead land", () => {
    const w = world();
    for (const n of [1, 2, 3]) w.ready(n, ["a"]);
    w.run();
    expect(w.running().map((build) => [...build.tree])).toEqual([[1], [1, 2], [1, 2, 3]]);
  });

  it("never has more builds than the budget", () => {
    const w = world({}, { budget: 2 });
    for (const n of [1, 2, 3, 4, 5]) w.ready(n, [`${n}`]);
    w.drain();
    expect(w.mostBuilds).toBe(2);
    expect(w.trunk).toHaveLength(5);
  });

  it("lands the changes behind a failed one on another path, in order", () => {
    const w = world({ bad: [1] });
    for (const n of [1, 2, 3]) w.ready(n, ["a"]);
    w.drain();
    expect([1, 2, 3].map((n) => w.stateOf(n))).toEqual(["error", "landed", "landed"]);
    expect(w.trunk).toEqual([2, 3]);
  });

  it("catches two changes that pass alone and fail together: the second ends in error, with the build's reason", () => {
    const w = world({ clashes: [[1, 2]] });
    w.ready(1, ["a"]);
    w.ready(2, ["a"]);
    w.drain();
    expect(w.trunk).toEqual([1]);
    expect(w.stateOf(2)).toBe("error");
    const error = [...w.log.values()].find((event) => event.kind === "status" && event.status === "error");
    expect(error?.reason?.code).toBe("build.failed");
  });

  it("lands a change by its second path when the first was refuted, with one speculating and one speculated", () => {
    const w = world({ bad: [1] });
    w.ready(1, ["a"]);
    w.ready(2, ["a"]);
    w.run();
    w.drain();
    const trail = w.trailOf(2);
    expect(trail.filter((entry) => entry === "speculating")).toHaveLength(1);
    expect(trail.filter((entry) => entry === "speculated")).toHaveLength(1);
    expect(trail.at(-1)).toBe("landed");
  });

  it("lands everything that may land in one push, in order", () => {
    const w = world();
    for (const n of [1, 2, 3]) w.ready(n, ["a"]);
    w.run();
    for (const build of w.running().reverse()) w.finish(build);
    w.run();
    expect(w.merges).toHaveLength(1);
    expect(w.merges[0]?.batches.map((batch) => batch.batchId)).toEqual(["q/batch/1", "q/batch/2", "q/batch/3"]);
    w.drain();
    expect(w.trunk).toEqual([1, 2, 3]);
  });

  it("says waiting once, while a passed change waits for the changes ahead", () => {
    const w = world();
    w.ready(1, ["a"]);
    w.ready(2, ["a"]);
    w.run();
    const second = w.running()[1];
    if (second) w.finish(second);
    w.run();
    w.tick();
    w.run();
    expect(w.trailOf(2)).toEqual([
      ...["validated", "batching", "batched", "speculating"],
      ...["built", "waiting", "blocked"],
    ]);
  });

  it("cancels a batch only once its builds have stopped, with the caller's reason", () => {
    const w = world();
    w.ready(1, ["a"]);
    w.run();
    w.cancel(1);
    w.run();
    expect(w.stateOf(1)).toBe("ready");
    expect(w.trailOf(1)).not.toContain("cancelled");
    w.drain();
    expect(w.stateOf(1)).toBe("cancelled");
    expect([...w.log.values()].at(-1)?.reason?.message).toContain("changed my mind");
    expect(w.trunk).toEqual([]);
  });

  it("ends a request that is cancelled before a batch carries it, and a late ready signal changes nothing", () => {
    const w = world();
    w.ready(1, ["a"]);
    const ready = w.inbox.shift();
    w.cancel(1);
    w.run();
    expect(w.stateOf(1)).toBe("cancelled");
    if (ready) w.inbox.push(ready);
    w.drain();
    expect(w.trailOf(1)).toEqual(["cancelled"]);
    expect(w.builds.size).toBe(0);
  });

  it("tests again when runway answers that the trunk has moved", () => {
    const w = world();
    w.ready(1, ["a"]);
    w.run();
    for (const build of w.running()) w.finish(build);
    w.run();
    const message = w.merges.shift();
    if (!message) throw new Error("nothing was sent to runway");
    const stale = { kind: "stale", trunk: "f".repeat(40) as never } as const;
    w.inbox.push({
      v: 1,
      kind: "land-finished",
      queue: QUEUE,
      landId: message.id,
      results: [{ batchId: "q/batch/1" as never, outcome: stale }],
    });
    w.drain();
    expect(w.builds.size).toBe(2);
    expect(w.stateOf(1)).toBe("landed");
  });

  it("fails a change that runway cannot apply with runway's reason, and lands the changes behind it without it", () => {
    const w = world();
    w.ready(1, ["a"]);
    w.ready(2, ["a"]);
    w.run();
    const [first] = w.running();
    if (first) w.finish(first);
    w.run();
    const message = w.merges.shift();
    const reason = { code: "merge.conflict" as const, message: "a.txt conflicts" };
    w.inbox.push({
      v: 1,
      kind: "land-finished",
      queue: QUEUE,
      landId: message?.id ?? "",
      results: [{ batchId: "q/batch/1" as never, outcome: { kind: "refused", reason } }],
    });
    w.drain();
    expect(w.stateOf(1)).toBe("error");
    expect(w.trunk).toEqual([2]);
  });

  it("builds again after an infrastructure failure, and gives up after the configured number", () => {
    const w = world();
    w.ready(1, ["a"]);
    w.run();
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [build] = w.running();
      if (!build) throw new Error(`attempt ${attempt} was not started`);
      build.state = "cancelled";
      const verdict = {
        kind: "infrastructure" as const,
        reason: { code: "build.infrastructure" as const, message: "no runner" },
      };
      w.inbox.push({
        v: 1,
        kind: "build-finished",
        queue: QUEUE,
        batchId: build.batchId,
        buildKey: build.key,
        verdict,
      });
      w.run();
    }
    w.drain();
    expect(w.builds.size).toBe(3);
    expect(w.stateOf(1)).toBe("error");
  });

  it("sends a landing that went unanswered again, and lands it once", () => {
    const w = world();
    w.ready(1, ["a"]);
    w.run();
    for (const build of w.running()) w.finish(build);
    w.run();
    w.merges.length = 0;
    w.drain();
    expect(w.trunk).toEqual([1]);
  });

  describe("a landing on a host that refuses every push", () => {
    const reason = { code: "repository.refused" as const, message: "main is protected" };
    const aLanding = () => {
      const w = world();
      w.ready(1, ["a"]);
      w.run();
      for (const build of w.running()) w.finish(build);
      w.run();
      return w;
    };
    /** Runway takes the next message, and the host refuses it. */
    function refuse(w: World): void {
      const message = w.merges.shift();
      if (!message) throw new Error("nothing is to be landed");
      const held = message.batches.map(({ batchId }) => batchId);
      w.inbox.push({
        v: 1,
        kind: "land-held",
        queue: QUEUE,
        landId: message.id,
        held,
        results: [],
        reason,
        at: epochMs(w.time),
      });
      w.run();
    }
    const again = (w: World) => {
      w.time += RESEND_AFTER_MS;
      w.run();
    };

    it("is kept, told once, and lands when the host allows it", () => {
      const w = aLanding();
      for (const _ of [1, 2, 3]) {
        refuse(w);
        again(w);
      }
      expect(w.stateOf(1)).toBe("ready");
      const told = [...w.log.values()].filter((entry) => entry.kind === "event" && entry.event === "blocked");
      expect(told).toMatchObject([{ reason, metadata: { blocker: "host" } }]);
      w.drain();
      expect(w.trunk).toEqual([1]);
    });

    it("ends after an hour with a reason that blames no change, and teaches the scorer nothing", () => {
      const w = aLanding();
      refuse(w);
      const start = w.time;
      const history = w.queueState.history;
      while (w.stateOf(1) === "ready" && w.time < start + 2 * HOLD_MS) {
        again(w);
        refuse(w);
      }
      expect(w.time - start).toBeGreaterThanOrEqual(HOLD_MS);
      expect(w.time - start).toBeLessThan(HOLD_MS + 3 * RESEND_AFTER_MS);
      expect(w.stateOf(1)).toBe("error");
      expect([...w.live.values(), ...w.archived.values()]).toMatchObject([{ state: "failed", reason }]);
      expect(w.queueState.history).toEqual(history);
    });

    /** The host refuses the landing until the request has ended. The copy of the message that it answers with is still on its way then. */
    function refusedForAnHour(w: World): void {
      const [copy] = w.merges;
      if (!copy) throw new Error("nothing is to be landed");
      while (w.stateOf(1) === "ready") {
        refuse(w);
        again(w);
      }
      expect([w.stateOf(1), w.merges]).toEqual(["error", []]);
      w.merges.push(copy);
    }
    const endsOf = (w: World) =>
      [...w.log.values()].flatMap((entry) =>
        entry.sqid === sqid(1) && entry.kind === "status" && hasEnded(entry.status) ? [entry] : [],
      );

    it.each(["live", "archived"] as const)(
      "has landed all the same when the host takes a late copy of it, while its batch is %s",
      (where) => {
        const w = aLanding();
        if (where === "live") w.ready(2, ["a"]);
        refusedForAnHour(w);
        expect(w[where].has("q/batch/1" as never)).toBe(true);
        const before = w.stateOf(2);
        for (const isRepeat of [false, true]) {
          w.land(isRepeat);
          w.run();
          expect([w.trunk, w.stateOf(1), w.stateOf(2)]).toEqual([[1], "landed", before]);
          expect(w.queueState.trunk?.vouched).toContain(w.commit);
          const ends = endsOf(w).toSorted((a, b) => (stampOf(a) < stampOf(b) ? -1 : 1));
          expect(ends).toMatchObject([
            { status: "error", version: 4, reason },
            { status: "landed", version: 5, metadata: { commit: expect.any(String), tree: expect.any(String) } },
          ]);
        }
        w.drain();
        expect([w.trunk.slice(0, 1), w.live.size, endsOf(w).length]).toEqual([[1], 0, 2]);
      },
    );

    it("is in every later tree when the host takes a late copy of it", () => {
      const w = aLanding();
      w.ready(2, ["a"]);
      refusedForAnHour(w);
      expect([...(w.running().at(-1)?.tree ?? [])]).toEqual([2]);
      w.land();
      w.drain();
      expect(w.landings.at(-1)?.passed.some((tree) => tree.has(1) && tree.has(2))).toBe(true);
      expect([w.trunk, w.stateOf(2)]).toEqual([[1, 2], "landed"]);
    });

    it("is not taken for another landing of the batch, and not for one that has ended", () => {
      const w = aLanding();
      const [message] = w.merges;
      w.inbox.push({
        v: 1,
        kind: "land-held",
        queue: QUEUE,
        landId: "another",
        held: ["q/batch/1" as never],
        results: [],
        reason,
        at: epochMs(1),
      });
      w.drain();
      expect(w.trunk).toEqual([1]);
      w.inbox.push({
        v: 1,
        kind: "land-held",
        queue: QUEUE,
        landId: message?.id ?? "",
        held: ["q/batch/1" as never],
        results: [],
        reason,
        at: epochMs(1),
      });
      w.drain();
      expect(w.stateOf(1)).toBe("landed");
    });
  });

  it.each([
    ["a push past the queue moved the trunk", { evidenceSince: epochMs(5_000) }],
    ["a red trunk recovered", { trunk: { ...UNKNOWN_TRUNK, vouched: [FIRST_COMMIT], recoveredAt: epochMs(5_000) } }],
    ["the newest commit became known", { trunk: { ...UNKNOWN_TRUNK, knownAt: epochMs(5_000) } }],
  ])("proposes builds at a later time than an earlier run, whose clock was fast, took note that %s", (_, known) => {
    const w = world();
    w.queueState = { ...w.queueState, ...known };
    w.ready(1, ["a"]);
    w.run();
    const [path] = w.live.get("q/batch/1" as never)?.paths ?? [];
    expect(w.time).toBeLessThan(5_000);
    expect(path?.startedAt).toBeGreaterThan(5_000);
  });

  it("takes no request twice, however often it is said to be ready", () => {
    const w = world();
    w.ready(1, ["a"]);
    w.inbox.push({ v: 1, kind: "request-ready", queue: QUEUE, sqid: sqid(1) });
    w.run(1);
    w.inbox.push({ v: 1, kind: "request-ready", queue: QUEUE, sqid: sqid(1) });
    w.drain();
    w.inbox.push({ v: 1, kind: "request-ready", queue: QUEUE, sqid: sqid(1) });
    w.drain();
    expect(w.trunk).toEqual([1]);
  });
});
