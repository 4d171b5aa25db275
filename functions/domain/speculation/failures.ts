import type { BitSet } from "../bit-set.ts";
import type { Evidence, QueueIndex } from "../queue-index.ts";

/** A failed build, and the undecided batches that may have caused the failure. */
export interface Failure {
  readonly build: Evidence;
  /** The possible causes. Never empty. */
  readonly causes: BitSet;
  /** Per cause, the probability that it breaks the build, as predicted before the build had failed. */
  readonly risks: ReadonlyMap<number, number>;
  /** The probability that at least one cause breaks the build, as predicted before the build had failed. */
  readonly probability: number;
}

/**
 * The failed builds that say something about undecided batches, each with the possible causes. `riskIn(build, i)` is the probability that
 * batch i breaks the build, and 0 when batch i cannot be the cause. Left out are refused compositions, builds that tested a batch that will
 * never land, and failures that another failure with fewer causes explains.
 *
 * Example: builds test everything. {A, B, C} has failed, {A} has passed, and {A, B} fails. The possible causes of the first failure are B
 * and C, that of the second is B. B explains both, so only the second is in the list.
 */
export function failuresIn(index: QueueIndex, riskIn: (build: Evidence, i: number) => number): readonly Failure[] {
  const found = failedBuilds(index).flatMap((build): Failure[] => {
    const undecided = build.tested.minus(index.landed);
    if (undecided.intersects(index.neverLanding)) return [];
    const risks = new Map<number, number>();
    let allPass = 1;
    for (const i of undecided) {
      const risk = riskIn(build, i);
      if (risk <= 0) continue;
      risks.set(i, risk);
      allPass *= 1 - risk;
    }
    return risks.size === 0 ? [] : [{ build, causes: index.setOf(risks.keys()), risks, probability: 1 - allPass }];
  });
  return found.filter((one) => !found.some((other) => explains(other, one)));
}

/** True when a has fewer causes than b, and all causes of a are causes of b: a cause of a explains b as well. */
const explains = (a: Failure, b: Failure): boolean => a.risks.size < b.risks.size && a.causes.isSubsetOf(b.causes);

/** Each failed build once. */
const failedBuilds = (index: QueueIndex): Evidence[] => [
  ...new Set(
    index.batches.flatMap((_, i) =>
      index.evidenceOf(i).filter(({ passed, path }) => !passed && path.unappliable === undefined),
    ),
  ),
];

/**
 * The factor by which the failure corrects the product of single probabilities. P is the probability that all batches of `toLand` land and no
 * batch of `toFail` does. The product multiplies `landProbability(i)` for `toLand` and 1 - `landProbability(i)` for `toFail`, where
 * `landProbability` already takes the failure into account. The factor is P divided by the product.
 * - 1 when neither set holds a cause, or when the cause may be a conflict with a batch of `toFail` that is in the tree.
 * - 0 when all causes are to land: one of them is at fault.
 *
 * Example: A, B and C each pass with 0.9, and {A, B, C} has failed, which happens with 1 - 0.9³ = 0.271. So each lands with
 * 1 - 0.1 / 0.271 = 0.63. A and B land together with 0.9² · 0.1 / 0.271 = 0.30, since C must be the cause then. The factor of {A, B} is
 * 0.30 / 0.63² = 0.75. The factor of {A, B, C} is 0.
 */
export function factorOf(
  { build, causes, risks, probability }: Failure,
  toLand: BitSet,
  toFail: BitSet,
  landProbability: (i: number) => number,
): number {
  if (!toLand.intersects(causes) && !toFail.intersects(causes)) return 1;
  const isExplained = toFail.intersects(causes);
  // The cause may be a conflict with a batch of `toFail`.
  if (!isExplained && toFail.intersects(build.tree)) return 1;
  let factor = 1 / probability;
  let othersPass = 1;
  for (const [i, risk] of risks) {
    if (toFail.has(i)) factor *= risk / Math.max(LEAST, 1 - landProbability(i));
    else if (toLand.has(i)) factor *= (1 - risk) / Math.max(LEAST, landProbability(i));
    else othersPass *= 1 - risk;
  }
  return isExplained ? factor : factor * (1 - othersPass);
}

/** Keeps a division by a probability finite. */
const LEAST = 1e-9;
