import { describe, expect, it } from "vitest";
import type { BatchId, BuildKey } from "../../functions/contracts/ids.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import type { Batch, Path } from "../../functions/domain/batch.ts";
import { evidenceFor, othersAreCleared, rejectingBuild } from "../../functions/domain/evidence.ts";
import { QueueIndex, type QueueIndexOptions } from "../../functions/domain/queue-index.ts";
import { Belief } from "../../functions/domain/speculation/belief.ts";
import { headsInBundles } from "../../functions/domain/speculation/bundles-under-way.ts";
import { waitingHeads } from "../../functions/domain/speculation/heads.ts";
import { batchInOrder } from "../support/batch-request.ts";
import { QUEUE } from "./planner/world.ts";

const id = (n: number): BatchId => `q/batch/${n}` as BatchId;
const ids = (numbers: readonly number[]): BatchId[] => numbers.map(id);

/** Batch n, in the order of its number, which conflicts with these. */
const aBatch = (n: number, conflicts: readonly number[], change: Partial<Batch> = {}): Batch =>
  batchInOrder(QUEUE, n, { conflicts: ids(conflicts), ...change });

let keys = 0;
const aPath = (
  state: Path["state"],
  base: readonly number[],
  heads: readonly number[],
  change: Partial<Path> = {},
): Path => ({
  buildKey: String(++keys).padStart(32, "0") as BuildKey,
  attempt: 1,
  heads: ids(heads),
  base: ids(base),
  without: [],
  state,
  dispatched: true,
  startedAt: epochMs(100),
  ...(state === "failed" ? { reason: { code: "build.failed" as const, message: "it failed" } } : {}),
  ...change,
});

const landed = (at: number, landedTogether: readonly number[] = [], bundle?: readonly number[]): Partial<Batch> => ({
  state: "landed",
  endedAt: epochMs(at),
  landing: {
    landId: landedTogether.length > 0 ? `together ${landedTogether}` : `alone ${++keys}`,
    landedTogether: ids(landedTogether),
    buildKey: "0".repeat(32) as BuildKey,
    tested: { commit: "" as never, tree: "" as never, trunk: "" as never },
    ...(bundle ? { bundle: ids(bundle) } : {}),
  },
});

const verdictOn = (n: number, batches: readonly Batch[], options: QueueIndexOptions = {}) => {
  const index = new QueueIndex(batches, options);
  return rejectingBuild(index, index.indexOf(id(n)) ?? -1)?.path;
};

describe("a failed build of {2, 3}, where 2 needs 1, and 1 and 2 have landed since", () => {
  const failure = aPath("failed", [], [2, 3]);
  const three = aBatch(3, [], { paths: [failure] });
  const queue = (one: Partial<Batch>, two: Partial<Batch>) => [aBatch(1, [], one), aBatch(2, [1], two), three];

  it.each(["everything", "affected"] as const)(
    "does not count against 3, one after the other: builds test %s",
    (tests) => {
      expect(verdictOn(3, queue(landed(200), landed(201)), { tests })).toBeUndefined();
    },
  );

  it("does not count against 3 when they landed as one bundle, in either order", () => {
    for (const priority of [0, 1])
      expect(
        verdictOn(3, queue(landed(200, [2, 1], [2, 1]), { ...landed(200, [2, 1], [2, 1]), priority })),
      ).toBeUndefined();
  });

  it("does not count against 3 when both landed at the same time", () => {
    expect(verdictOn(3, queue(landed(200), { ...landed(200), priority: 1 }))).toBeUndefined();
  });

  it("counts against 3 when 1 landed behind 2, in one push or in two", () => {
    expect(verdictOn(3, queue(landed(200, [2, 1]), { ...landed(200, [2, 1]), priority: 1 }))).toBe(failure);
    expect(verdictOn(3, queue(landed(201), landed(200)))).toBe(failure);
  });

  it("does not count against 3 when 2 has been archived, so that its conflicts are not known", () => {
    expect(verdictOn(3, [three])).toBeUndefined();
  });
});

describe("a failed build of {2, 3} where 1 conflicts with 2 and is to land too", () => {
  it.each<[string, Partial<Batch>, Partial<Batch>, boolean]>([
    ["2 has landed by a bypass, so without 1", {}, landed(200), true],
    ["2 is landing by a bypass, so without 1", {}, { state: "landing" }, true],
    ["1 is landing, so before 2 although 2 has a higher priority", { state: "landing" }, { priority: 1 }, false],
    ["1 is ahead of 2", {}, {}, false],
    ["2 is ahead of 1", {}, { priority: 1 }, true],
  ])("clears 2 unless 2 lands on 1: %s", (_why, one, two, expected) => {
    const build = aPath("failed", [], [2, 3]);
    const three = aBatch(3, [], { paths: [build] });
    const index = new QueueIndex([aBatch(1, [], one), aBatch(2, [1], two), three], { tests: "affected" });
    const [evidence] = index.evidenceOf(2);
    expect(evidence && othersAreCleared(index, 2, evidence, index.landedWith([0, 1, 2]))).toBe(expected);
  });
});

describe("a failed build of a change that was bypassed by what it needs", () => {
  it("does not count against the change", () => {
    const bypassing = landed(200, [2]);
    const two = aBatch(2, [1], {
      ...bypassing,
      landing: { ...(bypassing.landing as object), bypassed: ids([1]) } as never,
    });
    const failure = aPath("failed", [], [1]);
    for (const tests of ["everything", "affected"] as const)
      expect(verdictOn(1, [aBatch(1, [], { paths: [failure] }), two], { tests })).toBeUndefined();
  });
});

describe("a change that has passed without the change that bypassed it, where builds test what is affected", () => {
  it.each([
    [false, true],
    [true, false],
  ])("lands on that build unless nothing but a tested tree may land: %s", (exact, expected) => {
    const bypassing = landed(200, [2]);
    const two = aBatch(2, [1], {
      ...bypassing,
      landing: { ...(bypassing.landing as object), bypassed: ids([1]) } as never,
    });
    const one = aBatch(1, [], { paths: [aPath("passed", [], [1])] });
    const index = new QueueIndex([one, two], { tests: "affected", exact });
    expect(evidenceFor(index, 0, index.landed) !== undefined).toBe(expected);
  });
});

describe("a bundle whose runner broke down as often as the queue allows", () => {
  it("does not count against the head that is left when the other has landed", () => {
    const reason = { code: "build.infrastructure" as const, message: "no runner" };
    const bundle = aPath("failed", [], [1, 2], { reason });
    expect(verdictOn(2, [aBatch(1, [], landed(200)), aBatch(2, [], { paths: [bundle] })])).toBeUndefined();
    const alone = aPath("failed", [], [2], { reason });
    expect(verdictOn(2, [aBatch(2, [], { paths: [alone] })], { retries: 3 })).toBe(alone);
  });
});

describe("a change that has passed on exactly what has landed", () => {
  it("is not rejected for another build that has failed on it", () => {
    const paths = [aPath("failed", [], [1]), aPath("passed", [], [1])];
    expect(verdictOn(1, [aBatch(1, [], { paths })])).toBeUndefined();
  });
});

it("a batch that lands although it was given up is no longer one that never lands", () => {
  const givenUp = aBatch(1, [], { state: "cancelling" });
  const index = new QueueIndex([givenUp, aBatch(2, [1])]);
  expect(index.neverLanding.toArray()).toEqual([0]);
  index.update({ ...givenUp, ...landed(200) });
  expect([index.landed.toArray(), index.neverLanding.toArray()]).toEqual([[0], []]);
});

describe("a change on probation", () => {
  const failure = aPath("failed", [], [2]);
  const { position: _, ...onProbation } = aBatch(2, [1], { paths: [failure], nextPosition: 1 });

  it("is not rejected on a build without an earlier change that joined after it and has landed", () => {
    expect(verdictOn(2, [aBatch(1, [], { position: 1, ...landed(200) }), onProbation])).toBeUndefined();
  });

  it("is not rejected on a build without an earlier change that is landing", () => {
    expect(verdictOn(2, [aBatch(1, [], { position: 1, state: "landing" }), onProbation])).toBeUndefined();
  });

  it("is rejected on a build without a later change that has landed", () => {
    const { conflicts: __, ...alone } = onProbation;
    const later = aBatch(3, [2], landed(200));
    expect(verdictOn(2, [{ ...alone, conflicts: [] }, later])).toBe(failure);
  });
});

describe("the evidence for a bypass", () => {
  /** 1 and 2 are ahead of 3, which has passed on every way in which they can turn out. */
  const evidence = (one: Partial<Batch>, two: Partial<Batch>) => {
    const paths = [[1, 2], [1], [2], []].map((base) => aPath("passed", base, [3]));
    const index = new QueueIndex([aBatch(1, [], one), aBatch(2, [], two), aBatch(3, [1, 2], { paths })]);
    return evidenceFor(index, 2, index.landed)?.path.base;
  };
  const landing = { state: "landing" } as const;

  it("is the build of the tree that comes true: a batch that is landing lands first", () => {
    expect(evidence({}, {})).toEqual([]);
    expect(evidence(landing, {})).toEqual([id(1)]);
    expect(evidence({}, landing)).toEqual([id(2)]);
    expect(evidence(landing, landing)).toEqual([id(1), id(2)]);
  });

  it.each([
    [3, true],
    [4, false],
  ])("is asked for with three undecided batches ahead, and not with four: %i", (count, expected) => {
    const ahead = Array.from({ length: count }, (_, i) => i + 1);
    const subsets = ahead.reduce<number[][]>((all, n) => all.flatMap((some) => [some, [...some, n]]), [[]]);
    const head = aBatch(count + 1, ahead, { paths: subsets.map((base) => aPath("passed", base, [count + 1])) });
    const index = new QueueIndex([...ahead.map((n) => aBatch(n, [])), head]);
    expect(evidenceFor(index, count, index.landed) !== undefined).toBe(expected);
  });
});

describe("bundles that are being built", () => {
  it("count only the first of two that overlap in landing order", () => {
    const batches = [
      aBatch(1, [], { paths: [aPath("building", [], [1, 3])] }),
      aBatch(2, [], { paths: [aPath("building", [], [2, 4])] }),
      aBatch(3, []),
      aBatch(4, []),
      aBatch(5, [], { paths: [aPath("building", [], [5, 6])] }),
      aBatch(6, []),
    ];
    const index = new QueueIndex(batches);
    const heads = waitingHeads(index, new Belief(index, () => ({ success: 0.9 }), 0.001));
    expect([...headsInBundles(index, heads)]).toEqual([0, 2, 4, 5]);
  });
});
