import type { Batch } from "./batch.ts";
import type { BitSet } from "./bit-set.ts";

/** Which live batches had landed at a given time. */
export class LandingTimes {
  /** By time, earliest first: the batches that had landed by then. */
  readonly #steps: readonly { readonly at: number; readonly landed: BitSet }[];

  /** `none`: an empty set that can hold the number of each of the batches. */
  constructor(batches: readonly Batch[], none: BitSet) {
    const landed = none.copy();
    this.#steps = batches
      .flatMap((batch, i) => (batch.state === "landed" ? [{ at: batch.endedAt ?? 0, i }] : []))
      .sort((a, b) => a.at - b.at)
      .map(({ at, i }) => {
        landed.add(i);
        return { at, landed: landed.copy() };
      });
  }

  /** The batches that had landed at the time `at`. Undefined when none had. Example: A landed at 5 and B at 9; by 7, {A} had landed. */
  landedBy(at: number): BitSet | undefined {
    let [from, to] = [0, this.#steps.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#steps[middle]?.at ?? 0) <= at) from = middle + 1;
      else to = middle;
    }
    return this.#steps[from - 1]?.landed;
  }
}
