import { Heap } from "../heap.ts";

/** A head and the undecided batches ahead of it. */
export interface Head {
  /**
   * 0 for the head that lands first of all heads, 1 for the next, and so on. Heads on probation come last. Among paths of one tier with the
   * same number of unlikely assumptions, the paths of the head with the lower number come first.
   */
  readonly landingOrder: number;
  /** The undecided batches ahead of the head, each with the probability, 0 … 1, that it lands. */
  readonly undecided: readonly { readonly index: number; readonly landProbability: number }[];
}

/** One path: an assumption about each undecided batch ahead of the head. */
export interface PathCandidate<H extends Head> {
  readonly head: H;
  /** The batches that are assumed to land, in the order of `head.undecided`. */
  readonly assumedLanded: readonly number[];
  /** Natural logarithm of the probability that all assumptions come true. -Infinity when they cannot all come true. */
  readonly logProbability: number;
  /** How many assumptions are the less likely of their two sides. 0 for the head's likeliest path. */
  readonly unlikelyAssumptions: number;
}

/** A change of one assumption of the likeliest path to its less likely side. */
interface Flip {
  /** Which assumption: an index into `head.undecided`. */
  readonly assumption: number;
  /** By how much the logarithm of the probability falls. Never negative. */
  readonly cost: number;
}

/** A path as the search holds it: the flips that lead from the likeliest path of the head to this path. */
interface Node<H extends Head> {
  readonly search: Search<H>;
  readonly logProbability: number;
  /** Indexes into `search.flips()`, ascending. */
  readonly flips: readonly number[];
}

/** Natural logarithm of a probability. -Infinity for 0. */
const log = (p: number): number => (p > 0 ? Math.log(p) : Number.NEGATIVE_INFINITY);

/** Enumerates the paths of one head. Its flips are sorted when the second path is asked for, which for most heads is never. */
class Search<H extends Head> {
  readonly head: H;
  #flips: readonly Flip[] | undefined;

  constructor(head: H) {
    this.head = head;
  }

  /** The likeliest path of the head. */
  first(): Node<H> {
    let logProbability = 0;
    for (const { landProbability } of this.head.undecided)
      logProbability += log(Math.max(landProbability, 1 - landProbability));
    return { search: this, logProbability, flips: [] };
  }

  /** All flips, the cheapest first. */
  flips(): readonly Flip[] {
    this.#flips ??= this.head.undecided
      .map(({ landProbability: p }, assumption) => ({
        assumption,
        cost: log(Math.max(p, 1 - p)) - log(Math.min(p, 1 - p)),
      }))
      .sort((a, b) => (a.cost === b.cost ? a.assumption - b.assumption : a.cost - b.cost));
    return this.#flips;
  }

  /**
   * The paths that follow a path: one with the next dearer flip added, and one with the last flip replaced by the next dearer one. Neither is
   * likelier than the path. Every set of flips follows exactly one other set. Example with three flips: {} → {0}; {0} → {0, 1}, {1};
   * {1} → {1, 2}, {2}; {0, 1} → {0, 1, 2}, {0, 2}.
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

  /** The path of a node. */
  candidate(node: Node<H>): PathCandidate<H> {
    const flipped = new Set(node.flips.map((flip) => this.flips()[flip]?.assumption));
    const assumedLanded = this.head.undecided.flatMap(({ index, landProbability }, assumption) =>
      landProbability >= 0.5 !== flipped.has(assumption) ? [index] : [],
    );
    const { logProbability } = node;
    return { head: this.head, assumedLanded, logProbability, unlikelyAssumptions: node.flips.length };
  }
}

/** The width of a tier, as a difference of natural logarithms: a factor of e², about 7. */
const TIER_WIDTH = 2;

/**
 * The tier of a probability, given its natural logarithm. A lower tier goes first. Within a tier probabilities count as equal, and the heads
 * ahead go first: so heads far behind wait their turn, and still get builds. Example: 1 … 0.14 is tier 0, and 0.13 … 0.02 is tier 1.
 */
export const probabilityTier = (logProbability: number): number => Math.floor(-logProbability / TIER_WIDTH);

/** True when a goes before b: by the lower tier, then by fewer flips, then by the head that lands first, then by the cheaper flips. */
function precedes<H extends Head>(a: Node<H>, b: Node<H>): boolean {
  const [first, second] = [probabilityTier(a.logProbability), probabilityTier(b.logProbability)];
  if (first !== second) return first < second;
  if (a.flips.length !== b.flips.length) return a.flips.length < b.flips.length;
  if (a.search.head.landingOrder !== b.search.head.landingOrder)
    return a.search.head.landingOrder < b.search.head.landingOrder;
  const differing = a.flips.findIndex((flip, i) => flip !== b.flips[i]);
  return differing >= 0 && (a.flips[differing] ?? 0) < (b.flips[differing] ?? 0);
}

/**
 * Every path of every head whose logarithm of probability is at least `minLogProbability`, likeliest first by tiers. Paths are made as they
 * are asked for: the first k paths cost k·log(k + heads), however many exist (2^n for n undecided batches ahead). The same input gives the
 * same order. Source: the best-first enumeration of subsets by weight, as in Lawler (1972).
 *
 * Example: A ← B, and A lands with 0.9. The paths are A on [] with 1, B on [A] with 0.9, and then B on [] with 0.1.
 */
export function* pathCandidates<H extends Head>(
  heads: readonly H[],
  minLogProbability = Number.NEGATIVE_INFINITY,
): Generator<PathCandidate<H>, void, void> {
  const isWorth = (node: Node<H>) => node.logProbability >= minLogProbability;
  const firsts = heads.map((head) => new Search(head).first()).filter(isWorth);
  const heap = new Heap<Node<H>>(precedes, firsts);
  for (let node = heap.pop(); node !== undefined; node = heap.pop()) {
    yield node.search.candidate(node);
    for (const follower of node.search.after(node)) if (isWorth(follower)) heap.push(follower);
  }
}
