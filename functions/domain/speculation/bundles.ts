import { hasBit } from "../bits.ts";
import type { Field } from "../field.ts";
import type { Belief } from "./belief.ts";
import { isKnown, likelyOf, type Proposal, type Running, type WaitingHead } from "./proposals.ts";

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
 * it hangs on everything that any of its heads hangs on. One that has failed is searched by halves: about log2(n)
 * builds find the culprit, and what they prove of the others stays proven (Dorfman, 1943, with the order kept).
 */
export function bundles(
  field: Field,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  limits: BundleLimits,
  now: number,
): Proposal[] | undefined {
  const { maxSize, maxWaitMs, free, least } = limits;
  const waiting = heads.filter((head) => isWaiting(field, belief, running, head));
  if (waiting.length <= free) return undefined;
  const size = Math.min(maxSize, Math.ceil(waiting.length / free));
  const found: Proposal[] = [];
  const isBetter = (larger: Group, than: Group) => larger.worth >= than.worth && larger.logProbability >= least;
  let group = new Group(belief);
  const close = () => {
    if (group.heads.length > 0 && group.logProbability >= least) found.push(group.proposal());
    group = new Group(belief);
  };
  for (const head of waiting) {
    const [first = head] = group.heads;
    const isOfAKind = hasPlace(field, first) === hasPlace(field, head);
    const larger = group.with(head);
    if (!isOfAKind || group.heads.length >= Math.min(size, limitOf(field, first)) || !isBetter(larger, group)) close();
    group = group.with(head);
    if (limitOf(field, head) <= 1) close();
  }
  if (group.heads.length >= size || now - oldestOf(field, group.heads) >= maxWaitMs) close();
  return found;
}

/** Heads to be built together, on everything ahead of any of them that will probably land. */
class Group {
  readonly heads: readonly WaitingHead[];
  readonly #belief: Belief;
  /** Of everything undecided ahead of any of the heads, and not among them, the probability that it lands. */
  readonly #open: ReadonlyMap<number, number>;

  constructor(belief: Belief, heads: readonly WaitingHead[] = [], open: ReadonlyMap<number, number> = new Map()) {
    this.#belief = belief;
    this.heads = heads;
    this.#open = open;
  }

  with(head: WaitingHead): Group {
    const heads = [...this.heads, head];
    const open = new Map(this.#open);
    for (const { slot, lands } of head.open) open.set(slot, lands);
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
    const landing = [...this.#open].flatMap(([slot, lands]) => (lands >= 0.5 ? [slot] : []));
    return { heads: this.heads.map((head) => head.slot), landing, logProbability: this.logProbability };
  }

  /** That its guess about everything ahead comes true. */
  get logProbability(): number {
    let sum = 0;
    for (const lands of this.#open.values()) sum += Math.log(Math.max(lands, 1 - lands));
    return sum;
  }
}

const hasPlace = (field: Field, { slot }: WaitingHead): boolean => field.batch(slot).order !== undefined;

/** What will probably fail would take the others with it; and a promoted commit is the trunk's, to the bit. */
export const canShare = (field: Field, belief: Belief, slot: number): boolean =>
  belief.lands(slot) >= 0.5 && !field.batch(slot).members.some((member) => member.strategy === "PROMOTE");

/** Its main guess is not being built, and has no verdict yet. */
function isWaiting(field: Field, belief: Belief, running: Running, head: WaitingHead): boolean {
  const { slot, open } = head;
  if (!canShare(field, belief, slot)) return false;
  return !isKnown(field, belief, running, { heads: [slot], landing: likelyOf(open), logProbability: 0 });
}

/** How many may share a bundle with it: half of the suspects of the smallest failed bundle that it leads. */
function limitOf(field: Field, { slot }: WaitingHead): number {
  let limit = Number.POSITIVE_INFINITY;
  for (const fact of field.factsOf(slot)) {
    if (fact.passed || fact.path.heads.length < 2) continue;
    const suspects = fact.path.heads.filter((id) => {
      const other = field.slotOf(id);
      return other !== undefined && !hasBit(field.landed, other);
    }).length;
    limit = Math.min(limit, Math.max(1, suspects >> 1));
  }
  return limit;
}

const oldestOf = (field: Field, group: readonly WaitingHead[]): number =>
  Math.min(...group.map(({ slot }) => field.batch(slot).createdAt));
