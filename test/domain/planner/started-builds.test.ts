import { describe, expect, it } from "vitest";
import { buildKeyOf } from "../../../functions/contracts/ids.ts";
import { happeningEvent } from "../../../functions/contracts/log-event.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch, Path } from "../../../functions/domain/batch.ts";
import { endProbation } from "../../../functions/domain/planner/probation.ts";
import { startBuild } from "../../../functions/domain/planner/start-build.ts";
import { noteWaiting } from "../../../functions/domain/planner/waiting.ts";
import { speculationOn } from "../../../functions/domain/speculation/speculation.ts";
import { aBatch, aPath, draftOf, failed, idOf, keyOf, NOW, passed, reason, sqidOf } from "./pieces.ts";
import { aQueue } from "./world.ts";

describe("a build that is started", () => {
  const start = (batches: readonly Batch[], heads: readonly number[], assumedLanded: readonly number[]) => {
    const draft = draftOf(batches);
    const speculation = speculationOn(draft.index, () => ({ success: 0.9 }), 0.001);
    startBuild(draft, speculation, { heads, assumedLanded, logProbability: 0 });
    return draft;
  };
  const queue = (change: Partial<Batch> = {}) => [
    aBatch(1, { position: 2 }),
    aBatch(2, { position: 1, conflicts: [idOf(1)] }),
    aBatch(3, { conflicts: [1, 2].map(idOf), ...change }),
    aBatch(4, { conflicts: [idOf(1)] }),
  ];

  it("is the next path of its first head, in landing order, with what it assumes not to land", () => {
    const draft = start(queue({ buildCount: 4 }), [2, 3], [0]);
    const path = draft.lookup(idOf(3))?.paths.at(-1);
    expect(path).toEqual({
      buildKey: buildKeyOf("here", idOf(3), 5),
      attempt: 1,
      heads: [3, 4].map(idOf),
      base: [idOf(1)],
      without: [idOf(2)],
      state: "building",
      tests: "everything",
      dispatched: false,
      startedAt: NOW,
    });
    expect(draft.lookup(idOf(3))?.buildCount).toBe(5);
    expect(start(queue(), [2], [0, 1]).lookup(idOf(3))?.paths.at(-1)).toMatchObject({
      base: [2, 1].map(idOf),
      without: [],
    });
  });

  it("counts the builds on the same assumptions that failed, and not builds that were given up", () => {
    const earlier = (n: number, change: Partial<Path>) => aPath(n, [3], { base: [2, 1].map(idOf), ...change });
    const paths = [
      earlier(1, { state: "failed", reason }),
      earlier(2, { state: "cancelled", reason }),
      earlier(3, { state: "cancelled" }),
      earlier(4, { state: "failed", reason, base: [idOf(1)], without: [idOf(2)] }),
    ];
    expect(start(queue({ paths }), [2], [0, 1]).lookup(idOf(3))?.paths.at(-1)?.attempt).toBe(3);
  });

  it("as a repeat is told to the log with the build that it repeats, unless it is a bundle", () => {
    const paths = [failed(1, [3], [2, 1]), failed(2, [3], [2, 1])];
    const retries = (heads: readonly number[]) =>
      start(queue({ paths, buildCount: 2 }), heads, [0, 1])
        .lookup(idOf(3))
        ?.outbox.map(({ metadata }) => [metadata["build_key"], metadata["repeated_by"]]);
    expect(retries([2])).toEqual([[keyOf(2), buildKeyOf("here", idOf(3), 3)]]);
    expect(retries([2, 3])).toEqual([]);
    expect(start(queue({ paths: [failed(1, [3])] }), [2], [0, 1]).lookup(idOf(3))?.outbox).toEqual([]);
  });
});

describe("a passed build of a batch that does not land yet", () => {
  const happened = (
    before: readonly Path[],
    after: readonly Path[],
    ahead: Partial<Batch> = {},
    then: Partial<Batch> = {},
    since?: number,
  ) => {
    const one = aBatch(1, ahead);
    const two = aBatch(2, { conflicts: [idOf(1)], paths: before });
    const draft = draftOf([one, two], {}, since === undefined ? {} : { evidenceSince: epochMs(since) });
    draft.put({ ...one, ...then });
    draft.put({ ...two, paths: after });
    noteWaiting(draft);
    return draft
      .lookup(idOf(2))
      ?.outbox.map((entry) => entry.kind === "event" && [entry.event, entry.metadata["build_key"]]);
  };
  const [running, over] = [aPath(1, [2], { base: [idOf(1)] }), passed(1, [2], [1])];
  const old = passed(9, [2], [1]);

  it.each<[string, ReturnType<typeof happened>, string | undefined]>([
    ["it passes", happened([running], [over]), "waiting"],
    ["it passes beside another that has passed", happened([old, running], [old, over]), "waiting"],
    ["it had passed before", happened([over], [over]), undefined],
    ["it passes, and what it assumed is not so", happened([running], [over], {}, { state: "failed" }), "invalidated"],
    ["what it assumed is no longer so", happened([over], [over], {}, { state: "failed" }), "invalidated"],
    ["it was not so before", happened([over], [over], { state: "failed" }), undefined],
    ["the trunk was moved before", happened([over], [over], {}, {}, 101), undefined],
    ["it failed", happened([running], [failed(1, [2], [1])]), undefined],
  ])("is told to the log once, when it waits and when it no longer counts: %s", (_, events, expected) => {
    expect(events).toEqual(expected === undefined ? [] : [[expected, keyOf(1)]]);
  });
});

describe("a batch on probation", () => {
  const hold = aQueue().speculation.probation.maxHoldSeconds * 1_000;
  const { position: _, ...one } = aBatch(1, { createdAt: epochMs(NOW - hold + 1) });
  const outcomeOf = (...batches: readonly Batch[]) => {
    const draft = draftOf(batches);
    endProbation(draft);
    return draft;
  };

  it.each<[string, readonly Batch[], boolean, boolean]>([
    ["one of its builds has passed", [{ ...one, paths: [passed(1, [1])] }], true, true],
    ["a bundle with it has passed", [one, aBatch(2, { paths: [passed(1, [2, 1])] })], true, true],
    ["it was only in the base", [one, aBatch(2, { paths: [passed(1, [2], [1])] })], false, false],
    ["it has been held for as long as allowed", [{ ...one, createdAt: epochMs(NOW - hold) }], true, false],
    ["one millisecond less", [one], false, false],
    ["it is being cancelled", [{ ...one, state: "cancelling", paths: [passed(1, [1])] }], false, true],
  ])("gets the next position once proven or held for long: %s", (_why, batches, joins, proven) => {
    const draft = outcomeOf(...batches);
    const event = happeningEvent(sqidOf(1), "joined", NOW, {
      occurrence: idOf(1),
      metadata: { batch_id: idOf(1), position: 9, proven },
    });
    expect(draft.lookup(idOf(1))).toEqual(joins ? { ...batches[0], position: 9, outbox: [event] } : batches[0]);
    expect(draft.queue.nextPosition).toBe(joins ? 10 : 9);
  });
});
