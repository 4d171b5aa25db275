import { type Bits, countWithout, hasBit, members, noBits } from "../bits.ts";
import type { Fact, Field } from "../field.ts";
import type { Prediction } from "./scorer.ts";

/** How likely a batch is to land once a build of it has passed, but for conflicts that it has not met, and once one has failed. */
export const PROVEN = 0.998;
export const DISPROVEN = 0.015;

/** How likely each batch is to land: what the scorer says, until a build says more; less with every conflict that it was not built with. */
export class Belief {
  readonly #field: Field;
  readonly #predict: (slot: number) => Prediction;
  /** How likely two batches that conflict are to fail together. */
  readonly #clash: number;
  readonly #known = new Map<number, number>();
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
    const state = this.#field.batch(slot).state;
    if (state === "landing" || state === "landed") return 1;
    if (hasBit(this.#field.lost, slot)) return 0;
    const facts = this.#field.factsOf(slot);
    const met = facts.flatMap((fact) => (fact.passed ? [this.#unmet(slot, fact.tree)] : []));
    if (met.length > 0) return PROVEN * (1 - this.#clash) ** Math.min(...met);
    let suspects = Number.POSITIVE_INFINITY;
    for (const fact of facts) suspects = Math.min(suspects, this.#suspects(fact, slot));
    if (suspects === 1) return DISPROVEN;
    const prior = this.#predict(slot).success * (1 - this.#clash) ** this.#unmet(slot, this.#nothing);
    return suspects === Number.POSITIVE_INFINITY ? prior : Math.min(prior, 1 - 1 / suspects);
  }

  /** How many conflicting batches have landed, or are to land before it, that the tree does not hold. */
  #unmet(slot: number, tree: Bits): number {
    const field = this.#field;
    let count = countWithout(field.landed, tree, field.nearOf(slot));
    for (const other of field.aheadOf(slot)) if (!hasBit(tree, other)) count++;
    return count;
  }

  /** Among how many unproven batches the cause of a failure is to be sought; Infinity when one of them is lost already. */
  #suspects(fact: Fact, slot: number): number {
    const field = this.#field;
    let count = 1;
    for (const other of members(field.speaksFor === "tree" ? fact.tree : field.bitsOf(fact.path.heads))) {
      if (other === slot || hasBit(field.landed, other)) continue;
      if (hasBit(field.lost, other)) return Number.POSITIVE_INFINITY;
      if (!field.hasPassed(other)) count++;
    }
    return count;
  }
}
