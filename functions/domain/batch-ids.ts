import type { BatchId } from "../contracts/ids.ts";
import type { Batch } from "./batch.ts";
import { BitSet } from "./bit-set.ts";

/** Turns the ids of live batches into their numbers in a queue index, and lists of ids into sets of numbers. */
export class BatchIds {
  readonly #count: number;
  readonly #batches: readonly Batch[];
  readonly #indexById: ReadonlyMap<BatchId, number>;
  /** At [arrival - first arrival]: the number of the batch with that arrival; -1 where there is none. */
  readonly #indexByArrival: Int32Array;
  readonly #firstArrival: number;

  /** `batches` are sorted by arrival. The first gets number 0. */
  constructor(batches: readonly Batch[]) {
    this.#batches = batches;
    this.#count = batches.length;
    this.#firstArrival = batches[0]?.arrival ?? 0;
    this.#indexById = new Map(batches.map((batch, i) => [batch.id, i]));
    this.#indexByArrival = new Int32Array((batches.at(-1)?.arrival ?? 0) - this.#firstArrival + 1).fill(-1);
    batches.forEach((batch, i) => {
      this.#indexByArrival[batch.arrival - this.#firstArrival] = i;
    });
  }

  /** The number of a batch. Undefined for a batch that has been archived: it conflicts with no unfinished batch. */
  indexOf(id: BatchId): number | undefined {
    return this.#indexById.get(id);
  }

  /** The numbers of the batches that the lists name. Batches that have been archived are left out. */
  bitsOf(...lists: readonly (readonly BatchId[])[]): BitSet {
    const bits = BitSet.empty(this.#count);
    for (const list of lists) this.#addList(bits, list);
    return bits;
  }

  #addList(bits: BitSet, list: readonly BatchId[]): void {
    const known = arrivalsIn.get(list);
    if (known === undefined) {
      const batches = list.map((id) => this.#batches[this.indexOf(id) ?? -1]);
      for (const batch of batches) if (batch !== undefined) bits.add(this.indexOf(batch.id) ?? -1);
      if (batches.every((batch) => batch !== undefined))
        arrivalsIn.set(
          list,
          Int32Array.from(batches, (batch) => batch.arrival),
        );
      return;
    }
    for (const arrival of known) {
      const i = this.#indexByArrival[arrival - this.#firstArrival] ?? -1;
      if (i >= 0) bits.add(i);
    }
  }
}

/**
 * By list of ids, the arrivals of the batches that the list names. A list is kept from the first time that all of its batches were live. The
 * lists of a path never change, and each run of the planner makes a new index and asks for most of the same lists again.
 */
const arrivalsIn = new WeakMap<readonly BatchId[], Int32Array>();
