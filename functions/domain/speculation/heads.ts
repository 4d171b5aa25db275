import { compareLandingOrder } from "../batch.ts";
import type { BitSet } from "../bit-set.ts";
import type { QueueIndex } from "../queue-index.ts";
import type { Belief } from "./belief.ts";
import type { Head } from "./candidates.ts";

/** A batch that is speculating, with the undecided batches ahead of it. */
export interface WaitingHead extends Head {
  /** The batch's index in the queue index. */
  readonly index: number;
}

/**
 * What to build: heads, and which of the undecided batches ahead of them are assumed to land. Batches are named by their index in the queue
 * index. Example: A ← B ← H, all undecided. To build H with A and without B, `heads` is [H] and `assumedLanded` is [A].
 */
export interface BuildProposal {
  /** In landing order, at least one. More than one is a bundle. */
  readonly heads: readonly number[];
  /** The undecided batches ahead that are assumed to land. The others ahead are assumed not to land. */
  readonly assumedLanded: readonly number[];
  /** Natural logarithm of the probability that all assumptions come true. */
  readonly logProbability: number;
}

/** A proposal without its probability: enough to say what its tree is. */
export type ProposedTree = Pick<BuildProposal, "heads" | "assumedLanded">;

/** `compareLandingOrder` of the batches with the indexes a and b. */
export const compareIndexes = (index: QueueIndex, a: number, b: number): number =>
  compareLandingOrder(index.batch(a), index.batch(b));

/** Makes the list of undecided batches ahead when it is first read. For most heads of a long queue it is never read. */
class LazyHead implements WaitingHead {
  readonly index: number;
  readonly landingOrder: number;
  readonly #undecidedAhead: () => Head["undecided"];
  #undecided: Head["undecided"] | undefined;

  constructor(index: number, landingOrder: number, undecidedAhead: () => Head["undecided"]) {
    this.index = index;
    this.landingOrder = landingOrder;
    this.#undecidedAhead = undecidedAhead;
  }

  get undecided(): Head["undecided"] {
    this.#undecided ??= this.#undecidedAhead();
    return this.#undecided;
  }
}

/** Every batch that is speculating, in landing order, with the undecided batches ahead of it. Each of these has its probability to land. */
export function waitingHeads(index: QueueIndex, belief: Belief): WaitingHead[] {
  const heads = index.batches.flatMap((batch, i) => (batch.state === "speculating" ? [i] : []));
  heads.sort((a, b) => compareIndexes(index, a, b));
  return heads.map((i, landingOrder) => {
    const ahead = index.undecidedAheadSet(i);
    const undecidedAhead = () =>
      ahead.toArray().map((other) => ({ index: other, landProbability: belief.landProbability(other) }));
    return new LazyHead(i, landingOrder, undecidedAhead);
  });
}

/**
 * True when the probability that every assumption of batch i's likeliest path comes true is at least e^minLogProbability. True when no
 * undecided batch is ahead. Takes the outcomes of the batches ahead as independent (compare `isImprobable`).
 *
 * Example: A lands with 0.9 and B with 0.2, both ahead of H. The likeliest path of H assumes that A lands and B does not: 0.9 · 0.8 = 0.72.
 * That is enough for a minLogProbability of log(0.5), and not for log(0.8).
 */
export function isLikelyEnough(index: QueueIndex, belief: Belief, i: number, minLogProbability: number): boolean {
  let logProbability = 0;
  return index.undecidedAheadSet(i).every((other) => {
    const landProbability = belief.landProbability(other);
    logProbability += Math.log(Math.max(landProbability, 1 - landProbability));
    return logProbability >= minLogProbability;
  });
}

/** The batches that the likeliest path of a head assumes to land: of the undecided batches ahead, each that lands with one half or more. */
export const likelyToLand = (undecided: Head["undecided"]): number[] =>
  undecided.flatMap(({ index, landProbability }) => (landProbability >= 0.5 ? [index] : []));

/**
 * The tree that a build of the proposal would have: the batches that have landed, the batches that are assumed to land, and the heads. (The
 * tree of a build that was started already is `QueueIndex.treeOf`.) Example: L has landed, and A ← H. The proposal to build H on the
 * assumption that A lands has the tree {L, A, H}; on the assumption that A does not land, {L, H}.
 */
export const proposedTreeOf = (index: QueueIndex, { heads, assumedLanded }: ProposedTree): BitSet =>
  index.landedWith([...assumedLanded, ...heads]);
