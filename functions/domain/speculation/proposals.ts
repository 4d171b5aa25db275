import { compareLandingOrder } from "../batch.ts";
import type { BitSet } from "../bit-set.ts";
import { isVerdict, othersAreCleared, passedBuild } from "../evidence.ts";
import type { Evidence, QueueIndex } from "../queue-index.ts";
import type { Belief } from "./belief.ts";
import type { Head } from "./candidates.ts";

/** What to build: the heads on everything that they are guessed to land behind. Slots of the field. */
export interface BuildProposal {
  /** In landing order; more than one is a bundle. */
  readonly heads: readonly number[];
  /** The undecided batches ahead that are assumed to land. The others ahead are assumed not to. */
  readonly assumedLanded: readonly number[];
  /** Natural logarithm of the probability that the guess comes true. */
  readonly logProbability: number;
}

/** A batch that waits to be built. */
export interface WaitingHead extends Head {
  readonly index: number;
}

/** Landing order; those on probation behind, by arrival. */
export const compare = (index: QueueIndex, a: number, b: number): number =>
  compareLandingOrder(index.batch(a), index.batch(b));

/** Every batch that is being speculated about, with what it has to reckon with; those that go first, first. */
export function waitingHeads(index: QueueIndex, belief: Belief): WaitingHead[] {
  const indexes = index.batches.flatMap((batch, i) => (batch.state === "speculating" ? [i] : []));
  indexes.sort((a, b) => compare(index, a, b));
  return indexes.map((i, position) => ({
    index: i,
    position,
    undecided: index
      .undecidedAhead(i)
      .map((other) => ({ index: other, landProbability: belief.landProbability(other) })),
  }));
}

/** Those that its likeliest guess assumes to land. */
export const likelyToLand = (open: Head["undecided"]): number[] =>
  open.flatMap(({ index: i, landProbability: lands }) => (lands >= 0.5 ? [i] : []));

/** Per slot, the trees of the builds under way for it. */
export type Running = ReadonlyMap<number, readonly BitSet[]>;

export function buildsUnderWay(index: QueueIndex): Running {
  const trees = new Map<number, BitSet[]>();
  for (const batch of index.batches)
    for (const path of batch.paths) {
      if (path.state !== "building") continue;
      for (const id of path.heads) {
        const i = index.indexOf(id);
        if (i !== undefined) trees.set(i, [...(trees.get(i) ?? []), index.treeOf(path)]);
      }
    }
  return trees;
}

/** The tree that the proposal is about: what has landed, what is assumed to, and the heads. */
export function treeOf(
  index: QueueIndex,
  { heads, assumedLanded }: Pick<BuildProposal, "heads" | "assumedLanded">,
): BitSet {
  const tree = index.landed.copy();
  for (const i of assumedLanded) tree.add(i);
  for (const i of heads) tree.add(i);
  return tree;
}

/**
 * True when there is no point in a build of the proposal, which has one head: one of its tree, up to what is independent of the head, is
 * under way or has passed; or enough have failed (`isVerdict`), or one has, and it is not yet time to repeat it; or it can't be composed.
 *
 * A failed build is repeated when the parent, the proposal's tree without the head, is known to pass: until then the failure is probably
 * the parent's. Example with `retries: 1`: H has failed on {A}. While A is undecided and has not passed, H is not built on {A} again. Once
 * A has passed, or has landed, it is.
 */
export function needsNoBuild(index: QueueIndex, belief: Belief, running: Running, proposal: BuildProposal): boolean {
  const i = proposal.heads[0] ?? -1;
  const tree = treeOf(index, proposal);
  const conflicts = index.relevantConflicts(i);
  if (running.get(i)?.some((other) => other.agreesWith(tree, conflicts))) return true;
  if (passedBuild(index, i, tree)) return true;
  if (index.refusals.length === 0 && index.evidenceOf(i).every((build) => build.passed)) return false;
  if (cannotBeComposed(index, belief, proposal)) return true;
  const whole = treeOf(index, { heads: proposal.heads, assumedLanded: baseOf(index, belief, proposal) });
  const against = failuresOf(index, i, whole);
  return against.length > 0 && (isVerdict(index, against) || !parentHasPassed(index, i, whole));
}

/** The failures that will count against the batch if the tree, which holds the batch, comes true: nothing in them is lost, or not in the tree. */
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

/** True when each batch of the tree but the head has landed, or has passed on those of the tree that conflict with it. */
function parentHasPassed(index: QueueIndex, i: number, tree: BitSet): boolean {
  const parent = tree.without(i);
  return [...parent].every((other) => index.landed.has(other) || passedBuild(index, other, parent) !== undefined);
}

/**
 * True when the composition of the proposal is known to be refused at one of its batches: it was refused there before, on the same
 * conflicting batches, and everything that was composed below that batch then would be below it now. Example: X was refused on {A}. Composing
 * {A, X, H} and {A, B, X, H} would be refused again, unless B conflicts with X; composing {X, H} may work.
 */
export function cannotBeComposed(
  index: QueueIndex,
  belief: Belief,
  { heads, assumedLanded }: Omit<BuildProposal, "logProbability">,
): boolean {
  if (index.refusals.length === 0) return false;
  const base = baseOf(index, belief, { heads, assumedLanded });
  const order = [base, heads].flatMap((batches) => batches.toSorted((a, b) => compare(index, a, b)));
  return index.refusals.some(({ index: i, evidence: build }) => {
    const position = order.indexOf(i);
    if (position < 0 || index.landed.has(i)) return false;
    const below = index.landedWith(order.slice(0, position + 1));
    return build.tree.isSubsetOf(below) && build.tree.agreesWith(below, index.conflictsOf(i));
  });
}

/**
 * A tree is whole: under the batches assumed to land stand those that they themselves are expected to land behind. These are
 * independent of the heads (else they would be assumed about, too), so the outcome does not hang on them.
 */
export function baseOf(
  index: QueueIndex,
  belief: Belief,
  { heads, assumedLanded }: Omit<BuildProposal, "logProbability">,
): number[] {
  const conflicts = index.emptySet();
  for (const i of heads) conflicts.addAll(index.conflictsOf(i));
  const base = new Set(assumedLanded);
  const visit = (i: number) => {
    for (const other of index.undecidedAhead(i)) {
      if (base.has(other) || heads.includes(other) || conflicts.has(other) || belief.landProbability(other) < 0.5)
        continue;
      // What has been handed to runway does not land behind those that it has bypassed.
      if (index.batch(i).state === "landing" && index.batch(other).state !== "landing") continue;
      base.add(other);
      visit(other);
    }
  };
  for (const i of assumedLanded) visit(i);
  return [...base];
}
