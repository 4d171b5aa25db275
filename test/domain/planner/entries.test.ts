import { describe, expect, it } from "vitest";
import { happeningEvent, statusEvent } from "../../../functions/contracts/log-event.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch } from "../../../functions/domain/batch.ts";
import { announceRetry } from "../../../functions/domain/planner/announce-retry.ts";
import { recordBuild } from "../../../functions/domain/planner/builds.ts";
import type { Draft } from "../../../functions/domain/planner/draft.ts";
import { recordHeld, recordLandings } from "../../../functions/domain/planner/landings.ts";
import { cancelled, failed, type Landed, landed } from "../../../functions/domain/planner/outcomes.ts";
import { aBatch, aPath, draftOf, idOf, keyOf, landing, NOW, reason, shaOf, sqidOf, tested } from "./pieces.ts";
import { QUEUE } from "./world.ts";

/** The entries that the run added to the outbox of batch n. */
const told = (draft: Draft, n: number) => draft.lookup(idOf(n))?.outbox;
const outcome: Landed = {
  kind: "landed",
  commit: shaOf(7),
  tree: shaOf(8),
  testedTree: shaOf(9),
  commits: [shaOf(7)],
};
const trees = { batch_id: idOf(1), tree: shaOf(8), tested_tree: shaOf(9) };

describe("the end of a request", () => {
  it("by landing tells the commit, the trees, the build, how many landed with it, and which undecided batches it bypassed", () => {
    const one = aBatch(1, landing({ bypassed: [idOf(2), idOf(3)], repair: true }));
    const draft = draftOf([one, aBatch(2), aBatch(3, { state: "landed" })]);
    const note = { code: "landed.partly_new", message: "a part was there" } as const;
    expect(landed(draft, one, { ...outcome, note })).toEqual({
      ...one,
      state: "landed",
      landed: { commit: shaOf(7), tree: shaOf(8) },
      endedAt: NOW,
      concluded: false,
      outbox: [
        statusEvent(sqidOf(1), "landed", NOW, {
          version: 4,
          reason: note,
          metadata: {
            ...trees,
            commit: shaOf(7),
            build_key: keyOf(1),
            landed_together: 3,
            bypassed: "2",
            repair: true,
          },
        }),
      ],
    });
  });

  it.each(["failed", "cancelled"] as const)("by landing after all outweighs the first end: %s", (state) => {
    const { landing: _, ...rest } = aBatch(1, { state, concluded: true });
    const after = landed(draftOf([]), rest, { ...outcome, commits: [] });
    expect(after).toMatchObject({ concluded: false, state: "landed" });
    expect(after.outbox).toEqual([statusEvent(sqidOf(1), "landed", NOW, { version: 5, metadata: trees })]);
  });

  it("by failing tells the reason and the build that decided, if one did", () => {
    const one = aBatch(1);
    const entry = (metadata: object) =>
      statusEvent(sqidOf(1), "error", NOW, { version: 4, reason, metadata: { batch_id: idOf(1), ...metadata } });
    const ended = { ...one, state: "failed", endedAt: NOW, reason };
    expect(failed(draftOf([]), one, reason, keyOf(5))).toEqual({ ...ended, outbox: [entry({ build_key: keyOf(5) })] });
    expect(failed(draftOf([]), one, reason)).toEqual({ ...ended, outbox: [entry({})] });
  });

  it("by a cancel tells its reason", () => {
    const one = aBatch(1, { state: "cancelling", reason });
    const metadata = { batch_id: idOf(1) };
    const entry = statusEvent(sqidOf(1), "cancelled", NOW, { version: 4, reason, metadata });
    expect(cancelled(draftOf([]), one)).toEqual({ ...one, state: "cancelled", endedAt: NOW, outbox: [entry] });
  });

  it.each([
    ["build.failed", true],
    ["build.timed_out", true],
    ["merge.conflict", false],
    ["build.infrastructure", false],
    ["internal", false],
  ] as const)("teaches the scorer, and counts against the trunk, when a build failed: %s", (code, isTaught) => {
    const draft = draftOf([]);
    failed(draft, aBatch(1), { code, message: "it ended" });
    expect(draft.queue.history?.outcomes ?? 0).toBe(isTaught ? 1 : 0);
    expect(draft.trunk.rejectedInARow).toBe(isTaught ? 1 : 0);
  });

  it("teaches a scorer that learns, and no other", () => {
    const taught = (scorer: object) => {
      const draft = draftOf([], { speculation: { ...draftOf([]).config.speculation, scorer: scorer as never } });
      landed(draft, aBatch(1, landing()), outcome);
      return draft.queue.history?.outcomes;
    };
    expect(taught({ type: "history" })).toBe(1);
    expect(taught({ type: "flat", success: 0.9 })).toBeUndefined();
  });
});

describe("a build that is repeated", () => {
  const path = aPath(5, [1, 2, 3, 4, 8]);
  const batches = [aBatch(1), aBatch(2), aBatch(3, { state: "failed" }), aBatch(4)];
  const metadata = (n: number) => ({ batch_id: idOf(n), build_key: keyOf(5), attempt: 2 });

  it("is told to each head that is live and has not ended, without the one that is not built again", () => {
    const draft = draftOf(batches);
    announceRetry(draft, path, reason, { except: idOf(2) });
    const entry = (n: number) =>
      happeningEvent(sqidOf(n), "retrying", NOW, { occurrence: keyOf(5), reason, metadata: metadata(n) });
    expect([1, 2, 3, 4].map((n) => told(draft, n))).toEqual([[entry(1)], [], [], [entry(4)]]);
  });

  it("names the build that repeats it, and each repeat is an entry of its own", () => {
    const draft = draftOf(batches);
    announceRetry(draft, path, reason, { repeat: keyOf(6) });
    const details = { reason, metadata: { ...metadata(1), repeated_by: keyOf(6) } };
    expect(told(draft, 1)).toEqual([
      happeningEvent(sqidOf(1), "retrying", NOW, { occurrence: `${keyOf(5)}/${keyOf(6)}`, ...details }),
    ]);
  });
});

describe("a tree that could not be made", () => {
  const merge = { code: "merge.conflict", message: "a conflicts" } as const;
  const refuse = (batchId: number, second: Partial<Batch> = {}) => {
    const path = aPath(5, [2, 3], { base: [idOf(1)] });
    const draft = draftOf([aBatch(1), aBatch(2, { paths: [path], ...second }), aBatch(3)]);
    const verdict = { kind: "unappliable", batchId: idOf(batchId), reason: merge } as const;
    recordBuild(draft, { v: 1, kind: "build-finished", queue: QUEUE, batchId: idOf(2), buildKey: keyOf(5), verdict });
    return draft;
  };
  const retrying = (n: number, refused: number) =>
    happeningEvent(sqidOf(n), "retrying", NOW, {
      occurrence: keyOf(5),
      reason: {
        code: "merge.conflict",
        message: `Request q/${refused} does not apply, so this request is built again without it. a conflicts`,
      },
      metadata: { batch_id: idOf(n), build_key: keyOf(5), attempt: 2 },
    });
  const refusal = (n: number) =>
    happeningEvent(sqidOf(n), "build_failed", NOW, {
      occurrence: keyOf(5),
      reason: merge,
      metadata: { batch_id: idOf(n), build_key: keyOf(5) },
    });

  it.each([
    [1, [[refusal(1)], [retrying(2, 1)], [retrying(3, 1)]]],
    [2, [[], [refusal(2)], [retrying(3, 2)]]],
    [9, [[], [retrying(2, 3)], [refusal(3)]]],
  ])(
    "is told to the batch that did not apply and to the heads that are built again: batch %i, or the last head",
    (n, entries) => {
      const draft = refuse(n);
      expect([1, 2, 3].map((one) => told(draft, one))).toEqual(entries);
      expect(draft.lookup(idOf(2))?.paths[0]).toMatchObject({ state: "failed", unappliable: idOf(n === 9 ? 3 : n) });
    },
  );

  it("is not told when the build had been given up", () => {
    const paths = [aPath(5, [2, 3], { base: [idOf(1)], state: "cancelling" })];
    expect([1, 2, 3].map((n) => told(refuse(2, { paths }), n))).toEqual([[], [], []]);
  });

  it("is told to no batch that has ended", () => {
    expect(told(refuse(2, { state: "failed" }), 2)).toEqual([]);
  });
});

describe("the verdict on a build", () => {
  const finish = (paths: Batch["paths"], verdict: object, more: object = {}, config = {}) => {
    const draft = draftOf([aBatch(1, { paths }), aBatch(2)], config);
    const signal = {
      v: 1,
      kind: "build-finished",
      queue: QUEUE,
      batchId: idOf(1),
      buildKey: keyOf(5),
      verdict,
    } as const;
    recordBuild(draft, { ...signal, ...more } as never);
    return draft;
  };
  const pathsOf = (draft: Draft) => draft.lookup(idOf(1))?.paths ?? [];
  const pathOf = (draft: Draft) => pathsOf(draft).at(-1);
  const broke = { kind: "infrastructure", reason: { code: "internal", message: "no runner" } } as const;

  it("ends the path that the signal names, with the time, the address and the commit", () => {
    const paths = [aPath(4, [1]), aPath(5, [1])];
    const draft = finish(paths, { kind: "passed", composed: tested }, { url: "https://ci/5" });
    const ended = { state: "passed", dispatched: true, endedAt: NOW, url: "https://ci/5", composed: tested };
    expect(draft.lookup(idOf(1))?.paths).toEqual([paths[0], { ...paths[1], ...ended }]);
    expect(draft.queue.history?.buildMs?.[1]).toBe(NOW - 100);
  });

  it("is not learned from as a duration unless the build passed", () => {
    expect(finish([aPath(5, [1])], { kind: "failed", reason }).queue.history?.buildMs).toBeUndefined();
  });

  it.each(["passed", "failed", "cancelled"] as const)("changes nothing when it comes again: %s", (state) => {
    const draft = finish([aPath(5, [1], { state })], { kind: "failed", reason });
    expect(draft.lookup(idOf(1))).toBe(draft.lookupBefore(idOf(1)));
  });

  it("changes nothing when no batch has such a path", () => {
    const draft = finish([aPath(4, [1])], { kind: "failed", reason });
    expect(draft.lookup(idOf(1))).toBe(draft.lookupBefore(idOf(1)));
  });

  it.each([{ kind: "passed", composed: tested }, { kind: "failed", reason }, broke])(
    "is told again to the heads of a bundle when it is repeated, since a crash may have kept the news from some of them: %o",
    (verdict) => {
      const paths = pathsOf(finish([aPath(5, [1, 2])], verdict));
      const again = finish(paths, verdict);
      const ids = (draft: Draft) => [1, 2].map((n) => told(draft, n)?.map(({ id }) => id));
      expect(ids(again)).toEqual(ids(finish([aPath(5, [1, 2])], verdict)));
      expect(pathsOf(again)).toEqual(paths);
      expect(again.queue).toBe(again.snapshot.queue);
    },
  );

  it("unappliable is told again to the batch that did not apply", () => {
    const verdict = { kind: "unappliable", batchId: idOf(2), reason };
    const path = aPath(5, [1], { base: [idOf(2)] });
    const again = finish(pathsOf(finish([path], verdict)), verdict);
    expect(told(again, 2)?.map(({ id }) => id)).toEqual(told(finish([path], verdict), 2)?.map(({ id }) => id));
    expect(told(again, 2)).toHaveLength(1);
  });

  it("infrastructure repeats the build as often as the queue allows, counting builds on the same assumptions only", () => {
    const broken = (n: number, heads = [1]) =>
      aPath(n, heads, { state: "cancelled", reason: { code: "build.infrastructure", message: "no runner" } });
    const most = draftOf([]).config.buildRunner.infrastructureRetries;
    const earlier = Array.from({ length: most }, (_, n) => broken(10 + n));
    const ended = (paths: Batch["paths"]) => pathOf(finish([...paths, aPath(5, [1])], broke));
    const message = "no runner";
    expect(ended(earlier.slice(1))).toMatchObject({
      state: "cancelled",
      reason: { code: "build.infrastructure", message },
    });
    expect(ended(earlier)).toMatchObject({ state: "failed", reason: { code: "build.infrastructure", message } });
    expect(ended([...earlier.slice(1), broken(9, [1, 2])])?.state).toBe("cancelled");
    expect(ended([...earlier.slice(1), aPath(9, [1], { state: "failed", reason })])?.state).toBe("cancelled");
  });

  it("infrastructure of a build that was given up is no attempt, and is not told as a repeat", () => {
    const draft = finish([aPath(5, [1], { state: "cancelling" })], broke);
    expect(pathOf(draft)).toMatchObject({ state: "cancelled" });
    expect(pathOf(draft)).not.toHaveProperty("reason");
    expect(told(draft, 1)?.map((entry) => entry.kind === "event" && entry.event)).toEqual(["build_failed"]);
  });

  it.each([
    [{ kind: "passed", composed: tested }, ["built"]],
    [{ kind: "failed", reason }, ["build_failed"]],
    [broke, ["build_failed", "retrying"]],
    [{ kind: "cancelled" }, ["build_stopped"]],
    [{ kind: "refuted" }, ["build_stopped"]],
    [{ kind: "unchanged", trunk: shaOf(1) }, []],
  ])("is told once to each head of a bundle: %o", (verdict, events) => {
    const draft = finish([aPath(5, [1, 2])], verdict, { url: "https://ci/5" });
    for (const n of [1, 2]) {
      const entries = told(draft, n) ?? [];
      expect(entries.map((entry) => entry.kind === "event" && entry.event)).toEqual(events);
      expect(entries.map((entry) => entry.sqid)).toEqual(events.map(() => sqidOf(n)));
      expect(entries[0]?.reason).toEqual("reason" in verdict ? verdict.reason : undefined);
      if (events.length > 0) expect(entries[0]?.metadata["build_url"]).toBe("https://ci/5");
    }
  });
});

describe("an answer about a landing", () => {
  const answer = (batch: Batch, given: object, landId = "together") => {
    const draft = draftOf([batch]);
    recordLandings(draft, { landId, results: [{ batchId: batch.id, outcome: given as never }] });
    return draft;
  };
  const one = aBatch(1, landing());
  const stale = { kind: "stale", trunk: shaOf(9) };

  it.each([
    ["refused", { kind: "refused", reason }, "failed"],
    ["skipped", { kind: "skipped" }, "speculating"],
    ["stale", stale, "speculating"],
  ])("other than landed counts only for the landing that the batch is in: %s", (_, given, state) => {
    expect(answer(one, given).lookup(one.id)).toMatchObject({ state });
    expect(answer(one, given).lookup(one.id)).not.toHaveProperty("landing");
    expect(answer(one, given, "another").lookup(one.id)).toBe(one);
    const back = aBatch(1);
    expect(answer(back, given).lookup(one.id)).toBe(back);
  });

  it("stale ends all evidence, and skipped does not", () => {
    const draft = answer(one, stale);
    expect(draft.queue).toEqual({ ...draft.snapshot.queue, trunk: draft.trunk, evidenceSince: NOW });
    expect(draft.trunk.unproven).toEqual([shaOf(9)]);
    expect(answer(one, { kind: "skipped" }).queue.evidenceSince).toBeUndefined();
  });

  it.each([
    ["the trunk has moved: testing again", stale],
    ["another request of the same push did not land", { kind: "skipped" }],
  ])("other than landed or refused tells the log that the request is in the queue again: %s", (why, given) => {
    expect(told(answer(one, given), 1)).toEqual([
      statusEvent(sqidOf(1), "speculating", NOW, {
        occurrence: `${idOf(1)}/together`,
        metadata: { batch_id: idOf(1), why },
      }),
    ]);
  });
});

describe("a landing that is answered again", () => {
  it("changes nothing about a batch that has landed", () => {
    const one = aBatch(1, { ...landing(), state: "landed", landed: { commit: shaOf(7), tree: shaOf(8) } });
    const draft = draftOf([one]);
    recordLandings(draft, { landId: "together", results: [{ batchId: one.id, outcome }] });
    expect(draft.lookup(one.id)).toBe(one);
    expect(draft.queue).toBe(draft.snapshot.queue);
  });
});

describe("a landing that the host refuses", () => {
  const host = { code: "internal", message: "the branch is protected" } as never;
  const hold = (batch: Batch, because = host) => {
    const draft = draftOf([batch]);
    const signal = {
      v: 1,
      kind: "land-held",
      queue: QUEUE,
      landId: "together",
      results: [],
      held: [],
      reason: because,
    };
    recordHeld(draft, signal as never, batch.id);
    return draft;
  };
  const since = (ago: number) => aBatch(1, landing({ held: { since: epochMs(NOW - ago), reason: host } }));

  it("is told once per reason, and since when it is refused is kept", () => {
    const draft = hold(aBatch(1, landing()));
    const details = { occurrence: `together/${NOW}`, reason: host, metadata: { batch_id: idOf(1), blocker: "host" } };
    expect(told(draft, 1)).toEqual([happeningEvent(sqidOf(1), "blocked", NOW, details)]);
    expect(draft.lookup(idOf(1))?.landing?.held).toEqual({ since: NOW, reason: host });
    const later = since(1_000);
    expect(hold(later).lookup(idOf(1))).toBe(later);
    const other = { code: "internal", message: "no permission" } as never;
    expect(hold(later, other).lookup(idOf(1))?.landing?.held).toEqual({ since: NOW - 1_000, reason: other });
  });

  it("fails the batch after an hour, and not before", () => {
    expect(hold(since(3_599_999)).lookup(idOf(1))?.state).toBe("landing");
    expect(hold(since(3_600_000)).lookup(idOf(1))).toMatchObject({ state: "failed", reason: host });
  });

  it("changes nothing for a batch that is not in this landing", () => {
    for (const batch of [aBatch(1, landing({ landId: "another" })), aBatch(1)])
      expect(hold(batch).lookup(idOf(1))).toBe(batch);
  });
});
