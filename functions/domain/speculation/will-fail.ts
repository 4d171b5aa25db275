import type { BitSet } from "../bit-set.ts";
import type { QueueIndex } from "../queue-index.ts";
import type { PathCandidate } from "./candidates.ts";
import type { Failure } from "./failures.ts";
import type { WaitingHead } from "./heads.ts";
import type { Speculation } from "./speculation.ts";

/**
 * True when a build of the tree is expected to fail, because the tree contains the whole tree of a failed build. False where builds test only
 * what is affected. A failure is passed over when the build has one head and that head is the only possible cause of the failure: such a
 * build tells whether the failure repeats.
 *
 * Example: {A, B} has failed. {A, B, C} is expected to fail too. {A, C} may pass. After {A} has passed, the cause can only be B, so {A, B} may
 * be built again with head B.
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
 * True when the probability that all assumptions of the path come true is less than e^minLogProbability, given which builds have failed. The
 * path's own `logProbability` takes the outcomes of the batches as independent, and so is too high after a failure that several batches may
 * have caused (`Belief.jointProbability`). False where builds test only what is affected.
 *
 * Example: A and B land with 0.6 each, {A, B} has failed, and minLogProbability is log(0.1). The path of C on {A, B} is improbable, because A
 * and B cannot both land. The path of C on {A} is not.
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
