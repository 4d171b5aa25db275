import { hasBit, members } from "../bits.ts";
import type { Fact, Field } from "../field.ts";
import type { Prediction } from "./scorer.ts";

/** How likely a batch is to land once a build that may still come true has passed, and once one has failed. */
export const PROVEN = 0.985;
export const DISPROVEN = 0.015;

/** How likely each batch is to land: what the scorer says, until a build says more. */
export class Belief {
  readonly #field: Field;
  readonly #predict: (slot: number) => Prediction;
  readonly #known = new Map<number, number>();

  constructor(field: Field, predict: (slot: number) => Prediction) {
    this.#field = field;
    this.#predict = predict;
  }

  lands(slot: number): number {
    const known = this.#known.get(slot);
    if (known !== undefined) return known;
    const probability = this.#judge(slot);
    this.#known.set(slot, probability);
    return probability;
  }

  #judge(slot: number): number {
    const state = this.#field.batch(slot).state;
    if (state === "landing" || state === "landed") return 1;
    if (hasBit(this.#field.lost, slot)) return 0;
    let suspects = Number.POSITIVE_INFINITY;
    for (const fact of this.#field.factsOf(slot)) {
      if (fact.passed) return PROVEN;
      suspects = Math.min(suspects, this.#suspects(fact, slot));
    }
    if (suspects === 1) return DISPROVEN;
    const prior = this.#predict(slot).success;
    return suspects === Number.POSITIVE_INFINITY ? prior : Math.min(prior, 1 - 1 / suspects);
  }

  /** Among how many unproven batches the cause of a failure is to be sought; Infinity when one of them is lost already. */
  #suspects(fact: Fact, slot: number): number {
    const field = this.#field;
    let count = 1;
    for (const other of members(field.speaksFor === "tree" ? fact.tree : field.bitsOf(fact.path.heads))) {
      if (other === slot || hasBit(field.landed, other)) continue;
      if (hasBit(field.lost, other)) return Number.POSITIVE_INFINITY;
      if (!field.factsOf(other).some((known) => known.passed)) count++;
    }
    return count;
  }
}
