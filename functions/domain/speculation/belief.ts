import { compareLandingOrder } from "../batch.ts";
import type { BitSet } from "../bit-set.ts";
import type { Evidence, QueueIndex } from "../queue-index.ts";
import type { Prediction } from "./scorer.ts";

/** How likely a batch is to land once a build of it has passed, but for conflicts that it has not met, and once one has failed. */
export const PROVEN = 0.998;
export const DISPROVEN = 0.015;
/** The most that is believed of a batch that no likeliest guess is to assume. */
const LESS_THAN_HALF = 0.49;

/** How likely each batch is to land: what the scorer says, until a build says more; less with every conflict that it was not built with. */
export class Belief {
  readonly #index: QueueIndex;
  readonly #predict: (i: number) => Prediction;
  /** How likely two batches that conflict are to fail together. */
  readonly #clash: number;
  readonly #known = new Map<number, number>();
  readonly #aheadOf = new Map<number, ReadonlySet<number>>();
  readonly #nothing: BitSet;

  constructor(index: QueueIndex, predict: (i: number) => Prediction, clash: number) {
    this.#index = index;
    this.#predict = predict;
    this.#clash = clash;
    this.#nothing = index.emptySet();
  }

  landProbability(i: number): number {
    const known = this.#known.get(i);
    if (known !== undefined) return known;
    const probability = this.#judge(i);
    this.#known.set(i, probability);
    return probability;
  }

  #judge(i: number): number {
    const index = this.#index;
    const state = index.batch(i).state;
    if (state === "landing" || state === "landed") return 1;
    if (index.neverLanding.has(i)) return 0;
    const evidence = index.evidenceOf(i);
    const passed = evidence.filter((build) => build.passed);
    const trees = passed.length > 0 ? passed.map(({ tree }) => tree) : [this.#nothing];
    const prior = passed.length > 0 ? PROVEN : this.#predict(i).success;
    const unmet = Math.min(...trees.map((tree) => this.#unmet(i, tree)));
    let lands = prior * (1 - this.#clash) ** unmet;
    for (const build of evidence) if (!build.passed) lands = Math.min(lands, this.#landsDespite(build, i));
    return lands;
  }

  #ahead(i: number): ReadonlySet<number> {
    let ahead = this.#aheadOf.get(i);
    if (ahead === undefined) {
      ahead = new Set(this.#index.undecidedAhead(i));
      this.#aheadOf.set(i, ahead);
    }
    return ahead;
  }

  /** How many conflicting batches have landed, or are to land before it, that the tree does not hold. */
  #unmet(i: number, tree: BitSet): number {
    const index = this.#index;
    let count = index.landed.countMissingIn(tree, index.unbypassedConflicts(i));
    for (const other of this.#ahead(i)) if (!tree.has(other)) count++;
    return count;
  }

  /**
   * How likely it is to land after this failure: as far as another head may be the cause, or a conflict with something that will not
   * be there.
   */
  #landsDespite(build: Evidence, i: number): number {
    if (build.path.unappliable !== undefined) return this.#appliesDespite(build, i);
    if (!this.#isSuspect(build, i)) return 1;
    const index = this.#index;
    const own = index.hasPassed(i) ? 0 : 1 - Math.min(PROVEN, this.#predict(i).success);
    const met = this.#newlyMet(build, i);
    const landing = met.reduce((sum, other) => sum + this.landProbability(other), 0);
    const excused = (this.#clash * (met.length - landing)) / (own + this.#clash * met.length);
    return Math.max(DISPROVEN, 1 - (1 - excused) / this.#suspects(build, i));
  }

  /**
   * How likely the batch is to apply after all, since one of the batches that were composed below it does not land: the average chance of
   * that, since any of them may be the cause. Less than one half when each of them is expected to land, so that no guess assumes all of
   * them and the batch. Example: X was refused on {A, B}, which land with 0.9 and 0.7. X is believed to land with 0.2.
   */
  #appliesDespite({ tree }: Evidence, i: number): number {
    const index = this.#index;
    const below = [...tree.without(i)].filter((other) => !index.landed.has(other));
    const chances = below.map((other) => this.#landsBefore(other, i));
    const average = chances.reduce((sum, chance) => sum + 1 - chance, 0) / Math.max(1, chances.length);
    const isMainGuess = chances.every((chance) => chance >= 0.5);
    return Math.max(DISPROVEN, isMainGuess ? Math.min(average, LESS_THAN_HALF) : average);
  }

  /** How likely `other` is to land before the batch. Asks no further about a batch that does not conflict with it: no order binds the two. */
  #landsBefore(other: number, i: number): number {
    if (this.#index.neverLanding.has(other)) return 0;
    if (this.#ahead(i).has(other)) return this.landProbability(other);
    return compareLandingOrder(this.#index.batch(other), this.#index.batch(i)) < 0
      ? Math.max(LESS_THAN_HALF, this.#predict(other).success)
      : 0;
  }

  /** Among how many batches the cause of a failure is to be sought; Infinity when one of them is lost already. */
  #suspects(build: Evidence, i: number): number {
    const index = this.#index;
    let count = 1;
    for (const other of index.tests === "everything" ? build.tree : index.bitsOf(build.path.heads)) {
      if (other === i || index.landed.has(other)) continue;
      if (index.neverLanding.has(other)) return Number.POSITIVE_INFINITY;
      if (this.#isSuspect(build, other)) count++;
    }
    return count;
  }

  /** It has never passed; or it was a head here, and met something that it has passed with nowhere. */
  #isSuspect(build: Evidence, i: number): boolean {
    const index = this.#index;
    if (!index.hasPassed(i)) return true;
    return build.path.heads.includes(index.batch(i).id) && this.#newlyMet(build, i).length > 0;
  }

  /**
   * What conflicts with it and was in the tree, but in none of those with which it has passed. Nothing that goes behind it, as another
   * head of a bundle may: it can't fail for that one, and what is believed of that one hangs on this.
   */
  #newlyMet({ tree }: Evidence, i: number): number[] {
    const index = this.#index;
    const passed = index.evidenceOf(i).filter((build) => build.passed);
    const ahead = this.#ahead(i);
    const isBefore = (other: number) => ahead.has(other) || index.landed.has(other) || index.neverLanding.has(other);
    return [...index.unbypassedConflicts(i)].filter(
      (other) => tree.has(other) && isBefore(other) && !passed.some((build) => build.tree.has(other)),
    );
  }
}
