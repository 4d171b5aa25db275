import { Heap } from "../heap.ts";

/** A head and the batches ahead of it that are undecided, each with the probability (0 … 1) that it lands. */
export interface Head {
  /** Breaks ties: lower goes first. */
  readonly position: number;
  readonly undecided: readonly { readonly index: number; readonly landProbability: number }[];
}

/** One guess about everything that is undecided ahead of a head. */
export interface PathCandidate<H extends Head> {
  readonly head: H;
  /** Those assumed to land, in the order of `head.open`. */
  readonly assumedLanded: readonly number[];
  /** Natural logarithm of the probability that the whole guess comes true; -Infinity when it can't. */
  readonly logProbability: number;
  /** How many assumptions are the less likely ones. */
  readonly flips: number;
}

/** What turning one assumption to its less likely side costs, in log-probability; never negative. */
interface Flip {
  readonly index: number;
  readonly cost: number;
}

interface Node<H extends Head> {
  readonly search: Search<H>;
  readonly logProbability: number;
  /** Indexes into the search's flips, ascending. */
  readonly flips: readonly number[];
}

const log = (p: number): number => (p > 0 ? Math.log(p) : Number.NEGATIVE_INFINITY);

/** The guesses of one head; its flips are priced and sorted when the second guess is asked for, which most never are. */
class Search<H extends Head> {
  readonly head: H;
  #flips: readonly Flip[] | undefined;

  constructor(head: H) {
    this.head = head;
  }

  first(): Node<H> {
    let logProbability = 0;
    for (const { landProbability: lands } of this.head.undecided) logProbability += log(Math.max(lands, 1 - lands));
    return { search: this, logProbability, flips: [] };
  }

  flips(): readonly Flip[] {
    this.#flips ??= this.head.undecided
      .map(({ landProbability: lands }, index) => ({
        index,
        cost: log(Math.max(lands, 1 - lands)) - log(Math.min(lands, 1 - lands)),
      }))
      .sort((a, b) => (a.cost === b.cost ? a.index - b.index : a.cost - b.cost));
    return this.#flips;
  }

  /**
   * The guesses that follow a guess: one more flip, or its last flip moved on by one. Each set of flips is reached by one way, and
   * never before a likelier one.
   */
  after(node: Node<H>): Node<H>[] {
    const flips = this.flips();
    const last = node.flips.at(-1) ?? -1;
    const next = flips[last + 1];
    if (next === undefined) return [];
    const extended = {
      search: this,
      logProbability: node.logProbability - next.cost,
      flips: [...node.flips, last + 1],
    };
    if (last < 0) return [extended];
    const without = node.flips.slice(0, -1);
    const cost = next.cost === (flips[last]?.cost ?? 0) ? 0 : next.cost - (flips[last]?.cost ?? 0);
    return [extended, { search: this, logProbability: node.logProbability - cost, flips: [...without, last + 1] }];
  }

  candidate(node: Node<H>): PathCandidate<H> {
    const flipped = new Set(node.flips.map((flip) => this.flips()[flip]?.index));
    const assumedLanded = this.head.undecided.flatMap(({ index: i, landProbability: lands }, index) =>
      lands >= 0.5 !== flipped.has(index) ? [i] : [],
    );
    return { head: this.head, assumedLanded, logProbability: node.logProbability, flips: node.flips.length };
  }
}

/** Odds that differ by less than a factor of e² are taken for equal: guesses far down the line wait their turn, but do not starve. */
const STEP = 2;

/** Lower goes first. */
export const probabilityTier = (logProbability: number): number => Math.floor(-logProbability / STEP);

/** Likelier first, by rungs; then fewer flips, the head that goes first, and the flips that come first. */
function precedes<H extends Head>(a: Node<H>, b: Node<H>): boolean {
  const [first, second] = [probabilityTier(a.logProbability), probabilityTier(b.logProbability)];
  if (first !== second) return first < second;
  if (a.flips.length !== b.flips.length) return a.flips.length < b.flips.length;
  if (a.search.head.position !== b.search.head.position) return a.search.head.position < b.search.head.position;
  const differing = a.flips.findIndex((flip, i) => flip !== b.flips[i]);
  return differing >= 0 && (a.flips[differing] ?? 0) < (b.flips[differing] ?? 0);
}

/**
 * Every guess of every head that is not less likely than `least` (a logarithm), likeliest first in rungs of a factor of e², and within
 * a rung by place. Made as they are asked for: k guesses cost k·log(k + heads), however many exist (2^n for n undecided batches ahead).
 * Deterministic. Source: the best-first enumeration of subsets by weight, as in Lawler (1972).
 */
export function* pathCandidates<H extends Head>(
  heads: readonly H[],
  least = Number.NEGATIVE_INFINITY,
): Generator<PathCandidate<H>, void, void> {
  const isWorth = (node: Node<H>) => node.logProbability >= least;
  const firsts = heads.map((head) => new Search(head).first()).filter(isWorth);
  const heap = new Heap<Node<H>>(precedes, firsts);
  for (let node = heap.pop(); node !== undefined; node = heap.pop()) {
    yield node.search.candidate(node);
    for (const follower of node.search.after(node)) if (isWorth(follower)) heap.push(follower);
  }
}
