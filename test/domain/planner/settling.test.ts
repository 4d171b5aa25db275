import { describe, expect, it } from "vitest";
import { statusEvent } from "../../../functions/contracts/log-event.ts";
import { type Batch, mergeUnitOf } from "../../../functions/domain/batch.ts";
import { emit } from "../../../functions/domain/planner/emit.ts";
import { revertPartialBundles, settle } from "../../../functions/domain/planner/settle.ts";
import {
  aBatch,
  aPath,
  draftOf,
  failed,
  idOf,
  keyOf,
  landing,
  NOW,
  passed,
  reason,
  sqidOf,
  statesOf,
  tested,
} from "./pieces.ts";
import { aQueue } from "./world.ts";

describe("a decision to land", () => {
  const settled = (batches: readonly Batch[], config = {}, state = {}) => {
    const draft = draftOf(batches, config, state);
    settle(draft);
    return draft;
  };

  it("names the push, the build, the tested commit and what is bypassed, and is told to the log", () => {
    const one = aBatch(1, { paths: [aPath(1, [1])] });
    const two = aBatch(2, {
      conflicts: [idOf(1)],
      paths: [passed(2, [2], [1]), passed(3, [2])],
      blocked: { by: "budget", on: [] },
    });
    const draft = settled([one, two, aBatch(3)]);
    const after = draft.lookup(idOf(2));
    expect(after).toMatchObject({
      state: "landing",
      landing: { landedTogether: [idOf(2)], buildKey: keyOf(3), tested, bypassed: [idOf(1)] },
    });
    expect(after?.landing).not.toHaveProperty("bundle");
    expect(after).not.toHaveProperty("blocked");
    const details = {
      occurrence: `${idOf(2)}/${after?.landing?.landId}`,
      metadata: { batch_id: idOf(2), build_key: keyOf(3), bypassed: 1 },
    };
    expect(after?.outbox).toEqual([
      statusEvent(sqidOf(2), "speculated", NOW, details),
      statusEvent(sqidOf(2), "landing", NOW, details),
    ]);
    expect(statesOf(draft)).toEqual(["speculating", "landing", "speculating"]);
  });

  it("is one push for all that may land, in landing order, and bypasses none of the push", () => {
    const one = aBatch(1, { priority: 0, paths: [passed(1, [1])] });
    const two = aBatch(2, { conflicts: [idOf(1)], paths: [passed(2, [2], [1])] });
    const three = aBatch(3, { priority: 1, paths: [passed(3, [3, 4])] });
    const draft = settled([one, two, three, aBatch(4, { conflicts: [idOf(3)] })]);
    const landings = draft.batches().map((batch) => batch.landing);
    expect(new Set(landings.map((each) => each?.landId)).size).toBe(1);
    for (const each of landings) {
      expect(each?.landedTogether).toEqual([3, 4, 1, 2].map(idOf));
      expect(each).not.toHaveProperty("bypassed");
    }
    expect(landings.map((each) => each?.bundle)).toEqual([undefined, undefined, [3, 4].map(idOf), [3, 4].map(idOf)]);
    expect(draft.lookup(idOf(1))?.outbox.map(({ metadata }) => metadata)).toEqual(
      Array.from({ length: 2 }, () => ({ batch_id: idOf(1), build_key: keyOf(1) })),
    );
  });

  it.each([
    ["pushes", "everything", ["landing", "landing"]],
    ["pushes", "affected", ["speculating", "speculating"]],
    ["every", "everything", ["speculating", "speculating"]],
  ] as const)(
    "lets a base land with its heads only where pushes are tested whole: %s, %s",
    (commitPoints, tests, states) => {
      const two = aBatch(2, { conflicts: [idOf(1)], paths: [passed(1, [2], [1])] });
      const draft = settled([aBatch(1), two], {
        commitPoints,
        buildRunner: { ...aQueue().buildRunner, tests } as never,
      });
      expect(statesOf(draft)).toEqual(states);
      const bundle = states[0] === "landing" ? [1, 2].map(idOf) : undefined;
      expect(draft.batches().map((batch) => batch.landing?.bundle)).toEqual([bundle, bundle]);
    },
  );

  it("has another name when the same batches land again", () => {
    const name = (version: number) =>
      settled([aBatch(1, { version, paths: [passed(1, [1])] })]).lookup(idOf(1))?.landing?.landId;
    expect(name(1)).toBe(name(1));
    expect(name(1)).not.toBe(name(2));
  });

  it.each([
    ["paused", {}, { paused: { since: NOW } }],
    ["bypass is off", { speculation: { ...aQueue().speculation, bypass: false } }, {}],
  ])("is not made while the queue does not allow it: %s", (_, config, state) => {
    const two = aBatch(2, { conflicts: [idOf(1)], paths: [passed(2, [2], [1]), passed(3, [2])] });
    expect(statesOf(settled([aBatch(1, { paths: [aPath(1, [1])] }), two], config, state))).toEqual([
      "speculating",
      "speculating",
    ]);
  });

  it("gives up the builds that it makes useless, in the same run", () => {
    const one = aBatch(1, { paths: [passed(1, [1]), aPath(2, [1])] });
    const draft = settled([one]);
    expect(draft.lookup(idOf(1))?.paths.map(({ state }) => state)).toEqual(["passed", "cancelling"]);
  });
});

describe("the end of a batch", () => {
  it("decides the batches behind it in the same run, in any order, and stops their builds", () => {
    // 1 is behind 2 by its priority. 3 is being built on {2}, too.
    const zero = aBatch(1, { priority: -1, paths: [failed(7, [1])] });
    const one = aBatch(2, { conflicts: [idOf(1)], paths: [failed(1, [2])] });
    const two = aBatch(3, { conflicts: [idOf(2)], paths: [failed(2, [3]), aPath(3, [3], { base: [idOf(2)] })] });
    const draft = draftOf([zero, one, two]);
    settle(draft);
    expect(statesOf(draft)).toEqual(["failed", "failed", "failed"]);
    expect(draft.lookup(idOf(3))?.paths.map(({ state }) => state)).toEqual(["failed", "cancelling"]);
    expect(draft.lookup(idOf(3))?.outbox.at(-1)?.metadata["build_key"]).toBe(keyOf(2));
    const paused = draftOf([zero, one, two], {}, { paused: { since: NOW } });
    settle(paused);
    expect(paused.batches()).toEqual(draft.batches());
  });

  it("that was cancelled comes when its last build has stopped", () => {
    const stopping = aBatch(1, { state: "cancelling", reason, paths: [aPath(1, [1], { state: "cancelling" })] });
    const stopped = aBatch(2, { state: "cancelling", reason, paths: [aPath(2, [2], { state: "cancelled" })] });
    const draft = draftOf([stopping, stopped]);
    settle(draft);
    expect(statesOf(draft)).toEqual(["cancelling", "cancelled"]);
  });

  it("does not come to a batch that is landing", () => {
    const draft = draftOf([aBatch(1, { ...landing(), paths: [failed(1, [1])] })]);
    settle(draft);
    expect(statesOf(draft)).toEqual(["landing"]);
  });
});

describe("a bundle whose landing was cut off between its writes", () => {
  const bundle = [1, 2].map(idOf);
  const reverted = (...batches: readonly Batch[]) => {
    const draft = draftOf(batches);
    revertPartialBundles(draft);
    return draft.batches().map(({ state, landing: one }) => [state, one?.landId]);
  };
  const one = aBatch(1, landing({ bundle }));

  it("goes back to speculating", () => {
    expect(reverted(one, aBatch(2))).toEqual([
      ["speculating", undefined],
      ["speculating", undefined],
    ]);
    expect(reverted(one, aBatch(2, landing({ bundle, landId: "another" })))[0]).toEqual(["speculating", undefined]);
  });

  it.each<[string, Batch, Batch]>([
    ["it is whole", one, aBatch(2, landing({ bundle }))],
    ["it was sent", aBatch(1, landing({ bundle, sentAt: NOW })), aBatch(2)],
    ["it is no bundle", aBatch(1, landing()), aBatch(2)],
    ["it has landed", { ...one, state: "landed" }, aBatch(2)],
  ])("stays as it is when %s", (_, first, second) => {
    expect(reverted(first, second)[0]).toEqual([first.state, "together"]);
  });
});

describe("what a run writes", () => {
  it("is each changed batch once, under the version before, with its commands recorded afterwards", () => {
    const draft = draftOf([aBatch(1), aBatch(2, { version: 7 })]);
    draft.put({ ...aBatch(2, { version: 7 }), outbox: [statusEvent(sqidOf(2), "batched", NOW)] });
    draft.put(aBatch(3, { version: 0 }));
    const plan = emit(draft);
    expect(plan.writes.map(({ before, next }) => [before?.version, next.id, next.version])).toEqual([
      [7, idOf(2), 8],
      [undefined, idOf(3), 1],
    ]);
    expect(plan.writes[1]).not.toHaveProperty("before");
    expect(plan.acknowledged.map(({ id, version, outbox }) => [id, version, outbox])).toEqual([[idOf(2), 9, []]]);
    expect(plan).not.toHaveProperty("queue");
    expect(plan).not.toHaveProperty("acknowledgedQueue");
  });

  it("is in landing order, with the batches that start a build last", () => {
    // Of 24 orders of arrival, each: 1 and 2 start builds, 3 has a higher priority, 4 is the first by position.
    const orders = [1, 2, 3, 4].flatMap((a) =>
      [1, 2, 3, 4].flatMap((b) => [1, 2, 3, 4].map((c) => [a, b, c, 10 - a - b - c])),
    );
    for (const order of orders.filter((one) => new Set(one).size === 4)) {
      const batches = order.map((n, at) =>
        aBatch(n, { arrival: at + 1, position: n === 4 ? 0 : n, priority: n === 3 ? 1 : 0 }),
      );
      const draft = draftOf(batches);
      for (const batch of batches)
        draft.put({ ...batch, buildCount: batch.id === idOf(1) || batch.id === idOf(2) ? 1 : 0 });
      expect(emit(draft).writes.map(({ next }) => next.id)).toEqual([3, 4, 1, 2].map(idOf));
    }
  });

  it("leaves a batch to the archive in the run in which its request is ended", () => {
    const ended = aBatch(1, { state: "failed", reason });
    expect(emit(draftOf([ended])).archived.map(({ id, version }) => [id, version])).toEqual([[idOf(1), 2]]);
    expect(emit(draftOf([ended, aBatch(2, { conflicts: [idOf(1)] })])).archived).toEqual([]);
  });

  it("uses the units of the batches as they are", () => {
    expect(mergeUnitOf(aBatch(1))).toMatchObject({
      batchId: idOf(1),
      steps: [{ sqid: sqidOf(1), strategy: "REBASE" }],
    });
  });
});
