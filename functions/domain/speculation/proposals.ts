import type { BitSet } from "../bit-set.ts";
import { isVerdict, othersAreCleared, passedBuild } from "../evidence.ts";
import type { Evidence, QueueIndex } from "../queue-index.ts";
import { type BuildProposal, compare, type ProposedTree, treeOf } from "./heads.ts";
import type { Speculation } from "./speculation.ts";

/**
 * True when a build of the proposal, which has one head, is not worth its slot: when a build of its tree, up to what is independent of the
 * head, is under way or has passed; when enough such builds have failed (`isVerdict`), or one has, and it is not yet time to repeat it; or
 * when the tree cannot be composed.
 *
 * A failed build is repeated once the parent, which is the proposal's tree without the head, is known to pass. Until then the failure is
 * probably the parent's. Example with `retries: 1`: H has failed on {A}. While A is undecided and has not passed, H is not built on {A}
 * again. Once A has passed or landed, it is.
 */
export function needsNoBuild(speculation: Speculation, proposal: BuildProposal): boolean {
  const { index, running } = speculation;
  const head = proposal.heads[0] ?? -1;
  const tree = treeOf(index, proposal);
  const conflicts = index.proposedConflicts(head);
  if (running.get(head)?.some((other) => other.agreesWith(tree, conflicts))) return true;
  if (passedBuild(index, head, tree)) return true;
  if (index.refusals.length === 0 && index.evidenceOf(head).every((build) => build.passed)) return false;
  if (cannotBeComposed(speculation, proposal)) return true;
  const wholeTree = treeOf(index, { heads: proposal.heads, assumedLanded: baseOf(speculation, proposal) });
  const against = failuresOf(index, head, wholeTree);
  return against.length > 0 && (isVerdict(index, against) || !parentHasPassed(index, head, wholeTree));
}

/**
 * The failed builds that will count against batch i if `tree`, which contains the batch, comes true: each agrees with the tree about what
 * conflicts with the batch, contains no batch that will never land, and no other batch that it tested can be the cause.
 */
export const failuresOf = (index: QueueIndex, i: number, tree: BitSet): Evidence[] =>
  index
    .evidenceOf(i)
    .filter(
      (build) =>
        !build.passed &&
        build.tree.agreesWith(tree, index.relevantToFailure(i)) &&
        !build.tree.meets(index.neverLanding, index.possibleCausesOf(build)) &&
        othersAreCleared(index, i, build, tree),
    );

/** True when each batch of the tree but batch i has landed, or has passed on those batches of the tree that conflict with it. */
function parentHasPassed(index: QueueIndex, i: number, tree: BitSet): boolean {
  const parent = tree.without(i);
  return [...parent].every((other) => index.landed.has(other) || passedBuild(index, other, parent) !== undefined);
}

/**
 * True when the composition of the proposal is known to be refused at one of its batches: it was refused there before, on the same
 * conflicting batches, and everything that was composed below that batch then would be below it now.
 *
 * Example: X was refused on {A}. Composing {A, X, H} would be refused again, and so would {A, B, X, H}, unless B conflicts with X.
 * Composing {X, H} may work.
 */
export function cannotBeComposed(speculation: Speculation, proposal: ProposedTree): boolean {
  const { index } = speculation;
  if (index.refusals.length === 0) return false;
  const base = baseOf(speculation, proposal);
  const composed = [base, proposal.heads].flatMap((batches) => batches.toSorted((a, b) => compare(index, a, b)));
  return index.refusals.some(({ index: refused, evidence }) => {
    const position = composed.indexOf(refused);
    if (position < 0 || index.landed.has(refused)) return false;
    const upToRefused = index.landedWith(composed.slice(0, position + 1));
    return evidence.tree.isSubsetOf(upToRefused) && evidence.tree.agreesWith(upToRefused, index.conflictsOf(refused));
  });
}

/**
 * The base to build the proposal on: the batches that are assumed to land, and under each of them the batches that it is itself expected to
 * land behind. The latter are independent of the heads, else an assumption would be made about them too; so the verdict does not depend on
 * them.
 *
 * Example: A ← B ← H, where A does not conflict with H. H is proposed on the assumption that B lands. The base is [B, A] when A lands with
 * one half or more, since B will land on top of A.
 */
export function baseOf({ index, belief }: Speculation, { heads, assumedLanded }: ProposedTree): number[] {
  /** What is in the base already, or must not be added to it. */
  const excluded = index.setOf([...assumedLanded, ...heads]);
  for (const i of heads) excluded.addAll(index.conflictsOf(i));
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
