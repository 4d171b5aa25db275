import { compareOrder } from "../batch.ts";
import { addAll, addBit, agreeWithin, type Bits, hasBit, isWithin, meetWithin, members, noBits } from "../bits.ts";
import { isVerdict, othersAreCleared, passedBuild } from "../evidence.ts";
import type { Fact, Field } from "../field.ts";
import type { Belief } from "./belief.ts";
import type { Head } from "./candidates.ts";

/** What to build: the heads on everything that they are guessed to land behind. Slots of the field. */
export interface Proposal {
  /** In landing order; more than one is a bundle. */
  readonly heads: readonly number[];
  /** The undecided batches ahead that are assumed to land. The others ahead are assumed not to. */
  readonly landing: readonly number[];
  /** Natural logarithm of the probability that the guess comes true. */
  readonly logProbability: number;
}

/** A batch that waits to be built. */
export interface WaitingHead extends Head {
  readonly slot: number;
}

/** Landing order; those on probation behind, by arrival. */
export const compare = (field: Field, a: number, b: number): number => compareOrder(field.batch(a), field.batch(b));

/** Every batch that is being speculated about, with what it has to reckon with; those that go first, first. */
export function waitingHeads(field: Field, belief: Belief): WaitingHead[] {
  const slots = field.batches.flatMap((batch, slot) => (batch.state === "speculating" ? [slot] : []));
  slots.sort((a, b) => compare(field, a, b));
  return slots.map((slot, rank) => ({
    slot,
    rank,
    open: field.aheadOf(slot).map((other) => ({ slot: other, lands: belief.lands(other) })),
  }));
}

/** Those that its likeliest guess assumes to land. */
export const likelyOf = (open: Head["open"]): number[] =>
  open.flatMap(({ slot, lands }) => (lands >= 0.5 ? [slot] : []));

/** Per slot, the trees of the builds under way for it. */
export type Running = ReadonlyMap<number, readonly Bits[]>;

export function buildsUnderWay(field: Field): Running {
  const trees = new Map<number, Bits[]>();
  for (const batch of field.batches)
    for (const path of batch.paths) {
      if (path.state !== "building") continue;
      for (const id of path.heads) {
        const slot = field.slotOf(id);
        if (slot !== undefined) trees.set(slot, [...(trees.get(slot) ?? []), field.treeOf(path)]);
      }
    }
  return trees;
}

/** The tree that the proposal is about: what has landed, what is assumed to, and the heads. */
export function treeOf(field: Field, { heads, landing }: Pick<Proposal, "heads" | "landing">): Bits {
  const tree = field.landed.slice();
  for (const slot of landing) addBit(tree, slot);
  for (const slot of heads) addBit(tree, slot);
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
export function isKnown(field: Field, belief: Belief, running: Running, proposal: Proposal): boolean {
  const slot = proposal.heads[0] ?? -1;
  const tree = treeOf(field, proposal);
  const near = field.reckonedBy(slot);
  if (running.get(slot)?.some((other) => agreeWithin(other, tree, near))) return true;
  if (passedBuild(field, slot, tree)) return true;
  if (field.refusals.length === 0 && field.factsOf(slot).every((fact) => fact.passed)) return false;
  if (cannotBeComposed(field, belief, proposal)) return true;
  const whole = treeOf(field, { heads: proposal.heads, landing: baseOf(field, belief, proposal) });
  const against = failuresOf(field, slot, whole);
  return against.length > 0 && (isVerdict(field, against) || !parentHasPassed(field, slot, whole));
}

/** The failures that will count against the batch if the tree, which holds the batch, comes true: nothing in them is lost, or not in the tree. */
export const failuresOf = (field: Field, slot: number, tree: Bits): Fact[] =>
  field
    .factsOf(slot)
    .filter(
      (fact) =>
        !fact.passed &&
        agreeWithin(fact.tree, tree, field.blamedBy(slot)) &&
        !meetWithin(fact.tree, field.lost, field.reachOf(fact)) &&
        othersAreCleared(field, slot, fact, tree),
    );

/** True when each batch of the tree but the head has landed, or has passed on those of the tree that conflict with it. */
function parentHasPassed(field: Field, slot: number, tree: Bits): boolean {
  const parent = field.without(tree, slot);
  return [...members(parent)].every(
    (other) => hasBit(field.landed, other) || passedBuild(field, other, parent) !== undefined,
  );
}

/**
 * True when the composition of the proposal is known to be refused at one of its batches: it was refused there before, on the same
 * conflicting batches, and everything that was composed below that batch then would be below it now. Example: X was refused on {A}. Composing
 * {A, X, H} and {A, B, X, H} would be refused again, unless B conflicts with X; composing {X, H} may work.
 */
export function cannotBeComposed(
  field: Field,
  belief: Belief,
  { heads, landing }: Omit<Proposal, "logProbability">,
): boolean {
  if (field.refusals.length === 0) return false;
  const base = baseOf(field, belief, { heads, landing });
  const order = [base, heads].flatMap((batches) => batches.toSorted((a, b) => compare(field, a, b)));
  return field.refusals.some(({ slot, fact }) => {
    const position = order.indexOf(slot);
    if (position < 0 || hasBit(field.landed, slot)) return false;
    const below = field.landedWith(order.slice(0, position + 1));
    return isWithin(fact.tree, below) && agreeWithin(fact.tree, below, field.conflictsOf(slot));
  });
}

/**
 * A tree is whole: under the batches assumed to land stand those that they themselves are expected to land behind. These are
 * independent of the heads (else they would be assumed about, too), so the outcome does not hang on them.
 */
export function baseOf(field: Field, belief: Belief, { heads, landing }: Omit<Proposal, "logProbability">): number[] {
  const near = noBits(field.words);
  for (const slot of heads) addAll(near, field.conflictsOf(slot));
  const base = new Set(landing);
  const visit = (slot: number) => {
    for (const other of field.aheadOf(slot)) {
      if (base.has(other) || heads.includes(other) || hasBit(near, other) || belief.lands(other) < 0.5) continue;
      // What has been handed to runway does not land behind those that it has bypassed.
      if (field.batch(slot).state === "landing" && field.batch(other).state !== "landing") continue;
      base.add(other);
      visit(other);
    }
  };
  for (const slot of landing) visit(slot);
  return [...base];
}
