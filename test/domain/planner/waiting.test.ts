import { describe, expect, it } from "vitest";
import { happeningEvent } from "../../../functions/contracts/log-event.ts";
import type { Batch, Path } from "../../../functions/domain/batch.ts";
import { noteBlockers } from "../../../functions/domain/planner/blockers.ts";
import type { QueueState } from "../../../functions/domain/planner/plan.ts";
import { aBatch, aPath, aRedTrunk, draftOf, failed, idOf, landing, NOW, passed, sqidOf } from "./pieces.ts";

describe("what a waiting batch waits for", () => {
  const { position: _, ...probation } = aBatch(2, { conflicts: [idOf(1)] });
  const two = aBatch(2, { conflicts: [idOf(1)] });
  const one = aBatch(1);
  const unproven: Path = { ...failed(1, [2]), setAside: "unproven" };
  const blockerOf = (batch: Batch, state: Partial<QueueState> = {}, budget = 5, first: Batch = one) => {
    const draft = draftOf([first, batch], { budget }, state);
    noteBlockers(draft);
    return draft.lookup(batch.id)?.blocked;
  };

  it.each<[string, Batch, Partial<QueueState>, number, Batch["blocked"]]>([
    ["a slot is free, and no path is worth it", two, {}, 5, { by: "missing-path", on: [idOf(1)] }],
    [
      "so, and no batch is ahead, since it waits to share a build",
      { ...two, conflicts: [] },
      {},
      5,
      { by: "missing-path", on: [] },
    ],
    ["no slot is free", two, {}, 0, { by: "budget", on: [] }],
    [
      "it has passed on one that is undecided",
      { ...two, paths: [passed(1, [2], [1])] },
      {},
      0,
      { by: "dependency", on: [idOf(1)] },
    ],
    [
      "so, in a paused queue",
      { ...two, paths: [passed(1, [2], [1])] },
      { paused: { since: NOW } },
      5,
      { by: "dependency", on: [idOf(1)] },
    ],
    [
      "it has passed, in a paused queue",
      { ...two, conflicts: [], paths: [passed(1, [2])] },
      { paused: { since: NOW } },
      5,
      { by: "pause", on: [] },
    ],
    ["it has not passed, in a paused queue", two, { paused: { since: NOW } }, 0, { by: "budget", on: [] }],
    [
      "it failed on one that is undecided",
      { ...two, paths: [failed(1, [2], [1])] },
      {},
      0,
      { by: "failure", on: [idOf(1)] },
    ],
    [
      "so, and has passed",
      { ...two, paths: [failed(1, [2], [1]), passed(2, [2])] },
      {},
      0,
      { by: "dependency", on: [idOf(1)] },
    ],
    ["it failed without one that is undecided", { ...two, paths: [failed(1, [2])] }, {}, 0, { by: "budget", on: [] }],
    [
      "it was refused on one that is undecided, on probation",
      { ...probation, paths: [{ ...failed(1, [2], [1]), unappliable: idOf(2) }] },
      {},
      0,
      { by: "failure", on: [idOf(1)] },
    ],
    ["it was built on probation", { ...probation, paths: [failed(1, [2])] }, {}, 5, { by: "probation", on: [idOf(1)] }],
    ["it was not built yet, on probation", probation, {}, 5, { by: "missing-path", on: [idOf(1)] }],
    ["it failed on an unproven commit", { ...two, paths: [unproven] }, {}, 5, { by: "trunk.unproven", on: [] }],
    ["the trunk is red", { ...two, paths: [unproven] }, { trunk: aRedTrunk }, 5, { by: "trunk.red", on: [] }],
    ["it is being built", { ...two, paths: [aPath(1, [2])] }, { trunk: aRedTrunk }, 5, undefined],
    [
      "its build is being stopped",
      { ...two, paths: [aPath(1, [2], { state: "cancelling" })] },
      {},
      5,
      { by: "missing-path", on: [idOf(1)] },
    ],
    ["it is landing", { ...two, ...landing() }, {}, 5, undefined],
  ])("is named by what decides: %s", (_why, batch, state, budget, expected) => {
    expect(blockerOf(batch, state, budget)).toEqual(expected);
  });

  it("a bundle's build is one of each of its heads", () => {
    expect(blockerOf(two, {}, 5, aBatch(1, { paths: [aPath(1, [1, 2])] }))).toBeUndefined();
    expect(blockerOf(two, {}, 5, aBatch(1, { paths: [{ ...unproven, heads: [1, 2].map(idOf) }] }))?.by).toBe(
      "trunk.unproven",
    );
  });

  it("a batch that has passed in a bundle waits for what the others of the bundle wait for", () => {
    const bundle = { ...two, paths: [passed(1, [2, 3], [1])] };
    const free = aBatch(3);
    const draft = draftOf([one, bundle, free]);
    noteBlockers(draft);
    expect(draft.lookup(free.id)?.blocked).toEqual({ by: "dependency", on: [idOf(1)] });
    const refuted = draftOf([{ ...one, state: "failed" }, bundle, free]);
    noteBlockers(refuted);
    expect(refuted.lookup(free.id)?.blocked).toEqual({ by: "missing-path", on: [] });
  });

  it("a failure of a build that holds the batch in its base is no blocker", () => {
    const third = aBatch(3, { conflicts: [idOf(2)], paths: [failed(1, [3], [1, 2])] });
    const draft = draftOf([one, two, third], { budget: 0 });
    noteBlockers(draft);
    expect([two, third].map(({ id }) => draft.lookup(id)?.blocked?.by)).toEqual(["budget", "failure"]);
  });

  it("a failure of a build whose assumptions no longer hold is no blocker", () => {
    const third = aBatch(3, { conflicts: [idOf(1), idOf(2)], paths: [failed(1, [3], [1, 2])] });
    expect(blockerOf(third, {}, 0)).toEqual({ by: "failure", on: [idOf(1)] });
    const draft = draftOf([{ ...one, state: "failed" }, two, third], { budget: 0 });
    noteBlockers(draft);
    expect(draft.lookup(third.id)?.blocked).toEqual({ by: "budget", on: [] });
  });

  it("names at most five of the batches in the way, the earliest", () => {
    const ahead = Array.from({ length: 7 }, (_, n) => aBatch(n + 1));
    const last = aBatch(8, { conflicts: ahead.map(({ id }) => id), paths: [passed(1, [8], [1, 2, 3, 4, 5, 6, 7])] });
    const draft = draftOf([...ahead, last]);
    noteBlockers(draft);
    expect(draft.lookup(last.id)?.blocked?.on).toEqual([1, 2, 3, 4, 5].map(idOf));
    const metadata = { batch_id: idOf(8), blocker: "dependency", on: "1 2 3 4 5" };
    expect(draft.lookup(last.id)?.outbox).toEqual([
      happeningEvent(sqidOf(8), "blocked", NOW, { occurrence: `${idOf(8)}/2`, metadata }),
    ]);
  });

  it.each<[string, Batch["blocked"], Partial<Batch>, boolean]>([
    ["a wait for a slot, though one is free", { by: "budget", on: [] }, {}, true],
    ["the same", { by: "missing-path", on: [idOf(1)] }, {}, false],
    ["the same, and what was named has ended", { by: "missing-path", on: [idOf(9)] }, {}, true],
    ["another", { by: "pause", on: [] }, {}, true],
    [
      "a dependency that is undecided",
      { by: "dependency", on: [1, 9].map(idOf) },
      { paths: [passed(1, [2], [1])] },
      false,
    ],
    ["a dependency that has ended", { by: "dependency", on: [idOf(9)] }, { paths: [passed(1, [2], [1])] }, true],
    ["a wait for a slot, and now for a dependency", { by: "budget", on: [] }, { paths: [passed(1, [2], [1])] }, true],
  ])("is told again only when it is another one: %s", (_, blocked, change, isTold) => {
    const batch = { ...two, ...change, ...(blocked ? { blocked } : {}) };
    const draft = draftOf([one, batch]);
    noteBlockers(draft);
    expect(draft.lookup(batch.id) !== batch).toBe(isTold);
  });

  it("is not told when the last slot is taken", () => {
    const draft = draftOf([one, { ...two, blocked: { by: "missing-path", on: [one.id] } }], { budget: 0 });
    const before = draft.lookup(two.id);
    noteBlockers(draft);
    expect(draft.lookup(two.id)).toBe(before);
  });

  it("is told again when a build has ended since, which ended the wait for a build and no other", () => {
    const told = (blocked: NonNullable<Batch["blocked"]>, paths: readonly Path[], ended: readonly Path[]) => {
      const before = { ...two, paths: [...paths, aPath(5, [2])], blocked };
      const draft = draftOf([one, before]);
      draft.put({ ...before, paths: [...paths, ...ended] });
      const put = draft.lookup(two.id);
      noteBlockers(draft);
      return draft.lookup(two.id) !== put;
    };
    const over = [aPath(5, [2], { state: "cancelled" })];
    expect(told({ by: "missing-path", on: [] }, [], over)).toBe(true);
    expect(told({ by: "dependency", on: [idOf(1)] }, [passed(1, [2], [1])], over)).toBe(false);
  });

  it("is told to 25 batches in one run beyond the batches that are written anyway, the earliest first", () => {
    const many = Array.from({ length: 40 }, (_, n) => aBatch(n + 1));
    const draft = draftOf(many);
    for (const batch of many.slice(0, 10)) draft.put({ ...batch, buildCount: 1 });
    noteBlockers(draft);
    const told = draft.batches().filter(({ blocked }) => blocked !== undefined);
    expect(told.map(({ id }) => id)).toEqual(many.slice(0, 35).map(({ id }) => id));
  });
});
