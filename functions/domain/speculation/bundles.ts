import type { Path } from "../batch.ts";
import { agreeWithin, hasBit, members } from "../bits.ts";
import type { Field } from "../field.ts";
import type { Belief } from "./belief.ts";
import {
  cannotBeComposed,
  isKnown,
  likelyOf,
  type Proposal,
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
export function bundles(
  field: Field,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  served: ReadonlySet<number>,
  limits: BundleLimits,
  now: number,
): Proposal[] | undefined {
  const { maxSize, maxWaitMs, free, least } = limits;
  const waiting = new Set(
    heads.flatMap((head) => (!served.has(head.slot) && isWaiting(field, belief, running, head) ? [head.slot] : [])),
  );
  if (waiting.size <= free) return undefined;
  const size = Math.min(maxSize, Math.ceil(waiting.size / free));
  const found: Proposal[] = [];
  const isBetter = (larger: Group, than: Group) =>
    larger.worth >= than.worth && larger.logProbability >= least && !cannotBeComposed(field, belief, larger.proposal());
  let group = new Group(belief);
  let outside = new Outside();
  const close = () => {
    if (group.heads.length > 0 && group.logProbability >= least) found.push(group.proposal());
    group = new Group(belief);
    outside = new Outside();
  };
  for (const head of heads) {
    if (served.has(head.slot)) close();
    if (!waiting.has(head.slot)) {
      outside.pass(head);
      continue;
    }
    const [first = head] = group.heads;
    const isOfAKind = hasPlace(field, first) === hasPlace(field, head);
    const isFull = group.heads.length >= Math.min(size, limitOf(field, first));
    if (!isOfAKind || isFull || outside.cutsOff(head) || !isBetter(group.with(head), group)) close();
    group = group.with(head);
    outside.enter(head);
    if (limitOf(field, head) <= 1) close();
  }
  if (group.heads.length >= size || now - oldestOf(field, group.heads) >= maxWaitMs) close();
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
export function inBundles(field: Field, heads: readonly WaitingHead[]): ReadonlySet<number> {
  const served = new Set<number>();
  let last = -1;
  for (const bundle of standing(field, heads)) {
    const [first] = bundle.heads;
    if (first === undefined || first.rank <= last || areApart(bundle.heads, heads)) continue;
    if (!isAsGuessed(field, bundle)) continue;
    for (const { slot, rank } of bundle.heads) {
      served.add(slot);
      last = rank;
    }
  }
  return served;
}

/** The bundles that may yet land as they are: each head that has not landed is waiting. Those that go first, first. */
function standing(field: Field, heads: readonly WaitingHead[]): Bundled[] {
  const live = field.batches.flatMap(({ paths }) => paths.filter(isLiveBundle));
  const waiting = new Map(live.length > 0 ? heads.map((head) => [head.slot, head]) : []);
  const found: Bundled[] = [];
  for (const path of live) {
    const together = [...members(field.bitsOf(path.heads))].filter((slot) => !hasBit(field.landed, slot));
    const known = together.flatMap((slot) => waiting.get(slot) ?? []);
    if (known.length < together.length || field.isOutdated(path)) continue;
    found.push({ path, heads: known.sort((a, b) => a.rank - b.rank) });
  }
  return found.sort((a, b) => (a.heads[0]?.rank ?? 0) - (b.heads[0]?.rank ?? 0));
}

const isLiveBundle = ({ heads, state }: Path): boolean =>
  heads.length > 1 && (state === "building" || state === "passed");

function isAsGuessed(field: Field, { heads, path }: Bundled): boolean {
  const slots = heads.map(({ slot }) => slot);
  const guess = treeOf(field, { heads: slots, landing: heads.flatMap(({ open }) => likelyOf(open)) });
  const tree = field.treeOf(path);
  return slots.every((slot) => agreeWithin(tree, guess, field.reckonedBy(slot)));
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
  enter({ slot }: WaitingHead): void {
    this.#inside.add(slot);
  }

  /** The head is not. */
  pass(head: WaitingHead): void {
    if (this.cutsOff(head) || head.open.some(({ slot }) => this.#inside.has(slot))) this.#behind.add(head.slot);
  }

  /** The head hangs on one outside that hangs on one inside: with it, the group could never land as one. */
  cutsOff({ open }: WaitingHead): boolean {
    return open.some(({ slot }) => this.#behind.has(slot));
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
    for (const other of head.open) open.set(other.slot, other);
    for (const { slot } of heads) open.delete(slot);
    return new Group(this.#belief, heads, open);
  }

  /** How many landings are to be expected of one build of it. */
  get worth(): number {
    return this.heads.reduce(
      (worth, { slot }) => worth * this.#belief.lands(slot),
      this.heads.length * Math.exp(this.logProbability),
    );
  }

  proposal(): Proposal {
    const landing = likelyOf([...this.#open.values()]);
    return { heads: this.heads.map((head) => head.slot), landing, logProbability: this.logProbability };
  }

  /** That its guess about everything ahead comes true. */
  get logProbability(): number {
    let sum = 0;
    for (const { lands } of this.#open.values()) sum += Math.log(Math.max(lands, 1 - lands));
    return sum;
  }
}

type Open = WaitingHead["open"][number];

const hasPlace = (field: Field, { slot }: WaitingHead): boolean => field.batch(slot).order !== undefined;

/** What will probably fail would take the others with it; and a promoted commit is the trunk's, to the bit. */
export const canShare = (field: Field, belief: Belief, slot: number): boolean =>
  belief.lands(slot) >= 0.5 && !field.batch(slot).members.some((member) => member.strategy === "PROMOTE");

/** Its main guess is not being built, and has no verdict yet. */
function isWaiting(field: Field, belief: Belief, running: Running, head: WaitingHead): boolean {
  const { slot, open } = head;
  if (!canShare(field, belief, slot) || (field.provesItself(slot) && running.has(slot))) return false;
  return !isKnown(field, belief, running, { heads: [slot], landing: likelyOf(open), logProbability: 0 });
}

/** How many may share a bundle with it: a quarter of the suspects of the smallest failed bundle that speaks for it. */
function limitOf(field: Field, { slot }: WaitingHead): number {
  let limit = Number.POSITIVE_INFINITY;
  for (const fact of field.factsOf(slot)) {
    if (fact.passed || fact.path.heads.length < 2 || fact.path.unappliable !== undefined) continue;
    const suspects = fact.path.heads.filter((id) => {
      const other = field.slotOf(id);
      return other !== undefined && !hasBit(field.landed, other);
    }).length;
    limit = Math.min(limit, Math.max(1, Math.ceil(suspects / 4)));
  }
  return limit;
}

const oldestOf = (field: Field, group: readonly WaitingHead[]): number =>
  Math.min(...group.map(({ slot }) => field.batch(slot).createdAt));
