import type { Batch } from "./batch.ts";
import type { BitSet } from "./bit-set.ts";

/** Which live batches had landed at a given time. A batch is known by its index in the list of batches, as in the queue index. */
export class LandingTimes {
  /** For each time at which a batch landed, earliest first: all batches that had landed by then. */
  readonly #steps: readonly { readonly at: number; readonly landed: BitSet }[];

  /** `none`: an empty set with room for the indexes of all batches. */
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

  /**
   * The batches that had landed by the time `at`, or at that very time. Undefined when none had. Example: A landed at 5 and B at 9. By 7 and
   * by 5, {A} had landed.
   */
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
