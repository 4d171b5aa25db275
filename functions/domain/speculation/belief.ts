import { compareOrder } from "../batch.ts";
import { type Bits, countWithout, hasBit, members, noBits } from "../bits.ts";
import type { Fact, Field } from "../field.ts";
import type { Prediction } from "./scorer.ts";

/** How likely a batch is to land once a build of it has passed, but for conflicts that it has not met, and once one has failed. */
export const PROVEN = 0.998;
export const DISPROVEN = 0.015;
/** The most that is believed of a batch that no likeliest guess is to assume. */
const LESS_THAN_HALF = 0.49;

/** How likely each batch is to land: what the scorer says, until a build says more; less with every conflict that it was not built with. */
export class Belief {
  readonly #field: Field;
  readonly #predict: (slot: number) => Prediction;
  /** How likely two batches that conflict are to fail together. */
  readonly #clash: number;
  readonly #known = new Map<number, number>();
  readonly #aheadOf = new Map<number, ReadonlySet<number>>();
  readonly #nothing: Bits;

  constructor(field: Field, predict: (slot: number) => Prediction, clash: number) {
    this.#field = field;
    this.#predict = predict;
    this.#clash = clash;
    this.#nothing = noBits(field.words);
  }

  lands(slot: number): number {
    const known = this.#known.get(slot);
    if (known !== undefined) return known;
    const probability = this.#judge(slot);
    this.#known.set(slot, probability);
    return probability;
  }

  #judge(slot: number): number {
    const field = this.#field;
    const state = field.batch(slot).state;
    if (state === "landing" || state === "landed") return 1;
    if (hasBit(field.lost, slot)) return 0;
    const facts = field.factsOf(slot);
    const passed = facts.filter((fact) => fact.passed);
    const trees = passed.length > 0 ? passed.map(({ tree }) => tree) : [this.#nothing];
    const prior = passed.length > 0 ? PROVEN : this.#predict(slot).success;
    const unmet = Math.min(...trees.map((tree) => this.#unmet(slot, tree)));
    let lands = prior * (1 - this.#clash) ** unmet;
    for (const fact of facts) if (!fact.passed) lands = Math.min(lands, this.#landsDespite(fact, slot));
    return lands;
  }

  #ahead(slot: number): ReadonlySet<number> {
    let ahead = this.#aheadOf.get(slot);
    if (ahead === undefined) {
      ahead = new Set(this.#field.aheadOf(slot));
      this.#aheadOf.set(slot, ahead);
    }
    return ahead;
  }

  /** How many conflicting batches have landed, or are to land before it, that the tree does not hold. */
  #unmet(slot: number, tree: Bits): number {
    const field = this.#field;
    let count = countWithout(field.landed, tree, field.nearOf(slot));
    for (const other of this.#ahead(slot)) if (!hasBit(tree, other)) count++;
    return count;
  }

  /**
   * How likely it is to land after this failure: as far as another head may be the cause, or a conflict with something that will not
   * be there.
   */
  #landsDespite(fact: Fact, slot: number): number {
    if (fact.path.unappliable !== undefined) return this.#appliesDespite(fact, slot);
    if (!this.#isSuspect(fact, slot)) return 1;
    const field = this.#field;
    const own = field.hasPassed(slot) ? 0 : 1 - Math.min(PROVEN, this.#predict(slot).success);
    const met = this.#newlyMet(fact, slot);
    const landing = met.reduce((sum, other) => sum + this.lands(other), 0);
    const excused = (this.#clash * (met.length - landing)) / (own + this.#clash * met.length);
    return Math.max(DISPROVEN, 1 - (1 - excused) / this.#suspects(fact, slot));
  }

  /**
   * How likely the batch is to apply after all, since one of the batches that were composed below it does not land: the average chance of
   * that, since any of them may be the cause. Less than one half when each of them is expected to land, so that no guess assumes all of
   * them and the batch. Example: X was refused on {A, B}, which land with 0.9 and 0.7. X is believed to land with 0.2.
   */
  #appliesDespite({ tree }: Fact, slot: number): number {
    const field = this.#field;
    const below = [...members(field.without(tree, slot))].filter((other) => !hasBit(field.landed, other));
    const chances = below.map((other) => this.#landsBefore(other, slot));
    const average = chances.reduce((sum, chance) => sum + 1 - chance, 0) / Math.max(1, chances.length);
    const isMainGuess = chances.every((chance) => chance >= 0.5);
    return Math.max(DISPROVEN, isMainGuess ? Math.min(average, LESS_THAN_HALF) : average);
  }

  /** How likely `other` is to land before the batch. Asks no further about a batch that does not conflict with it: no order binds the two. */
  #landsBefore(other: number, slot: number): number {
    if (hasBit(this.#field.lost, other)) return 0;
    if (this.#ahead(slot).has(other)) return this.lands(other);
    return compareOrder(this.#field.batch(other), this.#field.batch(slot)) < 0
      ? Math.max(LESS_THAN_HALF, this.#predict(other).success)
      : 0;
  }

  /** Among how many batches the cause of a failure is to be sought; Infinity when one of them is lost already. */
  #suspects(fact: Fact, slot: number): number {
    const field = this.#field;
    let count = 1;
    for (const other of members(field.speaksFor === "tree" ? fact.tree : field.bitsOf(fact.path.heads))) {
      if (other === slot || hasBit(field.landed, other)) continue;
      if (hasBit(field.lost, other)) return Number.POSITIVE_INFINITY;
      if (this.#isSuspect(fact, other)) count++;
    }
    return count;
  }

  /** It has never passed; or it was a head here, and met something that it has passed with nowhere. */
  #isSuspect(fact: Fact, slot: number): boolean {
    const field = this.#field;
    if (!field.hasPassed(slot)) return true;
    return fact.path.heads.includes(field.batch(slot).id) && this.#newlyMet(fact, slot).length > 0;
  }

  /**
   * What conflicts with it and was in the tree, but in none of those with which it has passed. Nothing that goes behind it, as another
   * head of a bundle may: it can't fail for that one, and what is believed of that one hangs on this.
   */
  #newlyMet({ tree }: Fact, slot: number): number[] {
    const field = this.#field;
    const passed = field.factsOf(slot).filter((fact) => fact.passed);
    const ahead = this.#ahead(slot);
    const isBefore = (other: number) => ahead.has(other) || hasBit(field.landed, other) || hasBit(field.lost, other);
    return [...members(field.nearOf(slot))].filter(
      (other) => hasBit(tree, other) && isBefore(other) && !passed.some((fact) => hasBit(fact.tree, other)),
    );
  }
}
