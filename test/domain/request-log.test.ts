import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { QueueName, RequestNumber, Sqid } from "../../functions/contracts/ids.ts";
import {
  type EntryDetails,
  Happening,
  happeningEvent,
  hasEnded,
  type LogEvent,
  STATUSES,
  type Status,
  statusEvent,
} from "../../functions/contracts/log-event.ts";
import type { Land } from "../../functions/contracts/messages/request-messages.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import {
  consequencesOf,
  endReasonOf,
  fold,
  inHistoryOrder,
  isAnswer,
  landOf,
  metadataOf,
  openingOf,
  type Summary,
} from "../../functions/domain/request-log.ts";

const sqid = "q/7" as Sqid;
const LAND: Land = {
  v: 1,
  kind: "land",
  queue: "q" as QueueName,
  sqid,
  changes: [`git://h/r/refs%2Fheads%2Fa/${"a".repeat(40)}` as ChangeUri],
  strategy: "REBASE",
  receivedAt: epochMs(1000),
};

it("the summary gives back the Land message of its request", () => {
  for (const land of [LAND, { ...LAND, priority: 2 }])
    expect(landOf(openingOf(land, 7 as RequestNumber, statusEvent(sqid, "accepted", epochMs(1000))))).toEqual(land);
});

const entry = (status: Status, at: number, details: EntryDetails = {}) =>
  statusEvent(sqid, status, epochMs(at), details);
const opening = openingOf(LAND, 7 as RequestNumber, entry("accepted", 1000));
const folded = (...entries: LogEvent[]): Summary => entries.reduce(fold, opening);
const because = (message: string) => ({ reason: { code: "cancelled.by_caller" as const, message } });

describe("which entry wins", () => {
  // Any entry is newer than the one below it in life; what counts is what it says.
  const ORDER = STATUSES.filter((status) => !hasEnded(status) && status !== "cancelling" && status !== "accepted");

  it.each(ORDER.flatMap((a) => ORDER.map((b) => [a, b] as const)))(
    "%s and later %s: the later one tells the status",
    (a, b) => {
      expect(folded(entry(a, 2000, { occurrence: "1" }), entry(b, 3000, { occurrence: "2" })).status).toBe(b);
      expect(folded(entry(b, 3000, { occurrence: "2" }), entry(a, 2000, { occurrence: "1" })).status).toBe(b);
    },
  );

  it.each(ORDER.flatMap((a) => ORDER.map((b) => [a, b] as const)))(
    "%s and %s at one moment: the later in life",
    (a, b) => {
      const later = STATUSES.indexOf(a) > STATUSES.indexOf(b) ? a : b;
      expect(folded(entry(a, 2000), entry(b, 2000)).status).toBe(later);
      expect(folded(entry(b, 2000), entry(a, 2000)).status).toBe(later);
    },
  );

  it.each(STATUSES.filter((status) => status !== "accepted"))("a late accepted never displaces %s", (status) => {
    const late = entry("accepted", 9000, { occurrence: "late" });
    expect(folded(entry(status, 1000), late).status).toBe(status);
    expect(folded(late, entry(status, 1000)).status).toBe(status);
  });

  it.each(STATUSES.filter((status) => !hasEnded(status)))("cancelling is not displaced by a later %s", (status) => {
    const later = entry(status, 9000, { occurrence: "later", version: 8 });
    expect(folded(entry("cancelling", 2000), later).status).toBe("cancelling");
    expect(folded(later, entry("cancelling", 2000)).status).toBe("cancelling");
  });

  it.each(["landed", "error", "cancelled"] as const)(
    "%s displaces cancelling, and a late cancelling is harmless to it",
    (end) => {
      for (const version of [0, 5]) {
        const ended = entry(end, 2000, { version });
        const cancelling = entry("cancelling", 9000);
        expect(folded(cancelling, ended).status).toBe(end);
        expect(folded(ended, cancelling).status).toBe(end);
      }
    },
  );

  it.each(STATUSES.filter((status) => !hasEnded(status)))("an end is not displaced by a later %s", (status) => {
    expect(folded(entry("error", 2000, { version: 3 }), entry(status, 9000, { version: 9 })).status).toBe("error");
  });

  it.each([
    ["a versioned end outweighs a later unversioned one", [2000, 1], [9000, 0]],
    ["of two versioned ends the higher version wins, also with an earlier time", [2000, 4], [9000, 3]],
    ["of two ends of one version the later wins", [9000, 3], [2000, 3]],
    ["of two unversioned ends the later wins", [9000, 0], [2000, 0]],
  ] as const)("%s", (_title, winner, loser) => {
    const wins = entry("landed", winner[0], { version: winner[1] });
    const loses = entry("error", loser[0], { version: loser[1] });
    expect(folded(wins, loses).status).toBe("landed");
    expect(folded(loses, wins).status).toBe("landed");
  });

  it.each(Happening.options)("the event %s never becomes the status, nor touches reason and metadata", (event) => {
    const happening = happeningEvent(sqid, event, epochMs(9000), { occurrence: "b", metadata: { build_id: "b" } });
    const before = folded(entry("speculating", 2000));
    const { status, at, stamp, metadata } = fold(before, happening);
    expect({ status, at, stamp, metadata }).toEqual({
      status: before.status,
      at: before.at,
      stamp: before.stamp,
      metadata: before.metadata,
    });
  });

  it.each([entry("started", 2000), happeningEvent(sqid, "building", epochMs(2000), { occurrence: "b" })])(
    "a repeat of an entry changes nothing: $id",
    (repeated) => {
      const before = folded(repeated);
      expect(fold(before, repeated)).toBe(before);
      expect(fold(before, { ...repeated, at: epochMs(9000) })).toBe(before);
    },
  );
});

describe("what a summary carries", () => {
  it("the reason of the entry that tells the status, and no older one", () => {
    const reason = { code: "merge.conflict" as const, message: "it does not apply" };
    expect(endReasonOf(folded(entry("error", 2000, { version: 2, reason })))).toEqual(reason);
    expect(
      endReasonOf(folded(entry("cancelling", 2000, because("wrong branch")), entry("landed", 3000, { version: 4 }))),
    ).toBeUndefined();
  });

  it("a cancelled request keeps its caller's reason when its last entry has none", () => {
    const cancelling = entry("cancelling", 2000, because("wrong branch"));
    const cancelled = entry("cancelled", 3000, { version: 4 });
    for (const summary of [folded(cancelling, cancelled), folded(cancelled, cancelling)])
      expect(endReasonOf(summary)?.message).toBe("wrong branch");
    const said = entry("cancelled", 3000, { version: 4, ...because("cancelled: wrong branch") });
    expect(endReasonOf(folded(cancelling, said))?.message).toBe("cancelled: wrong branch");
  });

  it("metadata of all entries, each key from the entry with the greatest stamp", () => {
    const batched = entry("batched", 2000, { metadata: { batch_id: "q/batch/7", size: 1 } });
    const landed = entry("landed", 5000, { version: 4, metadata: { commit: "c", size: 2 } });
    for (const summary of [folded(batched, landed), folded(landed, batched)])
      expect(metadataOf(summary)).toEqual({ batch_id: "q/batch/7", commit: "c", size: 2 });
  });

  it("a version that counts changes alone, and the Land message it began with", () => {
    const started = entry("started", 2000);
    expect(folded(started).version).toBe(2);
    expect(folded(started, started).version).toBe(2);
    expect(landOf(folded(started))).toEqual(LAND);
  });
});

const anyReason = fc.option(
  fc.string({ minLength: 1, maxLength: 3 }).map((message) => because(message).reason),
  {
    nil: undefined,
  },
);
const anyMetadata = fc
  .record({
    plain: fc.dictionary(fc.constantFrom("batch_id", "commit", "url"), fc.nat(3), { maxKeys: 3 }),
    told: fc.record(
      {
        build_key: fc.constantFrom("a".repeat(32), "b".repeat(32)),
        build_url: fc.constantFrom("https://ci/1", "https://ci/2"),
        base: fc.constantFrom("1", "1 2"),
        blocker: fc.constantFrom("dependency", "budget", "host"),
        on: fc.constantFrom("1", "2 3"),
        position: fc.nat(3),
        caller: fc.constantFrom("anna", "bob"),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ plain, told }) => ({ ...plain, ...told }));
/** Few times and versions, so that ties are common; ids differ. */
const anyEntries = fc
  .array(
    fc.record({
      status: fc.option(fc.constantFrom(...STATUSES), { nil: undefined }),
      event: fc.constantFrom(...Happening.options),
      at: fc.integer({ min: 998, max: 1004 }),
      version: fc.nat(3),
      reason: anyReason,
      metadata: anyMetadata,
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((drafts) =>
    drafts.map(({ status, event, at, ...details }, index) =>
      status === undefined
        ? happeningEvent(sqid, event, epochMs(at), { ...details, occurrence: `${index}` })
        : entry(status, at, { ...details, occurrence: `${index}` }),
    ),
  );

describe("folding", () => {
  it("in any order and with any repeats, gives the same summary", () => {
    const shuffled = anyEntries.chain((entries) =>
      fc.tuple(
        fc.constant(entries),
        fc.array(fc.constantFrom(...entries), { maxLength: 12 }).chain((repeats) => {
          const delivered = [...entries, ...repeats];
          return fc.shuffledSubarray(delivered, { minLength: delivered.length, maxLength: delivered.length });
        }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([entries, delivered]) => {
        const { version: _a, ...once } = folded(...entries);
        const { version: _b, ...disordered } = folded(...delivered);
        expect(disordered).toEqual(once);
      }),
    );
  });

  it("once ended, a request stays ended; once it is cancelling, only an end comes after", () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        let summary = opening;
        for (const next of entries) {
          const after = fold(summary, next);
          if (hasEnded(summary.status)) expect(hasEnded(after.status)).toBe(true);
          else if (summary.status === "cancelling")
            expect(after.status === "cancelling" || hasEnded(after.status)).toBe(true);
          summary = after;
        }
      }),
    );
  });
});

describe("a history", () => {
  it("is ordered by time, then by the order of a request's life, then by id", () => {
    const at = epochMs(2000);
    const entries = [
      entry("speculated", 2000),
      happeningEvent(sqid, "built", at, { occurrence: "b" }),
      happeningEvent(sqid, "building", at, { occurrence: "z" }),
      happeningEvent(sqid, "building", at, { occurrence: "a" }),
      entry("speculating", 2000),
      entry("accepted", 1000),
      entry("landed", 1500),
    ];
    expect(inHistoryOrder(entries).map(({ id }) => id.slice(sqid.length + 1))).toEqual([
      "accepted",
      "landed",
      "speculating",
      "building/a",
      "building/z",
      "built/b",
      "speculated",
    ]);
  });

  it("ends with the end of a request whose admission was still running, by every clock", () => {
    const entries = [
      entry("accepted", 1000),
      entry("cancelled", 1010),
      entry("validating", 1012),
      entry("started", 1011),
    ];
    expect(inHistoryOrder(entries).map(({ id }) => id.slice(sqid.length + 1))).toEqual([
      "accepted",
      "started",
      "validating",
      "cancelled",
    ]);
  });

  it("is the same in every order of its entries", () => {
    const disordered = anyEntries.chain((entries) =>
      fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
    );
    fc.assert(
      fc.property(disordered, ([entries, shuffled]) => {
        expect(inHistoryOrder(shuffled)).toEqual(inHistoryOrder(entries));
      }),
    );
  });
});

it.each(STATUSES)("%s shows whether the orchestrator has received the request", (status) => {
  expect(isAnswer(entry(status, 1000))).toBe(status !== "accepted" && status !== "cancelling");
});

describe("a cancel that comes too late", () => {
  const cancelled: Summary = { ...opening, cancel: { at: epochMs(1500), caller: "anna" } };

  it("is told once it has landed, by an event that names who cancelled", () => {
    const landed = entry("landed", 2000, { version: 4 });
    expect(consequencesOf(cancelled, [entry("speculated", 1900), landed])).toEqual([
      happeningEvent(sqid, "cancel_too_late", epochMs(2000), { occurrence: "landed", metadata: { caller: "anna" } }),
    ]);
  });

  it("is not told of a request that was not cancelled, or that did not land", () => {
    expect(consequencesOf(opening, [entry("landed", 2000)])).toEqual([]);
    expect(consequencesOf(cancelled, [entry("cancelled", 2000), entry("started", 1200)])).toEqual([]);
  });
});
