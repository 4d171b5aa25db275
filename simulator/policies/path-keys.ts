import { streamOf } from "../random-streams.ts";

/**
 * Names a path of one change by 53 bits: the exclusive or of a random number per change that the path leaves out. Two different
 * sets of left-out changes get the same key with a probability of about 1 in 10^16.
 */
export type PathKey = number;

/** The keys of the paths of all changes, kept up to date as changes are rejected. */
export class PathKeys {
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #rejectedHigh: Uint32Array;
  readonly #rejectedLow: Uint32Array;

  /** `changes`: how many changes there are. */
  constructor(changes: number) {
    const stream = streamOf(0, "path-keys");
    const words = () => Uint32Array.from({ length: changes }, () => stream() * 2 ** 32);
    this.#high = words();
    this.#low = words();
    this.#rejectedHigh = new Uint32Array(changes);
    this.#rejectedLow = new Uint32Array(changes);
  }

  /**
   * The key of the path of `n` that leaves out the changes of `alsoRejected` and contains every other undecided conflicting change
   * ahead. Conflicting changes that were rejected are left out anyway and are not named in `alsoRejected`.
   *
   * Example: 7 conflicts with 2 (rejected), 4 and 5 (undecided). of(7, [5]) is "4 lands, 5 does not". When 5 is rejected later,
   * of(7, []) is the same key.
   */
  of(n: number, alsoRejected: readonly number[]): PathKey {
    let high = this.#rejectedHigh[n] ?? 0;
    let low = this.#rejectedLow[n] ?? 0;
    for (const other of alsoRejected) {
      high ^= this.#high[other] ?? 0;
      low ^= this.#low[other] ?? 0;
    }
    return (high >>> 0) * 2 ** 21 + (low >>> 11);
  }

  /** Takes into the path keys of `n` that `other`, a conflicting change ahead, does not land. */
  leaveOut(n: number, other: number): void {
    this.#rejectedHigh[n] = (this.#rejectedHigh[n] ?? 0) ^ (this.#high[other] ?? 0);
    this.#rejectedLow[n] = (this.#rejectedLow[n] ?? 0) ^ (this.#low[other] ?? 0);
  }
}
