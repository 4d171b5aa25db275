import { describe, expect, it } from "vitest";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch, Path } from "../../../functions/domain/batch.ts";
import { recordBuild } from "../../../functions/domain/planner/builds.ts";
import { clashOf, learnClash } from "../../../functions/domain/speculation/history.ts";
import { UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";
import { aBatch, aPath, draftOf, failed, idOf, keyOf, passed, reason, shaOf, tested } from "./pieces.ts";
import { QUEUE } from "./world.ts";

describe("the clash rate", () => {
  const NEW = clashOf(undefined);
  const scorer = { type: "flat", success: 0.8 } as const;
  /** How the rate is after the first build of batch 3, compared with a build that met these conflicts, and whose batches pass alone so often. */
  const learned = (
    change: Partial<Batch>,
    path: Partial<Path>,
    others: readonly Batch[],
    tests: "everything" | "affected" = "everything",
  ) => {
    const head = aPath(5, [3], path);
    const three = aBatch(3, { conflicts: [1, 2, 9].map(idOf), ...change, paths: [...(change.paths ?? []), head] });
    const { buildRunner, speculation } = draftOf([]).config;
    const config = {
      buildRunner: { ...buildRunner, tests } as never,
      speculation: { ...speculation, scorer: scorer as never },
    };
    const trunk = { ...UNKNOWN_TRUNK, vouched: [tested.trunk] };
    const draft = draftOf([...others, three], config, { trunk });
    const verdict = { kind: "failed", reason, composed: tested } as const;
    recordBuild(draft, { v: 1, kind: "build-finished", queue: QUEUE, batchId: idOf(3), buildKey: keyOf(5), verdict });
    return clashOf(draft.queue.history);
  };
  const rateAfter = (met: number, alone: number) => clashOf(learnClash(undefined, { met, alone, passed: false }));
  const base = [1, 2].map(idOf);
  const done = { state: "landed", endedAt: epochMs(100) } as const;

  it.each<[string, number, number]>([
    [
      "two conflicts in the base, not tested before",
      learned({}, { base }, [aBatch(1), aBatch(2)]),
      rateAfter(2, 0.8 ** 3),
    ],
    ["one of them not in the base", learned({}, { base: [idOf(1)] }, [aBatch(1), aBatch(2)]), rateAfter(1, 0.8 ** 2)],
    [
      "one has passed",
      learned({}, { base }, [aBatch(1, { paths: [passed(1, [1])] }), aBatch(2)]),
      rateAfter(2, 0.8 ** 2),
    ],
    [
      "one has failed beside a pass",
      learned({}, { base }, [aBatch(1, { paths: [failed(2, [1]), passed(1, [1])] }), aBatch(2)]),
      rateAfter(2, 0.8 ** 2),
    ],
    [
      "one has failed",
      learned({}, { base }, [aBatch(1, { paths: [failed(1, [1])] }), aBatch(2)]),
      rateAfter(2, 0.8 ** 3),
    ],
    [
      "one had landed by the start",
      learned({}, { base: [idOf(2)] }, [aBatch(1, done), aBatch(2)]),
      rateAfter(2, 0.8 ** 2),
    ],
    [
      "one landed after the start",
      learned({}, {}, [aBatch(1, { ...done, endedAt: epochMs(101) }), aBatch(2, { ...done, state: "failed" })]),
      rateAfter(0, 0.8),
    ],
    [
      "a landed one in the base",
      learned({}, { base }, [aBatch(1, { ...done, endedAt: epochMs(101) }), aBatch(2)]),
      rateAfter(2, 0.8 ** 2),
    ],
    [
      "every earlier one conflicts",
      learned({ conflicts: "every" }, { base }, [aBatch(1), aBatch(2)]),
      rateAfter(2, 0.8 ** 3),
    ],
    ["tests of the head alone", learned({}, { base }, [aBatch(1), aBatch(2)], "affected"), rateAfter(2, 0.8)],
    ["a bundle teaches nothing", learned({}, { base, heads: [3, 4].map(idOf) }, [aBatch(1), aBatch(2)]), NEW],
    ["a second build teaches nothing", learned({ paths: [failed(4, [3])] }, { base }, [aBatch(1), aBatch(2)]), NEW],
    [
      "a build after one that was not composed",
      learned({ paths: [aPath(4, [3], { state: "cancelled" })] }, { base }, [aBatch(1), aBatch(2)]),
      rateAfter(2, 0.8 ** 3),
    ],
  ])("is learned from the first composed build of a batch: %s", (_, rate, expected) => {
    expect(rate).toBeCloseTo(expected, 10);
  });

  it("falls when the build passes, and is not learned from a failure that is set aside", () => {
    const rateOf = (verdict: object, vouched: readonly string[]) => {
      const path = aPath(5, [3], { base });
      const batches = [aBatch(1), aBatch(2), aBatch(3, { conflicts: base, paths: [path] })];
      const draft = draftOf(batches, {}, { trunk: { ...UNKNOWN_TRUNK, vouched: vouched as never } });
      recordBuild(draft, {
        v: 1,
        kind: "build-finished",
        queue: QUEUE,
        batchId: idOf(3),
        buildKey: keyOf(5),
        verdict,
      } as never);
      return clashOf(draft.queue.history);
    };
    expect(rateOf({ kind: "passed", composed: tested }, [])).toBeLessThan(NEW);
    expect(rateOf({ kind: "failed", reason, composed: tested }, [shaOf(3)])).toBeGreaterThan(NEW);
    expect(rateOf({ kind: "failed", reason, composed: tested }, [shaOf(9)])).toBe(NEW);
    expect(rateOf({ kind: "failed", reason }, [shaOf(3)])).toBe(NEW);
  });
});
