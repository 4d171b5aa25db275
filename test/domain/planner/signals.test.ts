import { describe, expect, it } from "vitest";
import { statusEvent } from "../../../functions/contracts/log-event.ts";
import type { Signal } from "../../../functions/contracts/messages/signals.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch } from "../../../functions/domain/batch.ts";
import { Draft } from "../../../functions/domain/planner/draft.ts";
import { fold } from "../../../functions/domain/planner/fold.ts";
import type { QueueState } from "../../../functions/domain/planner/plan.ts";
import { needsProbation } from "../../../functions/domain/planner/probation.ts";
import type { LandingRequest } from "../../../functions/domain/request.ts";
import { emptyHistory } from "../../../functions/domain/speculation/history.ts";
import { UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";
import { aBatch, aPath, draftOf, idOf, landing, NOW, reason, shaOf, sqidOf, tested } from "./pieces.ts";
import { aQueue, aReadyRequest, QUEUE } from "./world.ts";

interface Told {
  readonly batches?: readonly Batch[];
  readonly requests?: readonly LandingRequest[];
  readonly config?: Partial<QueueConfig>;
  readonly state?: Partial<QueueState>;
}

/** The draft after these signals. */
function folded(
  signals: readonly object[],
  { batches = [], requests = [], config = {}, state = {} }: Told = {},
): Draft {
  const queue = draftOf([], {}, state).queue;
  const known = new Map(requests.map((request) => [request.sqid, request]));
  const draft = new Draft(aQueue(config), { queue, batches, requests: known }, NOW);
  fold(
    draft,
    signals.map((signal): Signal => ({ v: 1, queue: QUEUE, ...signal }) as Signal),
  );
  return draft;
}

describe("a change of priority", () => {
  const raise = (count: number, n = 1) => ({ kind: "priority-changed", sqid: sqidOf(n), priority: 5, count });

  it.each<[string, Partial<Batch>, boolean]>([
    ["the first", {}, true],
    ["a newer one", { priorityCount: 1 }, true],
    ["the same one again", { priorityCount: 2 }, false],
    ["an older one", { priorityCount: 3 }, false],
    ["of a batch that is landing, and may come back", landing(), true],
    ["of a batch that is being cancelled", { state: "cancelling" }, false],
    ["of a batch that has ended", { state: "failed" }, false],
  ])("counts while its batch may be built, and when none came after it: %s", (_, change, counts) => {
    const one = aBatch(1, change);
    const draft = folded([raise(2)], { batches: [one] });
    expect(draft.lookup(one.id)).toEqual(counts ? { ...one, priority: 5, priorityCount: 2 } : one);
  });

  it("that comes before its request is ready makes the batch", () => {
    const draft = folded([raise(1)], { requests: [aReadyRequest(1, ["a"])] });
    expect(draft.lookup(idOf(1))).toMatchObject({ state: "speculating", priority: 5, priorityCount: 1 });
  });

  it("of an unknown request changes nothing", () => {
    expect(folded([raise(1)]).batches()).toEqual([]);
  });
});

describe("a cancel", () => {
  const cancel = (more: object = {}) => ({ kind: "cancel-requested", sqid: sqidOf(1), ...more });
  const because = (message: string) => ({ code: "cancelled.by_caller", message });

  it.each([
    [{}, "Cancelled by its caller."],
    [{ note: "changed my mind" }, "Cancelled: changed my mind"],
  ])("stops a batch that speculates, with the caller's note: %o", (note, message) => {
    const draft = folded([cancel(note)], { batches: [aBatch(1)] });
    expect(draft.lookup(idOf(1))).toMatchObject({ state: "cancelling", reason: because(message) });
    expect(draft.loose).toEqual([]);
  });

  it.each(["cancelling", "landed", "failed", "cancelled"] as const)("changes nothing when the batch is %s", (state) => {
    const one = aBatch(1, { ...landing(), state });
    const draft = folded([cancel()], { batches: [one], requests: [aReadyRequest(1, ["a"])] });
    expect(draft.lookup(one.id)).toBe(one);
    expect(draft.loose).toEqual([]);
  });

  it("is kept while the batch is landing, with the first note, and counts only when runway does not land the batch", () => {
    const one = aBatch(1, landing());
    const draft = folded([cancel({ note: "first" }), cancel({ note: "second" })], { batches: [one] });
    expect(draft.lookup(one.id)).toEqual({ ...one, reason: because("Cancelled: first") });
    const answer = (given: object) => {
      const told = { kind: "land-finished", landId: "together", results: [{ batchId: one.id, outcome: given }] };
      return folded([cancel(), told], { batches: [one] }).lookup(one.id);
    };
    expect(answer({ kind: "skipped" })).toMatchObject({
      state: "cancelling",
      reason: because("Cancelled by its caller."),
    });
    expect(answer({ kind: "stale", trunk: shaOf(9) })).toMatchObject({ state: "cancelling" });
    expect(answer({ kind: "refused", reason })).toMatchObject({ state: "failed", reason });
    const landed = { kind: "landed", commit: shaOf(7), tree: shaOf(8), testedTree: shaOf(8), commits: [shaOf(7)] };
    expect(answer(landed)).toMatchObject({ state: "landed" });
    expect(answer(landed)).not.toHaveProperty("reason");
  });

  it("of a ready request without a batch ends the request, which then gets no batch", () => {
    const requests = [aReadyRequest(1, ["a"])];
    const draft = folded([cancel(), { kind: "request-ready", sqid: sqidOf(1) }], { requests });
    expect(draft.batches()).toEqual([]);
    expect(draft.loose).toEqual([
      statusEvent(sqidOf(1), "cancelled", NOW, { version: 4, reason: because("Cancelled by its caller.") as never }),
    ]);
  });

  it("of a request that was cancelled already tells the log again, with the first reason", () => {
    const requests = [aReadyRequest(1, ["a"], { state: "cancelled", reason })];
    expect(folded([cancel({ note: "again" })], { requests }).loose).toEqual([
      statusEvent(sqidOf(1), "cancelled", NOW, { version: 4, reason }),
    ]);
  });

  it.each(["landed", "error", "checking"])("of a request that is %s changes nothing", (state) => {
    const requests = [aReadyRequest(1, ["a"], { state: state as LandingRequest["state"] })];
    expect(folded([cancel()], { requests }).loose).toEqual([]);
    expect(folded([cancel()]).loose).toEqual([]);
  });
});

describe("a control signal", () => {
  const control = (mode: string, version: number, more: object = {}) => ({
    kind: "queue-control",
    mode,
    at: epochMs(7),
    version,
    ...more,
  });
  const paused = { since: epochMs(7) };

  it.each<[string, Partial<QueueState>, object, Partial<QueueState>]>([
    ["the first pauses", {}, control("paused", 1), { control: 1, paused }],
    [
      "with a note",
      {},
      control("paused", 1, { note: "release" }),
      { control: 1, paused: { ...paused, note: "release" } },
    ],
    ["a later one opens", { control: 1, paused }, control("open", 2), { control: 2 }],
    ["draining lands what it holds", { control: 1, paused }, control("draining", 2), { control: 2 }],
    ["a repeat changes nothing", { control: 2, paused }, control("open", 2), { control: 2, paused }],
    ["an older one changes nothing", { control: 2, paused }, control("open", 1), { control: 2, paused }],
  ])("sets the mode unless a newer one was followed: %s", (_, state, signal, expected) => {
    const { paused: isPaused, control: version } = folded([signal], { state }).queue;
    expect({
      ...(version === undefined ? {} : { control: version }),
      ...(isPaused ? { paused: isPaused } : {}),
    }).toEqual(expected);
  });
});

describe("a request that is ready", () => {
  const ready = { kind: "request-ready", sqid: sqidOf(9) };
  const join = (request: Partial<LandingRequest> = {}, told: Told = {}) =>
    folded([ready], { requests: [aReadyRequest(9, ["a"], request)], ...told }).lookup(idOf(9));

  it("becomes a batch with the next arrival and position, which names the latest of its conflicts in the log", () => {
    const batches = Array.from({ length: 25 }, (_, n) => aBatch(100 + n, { arrival: n + 1 }));
    const told = { batches, state: { nextArrival: 30, nextPosition: 40 } };
    const draft = folded([ready], {
      requests: [aReadyRequest(9, ["a"], { author: "anna", priority: 2, priorityCount: 3 })],
      ...told,
    });
    const { sqid: id, changes, strategy, receivedAt, version, touches } = aReadyRequest(9, ["a"]);
    const named = batches.slice(-20).map((batch) => batch.id.slice(batch.id.lastIndexOf("/") + 1));
    const occurrence = idOf(9);
    expect(draft.lookup(idOf(9))).toEqual({
      queue: QUEUE,
      id: idOf(9),
      arrival: 30,
      position: 40,
      nextPosition: 40,
      priority: 2,
      priorityCount: 3,
      request: { sqid: id, changes, strategy, receivedAt, version, touches },
      conflicts: batches.map((batch) => batch.id),
      state: "speculating",
      paths: [],
      buildCount: 0,
      outbox: [
        statusEvent(id, "validated", NOW, { version, metadata: { author: "anna" } }),
        statusEvent(id, "batching", NOW, { occurrence, metadata: { batch_id: idOf(9) } }),
        statusEvent(id, "batched", NOW, { occurrence, metadata: { batch_id: idOf(9), behind: named.join(" ") } }),
        statusEvent(id, "speculating", NOW, { occurrence, metadata: { batch_id: idOf(9), position: 40 } }),
      ],
      concluded: false,
      createdAt: NOW,
      version: 0,
    });
    expect([draft.queue.nextArrival, draft.queue.nextPosition]).toEqual([31, 41]);
  });

  it("conflicts with batches that may still land, and with no others", () => {
    const states = ["speculating", "landing", "cancelling", "landed", "failed", "cancelled"] as const;
    const batches = states.map((state, n) => aBatch(n + 1, { ...landing(), state }));
    expect(join({}, { batches })?.conflicts).toEqual([idOf(1), idOf(2)]);
    expect(join({}, { batches, config: { conflictAnalyzer: { type: "all" } } })?.conflicts).toBe("every");
  });

  it("has priority 0 unless it asked for another", () => {
    expect(join()).toMatchObject({ priority: 0 });
    expect(join()).not.toHaveProperty("priorityCount");
  });

  it("on probation has no position, and the log says why", () => {
    const told = { state: { nextPosition: 4 }, config: probation({ scorer: unlikely }) };
    const one = join({}, told);
    expect(one).not.toHaveProperty("position");
    expect(one?.nextPosition).toBe(4);
    expect(one?.outbox.at(-1)).toMatchObject({
      status: "speculating",
      metadata: { batch_id: idOf(9), why: expect.stringContaining("on probation") },
    });
  });

  it.each<[string, Partial<LandingRequest>, readonly Batch[]]>([
    ["it is not ready", { state: "checking" as never }, []],
    ["it is not known what it touches", { touches: undefined as never }, []],
    ["it has a batch, even an ended one", {}, [aBatch(9, { state: "cancelled" })]],
  ])("gets no batch when %s", (_, request, batches) => {
    expect(join(request, { batches })).toEqual(batches[0]);
  });
});

const speculation = aQueue().speculation;
const probation = (more: object): Partial<QueueConfig> => ({
  conflictAnalyzer: { type: "none" },
  speculation: { ...speculation, order: "likely-first", ...more } as never,
});
/** Every batch is expected to pass with less than the threshold. */
const unlikely = { type: "heuristic", buckets: [{ upTo: 1_000, success: 0.4 }] } as const;
const likely = (success: number) => ({ type: "heuristic", buckets: [{ upTo: 1_000, success }] }) as const;

describe("a new batch goes on probation", () => {
  const built = (count: number) =>
    Array.from({ length: count }, (_, n) => aBatch(n + 1, { paths: [aPath(n, [n + 1])] }));
  const waiting = (count: number) => Array.from({ length: count }, (_, n) => aBatch(n + 1));
  const goes = (config: Partial<QueueConfig>, conflicts: readonly Batch[], clash = 1e-6) =>
    needsProbation(draftOf([], config, { history: { ...emptyHistory(), clash } }), aBatch(50), conflicts);

  it.each<[string, object, readonly Batch[], number, boolean]>([
    ["unlikely to pass", { scorer: likely(0.49) }, [], 1e-6, true],
    ["as likely as the threshold", { scorer: likely(0.5) }, [], 1e-6, false],
    ["a flat scorer tells no batch apart", { scorer: { type: "flat", success: 0.3 } }, [], 1e-6, false],
    ["unlikely, in order of arrival", { scorer: likely(0.1), order: "arrival" }, built(50), 1e-6, false],
    ["0.1 · 12 builds would be spoilt", { scorer: likely(0.9) }, built(12), 1e-6, true],
    ["0.1 · 8 builds would be spoilt", { scorer: likely(0.9) }, built(8), 1e-6, false],
    ["12 conflicts, none of them built", { scorer: likely(0.9) }, waiting(12), 1e-6, false],
    ["a flat scorer, 12 conflicts built", { scorer: { type: "flat", success: 0.9 } }, built(12), 1e-6, true],
    // (0.1 + 1/8 · (1 − 0.5^8)) · 8 = 1.8
    ["8 builds, and conflicts often clash", { scorer: likely(0.9) }, built(8), 0.5, true],
    // (0.1 + 1/8 · (1 − 0.9^4)) · 4 = 0.57, and with all conflicts clashing 0.9
    ["4 builds, and conflicts often clash", { scorer: likely(0.9) }, built(4), 0.1, false],
  ])("when it is expected to fail, or to spoil more than one build: %s", (_, config, conflicts, clash, expected) => {
    expect(goes(probation(config), conflicts, clash)).toBe(expected);
  });
});

describe("the time of a run", () => {
  const time = (batches: readonly Batch[], state: Partial<QueueState> = {}) => draftOf(batches, {}, state).now;
  const late = epochMs(NOW + 5_000);

  it("is the clock's, unless an earlier run has written a time that is not before", () => {
    expect(time([aBatch(1, { paths: [aPath(1, [1])] })])).toBe(NOW);
    expect(time([aBatch(1, { createdAt: NOW })])).toBe(NOW + 1);
  });

  it.each<[string, Partial<Batch>, Partial<QueueState>]>([
    ["an arrival", { createdAt: late }, {}],
    ["an end", { state: "failed", endedAt: late }, {}],
    ["a proposal", { paths: [aPath(1, [1], { startedAt: late }), aPath(2, [1])] }, {}],
    ["a push past the queue", {}, { evidenceSince: late }],
    ["a commit of the trunk", {}, { trunk: { ...UNKNOWN_TRUNK, knownAt: late } }],
    ["a recovery of the trunk", {}, { trunk: { ...UNKNOWN_TRUNK, recoveredAt: late } }],
  ])("is later than every time that is compared with builds: %s", (_, change, state) => {
    expect(time([aBatch(1, change)], state)).toBe(late + 1);
  });
});

describe("a batch that landed after it was archived", () => {
  const outcome = {
    kind: "landed",
    commit: shaOf(7),
    tree: shaOf(8),
    testedTree: shaOf(8),
    commits: [shaOf(7)],
    onto: shaOf(6),
  };
  const land = (requests: readonly LandingRequest[]) =>
    folded([{ kind: "land-finished", landId: "together", results: [{ batchId: idOf(9), outcome }] }], { requests });

  it.each([
    ["cancelled", 4],
    ["landed", 3],
  ] as const)("ends its request as landed, and a repeat tells the same entry: %s", (state, version) => {
    const draft = land([aReadyRequest(9, ["a"], { state })]);
    const metadata = { batch_id: idOf(9), commit: shaOf(7), tree: shaOf(8), tested_tree: shaOf(8) };
    expect(draft.loose).toEqual([statusEvent(sqidOf(9), "landed", NOW, { version, metadata })]);
    // Only the first answer is news about the trunk.
    expect(draft.trunk.vouched).toEqual(state === "landed" ? [] : [shaOf(7)]);
  });

  it("is nothing when its request was never written", () => {
    expect(land([]).loose).toEqual([]);
    expect(land([]).trunk).toEqual(UNKNOWN_TRUNK);
  });
});

describe("a landing as news about the trunk", () => {
  const land = (results: readonly object[], tests: "everything" | "affected" = "everything") => {
    const batches = results.map((_, n) => aBatch(n + 1, landing({ tested })));
    const config = { buildRunner: { ...aQueue().buildRunner, tests } as never };
    const outcomes = results.map((outcome, n) => ({
      batchId: idOf(n + 1),
      outcome: { kind: "landed", commits: [shaOf(1)], ...outcome },
    }));
    return folded([{ kind: "land-finished", landId: "together", results: outcomes }], { batches, config }).trunk;
  };
  const at = (n: number, onto: number | undefined, testedTree = n) => ({
    commit: shaOf(n),
    tree: shaOf(n),
    testedTree: shaOf(testedTree),
    ...(onto === undefined ? {} : { onto: shaOf(onto) }),
  });

  it("vouches for the tip of a push whose tree was tested, where builds test everything", () => {
    expect(land([at(11, 10)]).vouched).toEqual([shaOf(11)]);
    expect(land([at(11, 10, 5)]).vouched).toEqual([]);
    expect(land([at(11, 10)], "affected").vouched).toEqual([]);
  });

  it("counts one commit per push: the last", () => {
    expect(land([at(11, 10), at(12, 10)]).vouched).toEqual([shaOf(12)]);
    expect(land([at(11, 10), at(12, 11)]).vouched).toEqual([shaOf(11), shaOf(12)]);
    expect(land([at(11, undefined), at(12, undefined)]).vouched).toEqual([shaOf(11), shaOf(12)]);
  });
});

it("news of a held landing counts for the batches that landed, and holds the others", () => {
  const batches = [aBatch(1, landing()), aBatch(2, landing())];
  const outcome = { kind: "landed", commit: shaOf(7), tree: shaOf(8), testedTree: shaOf(8), commits: [shaOf(7)] };
  const results = [{ batchId: idOf(1), outcome }];
  const signal = { kind: "land-held", landId: "together", results, held: [idOf(2)], reason };
  const draft = folded([signal], { batches });
  expect(draft.lookup(idOf(1))?.state).toBe("landed");
  expect(draft.lookup(idOf(2))).toMatchObject({ state: "landing", landing: { held: { since: NOW, reason } } });
});
