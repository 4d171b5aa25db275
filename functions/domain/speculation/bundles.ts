import type { QueueIndex } from "../queue-index.ts";
import type { Belief } from "./belief.ts";
import { type BuildProposal, likelyToLand, type WaitingHead } from "./heads.ts";
import { OutsideBundle } from "./outside-bundle.ts";
import { cannotBeComposed, needsNoBuild, willFail } from "./proposals.ts";
import type { Speculation } from "./speculation.ts";

/** What bounds the bundles of one run. */
export interface BundleLimits {
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
 * Waiting heads are taken in landing order. A head joins the current bundle unless the bundle would be larger than `maxSize` or than one of
 * its heads allows (`sizeLimitOf`), the head differs from the bundle in being on probation, a head outside the bundle has to land in between,
 * the tree cannot be composed, or the larger bundle is expected to land fewer batches: every head adds its own chance of failing, and its own
 * assumptions. A head that does not join starts the next bundle. The last bundle, if it is not full, is returned once its oldest head has
 * waited `maxWaitMs`.
 *
 * Example: six heads wait, one slot is free, `maxSize` is 4. The bundles are [1, 2, 3, 4] and, after `maxWaitMs`, [5, 6]. Should
 * [1, 2, 3, 4] fail, each of its heads allows a quarter of four: 1 is then built alone, also when a new head with a higher priority waits
 * ahead of 1.
 */
export function bundleProposals(
  speculation: Speculation,
  limits: BundleLimits,
  now: number,
): BuildProposal[] | undefined {
  const { index, belief, heads, inBundles } = speculation;
  const { maxSize, maxWaitMs, free, minLogProbability } = limits;
  const waiting = new Set(heads.filter((head) => !inBundles.has(head.index) && isWaiting(speculation, head)));
  if (waiting.size <= free) return undefined;
  const size = Math.min(maxSize, Math.ceil(waiting.size / free));
  const found: BuildProposal[] = [];
  let bundle = new Bundle(belief);
  let outside = new OutsideBundle();
  const close = () => {
    if (bundle.heads.length > 0 && bundle.logProbability >= minLogProbability) found.push(bundle.proposal());
    bundle = new Bundle(belief);
    outside = new OutsideBundle();
  };
  const mayGrow = (head: WaitingHead, sizeLimit: number): boolean => {
    const [first = head] = bundle.heads;
    if (isOnProbation(index, first) !== isOnProbation(index, head)) return false;
    if (bundle.heads.length >= Math.min(size, bundle.sizeLimit, sizeLimit)) return false;
    if (outside.separates(head)) return false;
    const larger = bundle.with(head, sizeLimit);
    return (
      larger.expectedLandings >= bundle.expectedLandings &&
      larger.logProbability >= minLogProbability &&
      !cannotBeComposed(speculation, larger.proposal()) &&
      !willFail(speculation, larger.proposal())
    );
  };
  for (const head of heads) {
    if (inBundles.has(head.index)) close();
    if (!waiting.has(head)) {
      outside.pass(head);
      continue;
    }
    const sizeLimit = sizeLimitOf(index, head);
    if (!mayGrow(head, sizeLimit)) close();
    bundle = bundle.with(head, sizeLimit);
    outside.enter(head);
    if (bundle.sizeLimit <= 1) close();
  }
  if (bundle.heads.length >= size || now - oldestOf(index, bundle.heads) >= maxWaitMs) close();
  return found;
}

type UndecidedAhead = WaitingHead["undecided"][number];

/** Heads to be built together, on every batch ahead of any of them that is likely to land. */
class Bundle {
  readonly heads: readonly WaitingHead[];
  /** The smallest size that one of the heads allows. Infinity when no head limits the size. */
  readonly sizeLimit: number;
  readonly #belief: Belief;
  /** The undecided batches ahead of any head, without the heads themselves. */
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
   * How many landings to expect of one build of the bundle: its size, times the probability that its assumptions come true, times that of
   * each head. Example: two heads that land with 0.9 each, on assumptions that come true with 0.8: 2 · 0.8 · 0.9 · 0.9 = 1.3.
   */
  get expectedLandings(): number {
    return this.heads.reduce(
      (landings, { index }) => landings * this.#belief.landProbability(index),
      this.heads.length * Math.exp(this.logProbability),
    );
  }

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
 * True when the batch may share a build. A batch that will probably fail would fail the others with it. A request of
 * strategy PROMOTE lands its own commits unchanged, so it is built alone.
 */
export const canJoinBundle = ({ index, belief }: Speculation, i: number): boolean =>
  belief.landProbability(i) >= 0.5 && index.batch(i).request.strategy !== "PROMOTE";

/** True when the head may share a build, and its likeliest path is neither being built nor decided. */
function isWaiting(speculation: Speculation, { index: i, undecided }: WaitingHead): boolean {
  const { index, running } = speculation;
  if (!canJoinBundle(speculation, i) || (index.provesItself(i) && running.has(i))) return false;
  return !needsNoBuild(speculation, { heads: [i], assumedLanded: likelyToLand(undecided), logProbability: 0 });
}

/**
 * How many heads a bundle with this head may have. After a bundle has failed, each of its heads allows a quarter of those of its heads that
 * have not landed, and at least one: that takes about 2·log2(n) builds to find the head at fault, as with halves, in half the time (Dorfman,
 * 1943, with the order kept). The smallest such quarter when several bundles with the head have failed; Infinity when none has.
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

const oldestOf = (index: QueueIndex, heads: readonly WaitingHead[]): number =>
  Math.min(...heads.map((head) => index.batch(head.index).createdAt));
