import { goesAhead } from "../batch.ts";
import { addAll, addBit, agreeWithin, type Bits, hasBit, isWithin, meetWithin, noBits } from "../bits.ts";
import { lacksWhatOthersNeed } from "../evidence.ts";
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
export function compare(field: Field, a: number, b: number): number {
  const [first, second] = [field.batch(a), field.batch(b)];
  if ((first.order === undefined) !== (second.order === undefined)) return first.order === undefined ? 1 : -1;
  if (first.order === undefined) return first.arrival - second.arrival;
  return goesAhead(first, second) ? -1 : 1;
}

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

/** A build of the proposal's tree, up to what is independent of its head, is under way or has its verdict. One head. */
export function isKnown(field: Field, belief: Belief, running: Running, proposal: Proposal): boolean {
  const slot = proposal.heads[0] ?? -1;
  const near = field.reckonedBy(slot);
  const tree = treeOf(field, proposal);
  if (running.get(slot)?.some((other) => agreeWithin(other, tree, near))) return true;
  const alike = field.factsOf(slot).filter((fact) => agreeWithin(fact.tree, tree, near));
  if (alike.length === 0) return false;
  if (alike.some((fact) => fact.passed)) return true;
  const whole = treeOf(field, { heads: proposal.heads, landing: baseOf(field, belief, proposal) });
  return alike.some((fact) => speaksAgainst(field, slot, fact, whole));
}

/** A failure has no verdict about the head when it may be due to something lost since, or to what would not be in its tree now. */
const speaksAgainst = (field: Field, slot: number, fact: Fact, tree: Bits): boolean =>
  !meetWithin(fact.tree, field.lost, field.reachOf(fact)) &&
  !lacksWhatOthersNeed(field, slot, fact, tree) &&
  isWithin(field.speaksFor === "tree" ? fact.tree : field.bitsOf(fact.path.heads), tree);

/**
 * A tree is whole: under the batches assumed to land stand those that they themselves are expected to land behind. These are
 * independent of the heads (else they would be assumed about, too), so the outcome does not hang on them.
 */
export function baseOf(field: Field, belief: Belief, { heads, landing }: Proposal): number[] {
  const near = noBits(field.words);
  for (const slot of heads) addAll(near, field.nearOf(slot));
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
