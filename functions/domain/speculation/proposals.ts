import type { BitSet } from "../bit-set.ts";
import { areEnoughToReject, othersAreCleared, passedBuild } from "../evidence.ts";
import type { Evidence, QueueIndex } from "../queue-index.ts";
import { type BuildProposal, compareIndexes, type ProposedTree, proposedTreeOf } from "./heads.ts";
import type { Speculation } from "./speculation.ts";
import { containsFailure } from "./will-fail.ts";

/**
 * True when the proposal, which has one head, should not be built. One of these is then true:
 * - A build of the head is running or has passed, and its tree holds the same conflicts of the head as the proposed tree. Batches that do not
 *   conflict with the head may differ.
 * - The tree cannot be composed (`cannotBeComposed`), or the build will fail (`willFail`).
 * - The failed builds that count against the head (`failuresOf`) are enough to reject it (`areEnoughToReject`).
 * - At least one failed build counts against the head, and some other batch of the tree has neither landed nor passed on the rest of the tree.
 *   That batch may have caused the failure, so the build is not repeated yet.
 *
 * Example with `retries: 1`: H has failed on {A}. H is not built on {A} again until A has passed or landed.
 */
export function needsNoBuild(speculation: Speculation, proposal: BuildProposal): boolean {
  const { index, running } = speculation;
  const head = proposal.heads[0] ?? -1;
  const tree = proposedTreeOf(index, proposal);
  const conflicts = index.conflictsToCompare(head);
  if (running.get(head)?.some((other) => other.agreesWith(tree, conflicts))) return true;
  if (passedBuild(index, head, tree) || willFail(speculation, proposal)) return true;
  if (index.refusals.length === 0 && index.evidenceOf(head).every((build) => build.passed)) return false;
  if (cannotBeComposed(speculation, proposal)) return true;
  const wholeTree = proposedTreeOf(index, { heads: proposal.heads, assumedLanded: baseOf(speculation, proposal) });
  const against = failuresOf(index, head, wholeTree);
  return against.length > 0 && (areEnoughToReject(index, against) || !parentHasPassed(index, head, wholeTree));
}

/**
 * The failed builds of batch i that count against batch i if exactly the batches of `tree` land. `tree` contains batch i. A failed build counts
 * when all three hold:
 * - Its tree and `tree` contain the same ones of the batches that matter to a failure of batch i (`relevantToFailure`).
 * - No batch in its tree that may have caused the failure will never land.
 * - Every other batch that the build tested is cleared of the failure (`othersAreCleared`).
 *
 * Example: H conflicts with A and B, and {A, H} has failed. The failure counts for the tree {A, H}: if A lands, A is not the cause. It does not
 * count for {A, B, H}, which contains B, nor for {H}, which lacks A. It counts for no tree once A has failed.
 */
export const failuresOf = (index: QueueIndex, i: number, tree: BitSet): Evidence[] =>
  index
    .evidenceOf(i)
    .filter(
      (build) =>
        !build.passed &&
        build.tree.agreesWith(tree, index.relevantToFailure(i)) &&
        !build.tree.intersects(index.neverLanding, index.possibleCausesOf(build)) &&
        othersAreCleared(index, i, build, tree),
    );

/** True when the tree of the proposal, with the base that it would be built on, holds the tree of a failed build. See `containsFailure`. */
export function willFail(speculation: Speculation, proposal: ProposedTree): boolean {
  const { index, belief } = speculation;
  if (belief.failures.length === 0) return false;
  const tree = proposedTreeOf(index, { heads: proposal.heads, assumedLanded: baseOf(speculation, proposal) });
  return containsFailure(index, belief.failures, tree, proposal.heads);
}

/**
 * True when each batch of the tree except batch i has landed or passed. A batch counts as passed when one of its passed builds and the tree
 * without batch i agree about the batch's relevant conflicts.
 */
function parentHasPassed(index: QueueIndex, i: number, tree: BitSet): boolean {
  const parent = tree.without(i);
  return [...parent].every((other) => index.landed.has(other) || passedBuild(index, other, parent) !== undefined);
}

/**
 * True when runway would refuse to compose the tree of the proposal, as an earlier refusal shows. A refusal at batch X is an earlier
 * composition in which X did not apply on the batches below it. The proposal would meet the same refusal when X is in its tree, and the
 * batches below X in the proposal
 * - include every batch that was below X then, and
 * - hold the same batches as then among the conflicts of X.
 *
 * False means only that no refusal is known. Example: X was refused on {A}. {A, X, H} cannot be composed. {A, B, X, H} cannot either, unless B
 * conflicts with X: then B may be what X needs. {X, H}, which lacks A, may be composed.
 */
export function cannotBeComposed(speculation: Speculation, proposal: ProposedTree): boolean {
  const { index } = speculation;
  if (index.refusals.length === 0) return false;
  const base = baseOf(speculation, proposal);
  const composed = [base, proposal.heads].flatMap((batches) => batches.toSorted((a, b) => compareIndexes(index, a, b)));
  return index.refusals.some(({ index: refused, evidence }) => {
    const at = composed.indexOf(refused);
    if (at < 0 || index.landed.has(refused)) return false;
    const upToRefused = index.landedWith(composed.slice(0, at + 1));
    return evidence.tree.isSubsetOf(upToRefused) && evidence.tree.agreesWith(upToRefused, index.conflictsOf(refused));
  });
}

/**
 * The base to build the proposal on, in any order. It holds:
 * - Each batch that the proposal assumes to land.
 * - For each batch X of the base, the undecided batches ahead of X that land with one half or more and conflict with no head. X might not apply
 *   without them. About a batch that conflicts with a head, the proposal has made its assumption already.
 * - Where builds test everything and a head is on probation: for each batch X of the base, also the undecided batches ahead of X that land with
 *   one half or more, conflict with the head and arrived after the head. The proposal makes no assumption about such a batch, and a failure
 *   without it might be due to X. Where builds test what is affected, a failure is never due to the base.
 *
 * Below a batch that is landing, only other batches that are landing are added.
 *
 * Example: A ← B and B ← H, and A and H do not conflict. H is proposed on the assumption that B lands. A lands with 0.9, so the base is A and
 * B. If A landed with 0.4, the base would be B alone.
 *
 * Example where builds test everything, with H on probation: H arrived after B and before X, and all three conflict. B joined behind X. H is
 * proposed on the assumption that B lands: the base is X and B.
 */
export function baseOf({ index, belief }: Speculation, { heads, assumedLanded }: ProposedTree): number[] {
  /** The batches that must not be added to the base: those in the base, the heads, and conflicts of the heads. */
  const excluded = index.setOf([...assumedLanded, ...heads]);
  for (const i of heads)
    excluded.addAll(index.tests === "everything" ? index.relevantToFailure(i) : index.conflictsOf(i));
  const base = [...assumedLanded];
  for (let next = 0; next < base.length; next++) {
    const i = base[next] ?? -1;
    const isLanding = index.batch(i).state === "landing";
    const below = index.undecidedAheadSet(i);
    below.deleteAll(excluded);
    for (const other of below) {
      if (belief.landProbability(other) < 0.5) continue;
      // A batch that is landing does not land behind the batches that it bypasses.
      if (isLanding && index.batch(other).state !== "landing") continue;
      base.push(other);
      excluded.add(other);
    }
  }
  return base;
}
