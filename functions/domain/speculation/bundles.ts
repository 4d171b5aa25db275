import type { Path } from "../batch.ts";
import type { QueueIndex } from "../queue-index.ts";
import type { Belief } from "./belief.ts";
import {
  type BuildProposal,
  cannotBeComposed,
  likelyToLand,
  needsNoBuild,
  type Running,
  treeOf,
  type WaitingHead,
} from "./proposals.ts";

/**
 * How large a bundle may be, how long one that is not full may wait, how many slots of the budget are free, and the logarithm of the
 * least probability that is worth a build.
 */
export interface BundleLimits {
  readonly maxSize: number;
  readonly maxWaitMs: number;
  readonly free: number;
  readonly least: number;
}

/**
 * Groups for one build each, in order; undefined when there are slots for all that wait. A bundle is a run of waiting heads in landing
 * order, none of them likely to fail, on probation all of them or none, and as long as a longer one can be expected to land more:
 * it hangs on everything that any of its heads hangs on. One that has failed is searched by quarters: no more
 * builds than by halves, about 2·log2(n), in half the time, and what they prove of the others stays proven (Dorfman, 1943, with the
 * order kept).
 */
export function bundleProposals(
  index: QueueIndex,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  served: ReadonlySet<number>,
  limits: BundleLimits,
  now: number,
): BuildProposal[] | undefined {
  const { maxSize, maxWaitMs, free, least } = limits;
  const waiting = new Set(
    heads.flatMap((head) => (!served.has(head.index) && isWaiting(index, belief, running, head) ? [head.index] : [])),
  );
  if (waiting.size <= free) return undefined;
  const size = Math.min(maxSize, Math.ceil(waiting.size / free));
  const found: BuildProposal[] = [];
  const isBetter = (larger: Group, than: Group) =>
    larger.worth >= than.worth && larger.logProbability >= least && !cannotBeComposed(index, belief, larger.proposal());
  let group = new Group(belief);
  let outside = new Outside();
  const close = () => {
    if (group.heads.length > 0 && group.logProbability >= least) found.push(group.proposal());
    group = new Group(belief);
    outside = new Outside();
  };
  for (const head of heads) {
    if (served.has(head.index)) close();
    if (!waiting.has(head.index)) {
      outside.pass(head);
      continue;
    }
    const [first = head] = group.heads;
    const isOfAKind = hasPlace(index, first) === hasPlace(index, head);
    const isFull = group.heads.length >= Math.min(size, limitOf(index, first));
    if (!isOfAKind || isFull || outside.cutsOff(head) || !isBetter(group.with(head), group)) close();
    group = group.with(head);
    outside.enter(head);
    if (limitOf(index, head) <= 1) close();
  }
  if (group.heads.length >= size || now - oldestOf(index, group.heads) >= maxWaitMs) close();
  return found;
}

/** Heads that are built, or were, as one. */
interface Bundled {
  /** In landing order. */
  readonly heads: readonly WaitingHead[];
  readonly path: Path;
}

/**
 * The heads of bundles that are being built, or have passed and wait to land, on the likeliest guess about everything that any of them
 * hangs on: they need no other build for it. No two of these bundles overlap in landing order: they could wait for each other.
 */
export function headsInBundles(index: QueueIndex, heads: readonly WaitingHead[]): ReadonlySet<number> {
  const served = new Set<number>();
  let last = -1;
  for (const bundle of liveBundles(index, heads)) {
    const [first] = bundle.heads;
    if (first === undefined || first.position <= last || areApart(bundle.heads, heads)) continue;
    if (!isAsGuessed(index, bundle)) continue;
    for (const { index: i, position: rank } of bundle.heads) {
      served.add(i);
      last = rank;
    }
  }
  return served;
}

/** The bundles that may yet land as they are: each head that has not landed is waiting. Those that go first, first. */
function liveBundles(index: QueueIndex, heads: readonly WaitingHead[]): Bundled[] {
  const live = index.batches.flatMap(({ paths }) => paths.filter(isLiveBundle));
  const waiting = new Map(live.length > 0 ? heads.map((head) => [head.index, head]) : []);
  const found: Bundled[] = [];
  for (const path of live) {
    const together = [...index.bitsOf(path.heads)].filter((i) => !index.landed.has(i));
    const known = together.flatMap((i) => waiting.get(i) ?? []);
    if (known.length < together.length || index.isOutdated(path)) continue;
    found.push({ path, heads: known.sort((a, b) => a.position - b.position) });
  }
  return found.sort((a, b) => (a.heads[0]?.position ?? 0) - (b.heads[0]?.position ?? 0));
}

const isLiveBundle = ({ heads, state }: Path): boolean =>
  heads.length > 1 && (state === "building" || state === "passed");

function isAsGuessed(index: QueueIndex, { heads, path }: Bundled): boolean {
  const indexes = heads.map(({ index: i }) => i);
  const guess = treeOf(index, {
    heads: indexes,
    assumedLanded: heads.flatMap(({ undecided: open }) => likelyToLand(open)),
  });
  const tree = index.treeOf(path);
  return indexes.every((i) => tree.agreesWith(guess, index.relevantConflicts(i)));
}

/** One of them hangs on another outside that hangs on one of them: they can't land as one. */
function areApart(together: readonly WaitingHead[], heads: readonly WaitingHead[]): boolean {
  const inside = new Set(together);
  const outside = new Outside();
  return heads.some((head) => {
    if (!inside.has(head)) outside.pass(head);
    else if (outside.cutsOff(head)) return true;
    else outside.enter(head);
    return false;
  });
}

/** Who, outside a group, hangs on it. Told of all heads in landing order: nobody hangs on one that comes later. */
class Outside {
  readonly #inside = new Set<number>();
  /** They hang on one inside, or on one that does. */
  readonly #behind = new Set<number>();

  /** The head is of the group. */
  enter({ index: i }: WaitingHead): void {
    this.#inside.add(i);
  }

  /** The head is not. */
  pass(head: WaitingHead): void {
    if (this.cutsOff(head) || head.undecided.some(({ index: i }) => this.#inside.has(i))) this.#behind.add(head.index);
  }

  /** The head hangs on one outside that hangs on one inside: with it, the group could never land as one. */
  cutsOff({ undecided: open }: WaitingHead): boolean {
    return open.some(({ index: i }) => this.#behind.has(i));
  }
}

/** Heads to be built together, on everything ahead of any of them that will probably land. */
class Group {
  readonly heads: readonly WaitingHead[];
  readonly #belief: Belief;
  /** Everything undecided ahead of any of the heads, and not among them. */
  readonly #open: ReadonlyMap<number, Open>;

  constructor(belief: Belief, heads: readonly WaitingHead[] = [], open: ReadonlyMap<number, Open> = new Map()) {
    this.#belief = belief;
    this.heads = heads;
    this.#open = open;
  }

  with(head: WaitingHead): Group {
    const heads = [...this.heads, head];
    const open = new Map(this.#open);
    for (const other of head.undecided) open.set(other.index, other);
    for (const { index: i } of heads) open.delete(i);
    return new Group(this.#belief, heads, open);
  }

  /** How many landings are to be expected of one build of it. */
  get worth(): number {
    return this.heads.reduce(
      (worth, { index: i }) => worth * this.#belief.landProbability(i),
      this.heads.length * Math.exp(this.logProbability),
    );
  }

  proposal(): BuildProposal {
    const assumedLanded = likelyToLand([...this.#open.values()]);
    return { heads: this.heads.map((head) => head.index), assumedLanded, logProbability: this.logProbability };
  }

  /** That its guess about everything ahead comes true. */
  get logProbability(): number {
    let sum = 0;
    for (const { landProbability: lands } of this.#open.values()) sum += Math.log(Math.max(lands, 1 - lands));
    return sum;
  }
}

type Open = WaitingHead["undecided"][number];

const hasPlace = (index: QueueIndex, { index: i }: WaitingHead): boolean => index.batch(i).position !== undefined;

/** What will probably fail would take the others with it; and a promoted commit is the trunk's, to the bit. */
export const canJoinBundle = (index: QueueIndex, belief: Belief, i: number): boolean =>
  belief.landProbability(i) >= 0.5 && !index.batch(i).members.some((member) => member.strategy === "PROMOTE");

/** Its main guess is not being built, and has no verdict yet. */
function isWaiting(index: QueueIndex, belief: Belief, running: Running, head: WaitingHead): boolean {
  const { index: i, undecided: open } = head;
  if (!canJoinBundle(index, belief, i) || (index.provesItself(i) && running.has(i))) return false;
  return !needsNoBuild(index, belief, running, { heads: [i], assumedLanded: likelyToLand(open), logProbability: 0 });
}

/** How many may share a bundle with it: a quarter of the suspects of the smallest failed bundle that speaks for it. */
function limitOf(index: QueueIndex, { index: i }: WaitingHead): number {
  let limit = Number.POSITIVE_INFINITY;
  for (const build of index.evidenceOf(i)) {
    if (build.passed || build.path.heads.length < 2 || build.path.unappliable !== undefined) continue;
    const suspects = build.path.heads.filter((id) => {
      const other = index.indexOf(id);
      return other !== undefined && !index.landed.has(other);
    }).length;
    limit = Math.min(limit, Math.max(1, Math.ceil(suspects / 4)));
  }
  return limit;
}

const oldestOf = (index: QueueIndex, group: readonly WaitingHead[]): number =>
  Math.min(...group.map(({ index: i }) => index.batch(i).createdAt));
