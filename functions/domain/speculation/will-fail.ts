import type { BitSet } from "../bit-set.ts";
import type { QueueIndex } from "../queue-index.ts";
import type { PathCandidate } from "./candidates.ts";
import type { Failure } from "./failures.ts";
import type { WaitingHead } from "./heads.ts";
import type { Speculation } from "./speculation.ts";

/**
 * True when a build of the tree will fail, because the tree holds that of a failed build. Only where builds test everything. False when the
 * head is the only possible cause of that failure: then the build tells whether the failure repeats.
 *
 * Example: {A, B} has failed. {A, B, C} will fail too. {A, C} may pass. After {A} has passed, the cause can only be B, so {A, B} may be
 * built again for B.
 */
export function containsFailure(
  index: QueueIndex,
  failures: readonly Failure[],
  tree: BitSet,
  heads: readonly number[],
): boolean {
  if (index.tests === "affected") return false;
  return failures.some(({ build, causes, risks }) => {
    const isOwn = heads.length === 1 && risks.size === 1 && causes.has(heads[0] ?? -1);
    return !isOwn && build.tree.isSubsetOf(tree);
  });
}

/**
 * True when the path's assumptions come true together with less than e^minLogProbability, though each of them may well come true.
 *
 * Example: A and B land with 0.6 each, one of them is at fault in a failed build, and the floor is 0.1. C on {A, B} is improbable, and C on
 * {A} is not.
 */
export function isImprobable(
  { index, belief }: Speculation,
  { head, assumedLanded }: PathCandidate<WaitingHead>,
  minLogProbability: number,
): boolean {
  if (index.tests === "affected" || belief.failures.length === 0) return false;
  const landing = new Set(assumedLanded);
  const failing = head.undecided.flatMap(({ index: i }) => (landing.has(i) ? [] : [i]));
  return belief.jointProbability(assumedLanded, failing) < Math.exp(minLogProbability);
}
