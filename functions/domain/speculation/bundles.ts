import type { QueueIndex } from "../queue-index.ts";
import type { Belief } from "./belief.ts";
import { type BuildProposal, likelyToLand, type WaitingHead } from "./heads.ts";
import { OutsideBundle } from "./outside-bundle.ts";
import { cannotBeComposed, needsNoBuild, willFail } from "./proposals.ts";
import type { Speculation } from "./speculation.ts";

/** The limits of the bundles of one run. */
export interface BundleLimits {
  /** How many heads a bundle has at most. */
  readonly maxSize: number;
  /** How long a bundle that is not full may wait for more heads. */
  readonly maxWaitMs: number;
  /** How many slots of the budget are free. */
  readonly free: number;
  /** Natural logarithm of the least probability that is worth a build. */
  readonly minLogProbability: number;
}

/**
 * The bundles to build, in landing order. Undefined when every head that waits for a build can have a free slot of its own.
 *
 * Waiting heads are taken in landing order. A bundle is full when it has as many heads as there are waiting heads per free slot (rounded up), or
 * `maxSize` heads. A head joins the current bundle unless
 * - the bundle is full, or as large as one of its heads allows (`sizeLimitOf`),
 * - one of the two is on probation and the other is not,
 * - a head outside the bundle has to land in between,
 * - the tree with the head cannot be composed, will fail, or is less likely than `minLogProbability`, or
 * - the larger bundle is expected to land fewer batches: every head adds its own chance of failing, and its own assumptions.
 * A head that does not join starts the next bundle. If the last bundle is not full, it is returned once its oldest batch has waited
 * `maxWaitMs`.
 *
 * Example: six heads wait, one slot is free, `maxSize` is 4. The bundles are [1, 2, 3, 4] and, after `maxWaitMs`, [5, 6]. With two free slots
 * they are [1, 2, 3] and [4, 5, 6]. Should [1, 2, 3, 4] fail, each of its heads allows a quarter of four: 1 is then built alone, also when a
 * new head with a higher priority waits ahead of 1.
 */
export function bundleProposals(
  speculation: Speculation,
  limits: BundleLimits,
  now: number,
): BuildProposal[] | undefined {
  const { heads, inBundles } = speculation;
  const waiting = new Set(heads.filter((head) => !inBundles.has(head.index) && isWaiting(speculation, head)));
  if (waiting.size <= limits.free) return undefined;
  const size = Math.min(limits.maxSize, Math.ceil(waiting.size / limits.free));
  const bundling = new Bundling(speculation, size, limits.minLogProbability);
  for (const head of heads) {
    if (inBundles.has(head.index)) bundling.close();
    if (waiting.has(head)) bundling.add(head);
    else bundling.pass(head);
  }
  return bundling.finish(now - limits.maxWaitMs);
}

/** Fills one bundle after the other with heads. The heads come in landing order. */
class Bundling {
  readonly #speculation: Speculation;
  readonly #size: number;
  readonly #minLogProbability: number;
  readonly #found: BuildProposal[] = [];
  #bundle: Bundle;
  #outside = new OutsideBundle();

  constructor(speculation: Speculation, size: number, minLogProbability: number) {
    this.#speculation = speculation;
    this.#size = size;
    this.#minLogProbability = minLogProbability;
    this.#bundle = new Bundle(speculation.belief);
  }

  /** A waiting head: it joins the current bundle, or starts the next one. */
  add(head: WaitingHead): void {
    const sizeLimit = sizeLimitOf(this.#speculation.index, head);
    if (!this.#mayJoin(head, sizeLimit)) this.close();
    this.#bundle = this.#bundle.with(head, sizeLimit);
    this.#outside.enter(head);
    if (this.#bundle.sizeLimit <= 1) this.close();
  }

  /** A head that joins no bundle. */
  pass(head: WaitingHead): void {
    this.#outside.pass(head);
  }

  /** Ends the current bundle. A bundle that is less likely than `minLogProbability` is dropped. */
  close(): void {
    if (this.#bundle.heads.length > 0 && this.#bundle.logProbability >= this.#minLogProbability)
      this.#found.push(this.#bundle.proposal());
    this.#bundle = new Bundle(this.#speculation.belief);
    this.#outside = new OutsideBundle();
  }

  /** All bundles. The current one is left out when it is not full and all its heads were created after the time `since`. */
  finish(since: number): BuildProposal[] {
    const { heads } = this.#bundle;
    if (heads.length >= this.#size || oldestOf(this.#speculation.index, heads) <= since) this.close();
    return this.#found;
  }

  #mayJoin(head: WaitingHead, sizeLimit: number): boolean {
    const { index } = this.#speculation;
    const { heads } = this.#bundle;
    const [first = head] = heads;
    if (isOnProbation(index, first) !== isOnProbation(index, head)) return false;
    if (heads.length >= Math.min(this.#size, this.#bundle.sizeLimit, sizeLimit)) return false;
    if (this.#outside.separates(head)) return false;
    const larger = this.#bundle.with(head, sizeLimit);
    return (
      larger.expectedLandings >= this.#bundle.expectedLandings &&
      larger.logProbability >= this.#minLogProbability &&
      !cannotBeComposed(this.#speculation, larger.proposal()) &&
      !willFail(this.#speculation, larger.proposal())
    );
  }
}

type UndecidedAhead = WaitingHead["undecided"][number];

/** Heads to be built together. Their base is every undecided batch ahead of any of these heads that is likely to land. */
class Bundle {
  readonly heads: readonly WaitingHead[];
  /** The smallest size that one of the heads allows. Infinity when no head limits the size. */
  readonly sizeLimit: number;
  readonly #belief: Belief;
  /** The undecided batches ahead of any of the heads, by number. The heads themselves are left out. */
  readonly #undecided: ReadonlyMap<number, UndecidedAhead>;

  constructor(
    belief: Belief,
    heads: readonly WaitingHead[] = [],
    sizeLimit = Number.POSITIVE_INFINITY,
    undecided: ReadonlyMap<number, UndecidedAhead> = new Map(),
  ) {
    this.#belief = belief;
    this.heads = heads;
    this.sizeLimit = sizeLimit;
    this.#undecided = undecided;
  }

  /** A copy with one more head, which allows bundles of at most `sizeLimit` heads. */
  with(head: WaitingHead, sizeLimit: number): Bundle {
    const heads = [...this.heads, head];
    const undecided = new Map(this.#undecided);
    for (const other of head.undecided) undecided.set(other.index, other);
    for (const { index } of heads) undecided.delete(index);
    return new Bundle(this.#belief, heads, Math.min(this.sizeLimit, sizeLimit), undecided);
  }

  /**
   * How many batches one build of the bundle is expected to land: the number of heads, times the probability that its assumptions come true,
   * times the probability of each head to land. Example: two heads land with 0.9 each, and the assumptions come true with 0.8. The build is
   * expected to land 2 · 0.8 · 0.9 · 0.9 = 1.3 batches.
   */
  get expectedLandings(): number {
    return this.heads.reduce(
      (landings, { index }) => landings * this.#belief.landProbability(index),
      this.heads.length * Math.exp(this.logProbability),
    );
  }

  /** The build of the bundle on its likeliest path. */
  proposal(): BuildProposal {
    const assumedLanded = likelyToLand([...this.#undecided.values()]);
    return { heads: this.heads.map((head) => head.index), assumedLanded, logProbability: this.logProbability };
  }

  /** Natural logarithm of the probability that the bundle's assumptions about the batches ahead come true. */
  get logProbability(): number {
    let sum = 0;
    for (const { landProbability } of this.#undecided.values())
      sum += Math.log(Math.max(landProbability, 1 - landProbability));
    return sum;
  }
}

const isOnProbation = (index: QueueIndex, head: WaitingHead): boolean => index.batch(head.index).position === undefined;

/**
 * True when batch i may share a build: it lands with a probability of one half or more, so that it does not fail the bundle, and its strategy is
 * not PROMOTE. A request of strategy PROMOTE lands its own commits unchanged, so it is built alone.
 */
export const canJoinBundle = ({ index, belief }: Speculation, i: number): boolean =>
  belief.landProbability(i) >= 0.5 && index.batch(i).request.strategy !== "PROMOTE";

/** True when the head may share a build, and its likeliest path should be built: `needsNoBuild` is false of it. */
function isWaiting(speculation: Speculation, { index: i, undecided }: WaitingHead): boolean {
  const { index, running } = speculation;
  if (!canJoinBundle(speculation, i) || (index.anyPassEndsProbation(i) && running.has(i))) return false;
  return !needsNoBuild(speculation, { heads: [i], assumedLanded: likelyToLand(undecided), logProbability: 0 });
}

/**
 * How many heads a bundle with this head may have. Infinity when no bundle with the head has failed. After a bundle has failed, its heads that
 * have not landed are counted, and each of them allows bundles of a quarter of that number, rounded up. When several bundles with the head
 * have failed, the smallest such number counts. Quarters take about 2·log2(n) builds to find the head at fault among n, as halves do, in half
 * the time (Dorfman, 1943, with the order kept).
 *
 * Example: a bundle of eight failed, and two of its heads have landed since. Each of the other six allows bundles of two.
 */
function sizeLimitOf(index: QueueIndex, head: WaitingHead): number {
  let limit = Number.POSITIVE_INFINITY;
  for (const { passed, path } of index.evidenceOf(head.index)) {
    if (passed || path.heads.length < 2 || path.unappliable !== undefined) continue;
    const notLanded = path.heads.filter((id) => {
      const other = index.indexOf(id);
      return other !== undefined && !index.landed.has(other);
    }).length;
    limit = Math.min(limit, Math.max(1, Math.ceil(notLanded / 4)));
  }
  return limit;
}

/** The time at which the oldest of the heads was created. Infinity when there are none. */
const oldestOf = (index: QueueIndex, heads: readonly WaitingHead[]): number =>
  Math.min(...heads.map((head) => index.batch(head.index).createdAt));
