import { type Batch, conflictsOnArrival } from "./batch.ts";
import type { BatchIds } from "./batch-ids.ts";
import { BitSet } from "./bit-set.ts";

/** Which live batches conflict with which, and which of these conflicts matter to a verdict. Fixed when the index is made. */
export class ConflictIndex {
  readonly #batches: readonly Batch[];
  readonly #none: BitSet;
  readonly #conflicts: readonly BitSet[];
  /** Per batch on probation: its conflicts that arrived before it, and those of them that had a position when it arrived. */
  readonly #earlier = new Map<number, { readonly all: BitSet; readonly positioned: BitSet }>();
  /** Per batch that was bypassed: its conflicts without the batches that bypassed it. */
  readonly #unbypassed = new Map<number, BitSet>();

  /**
   * `tests`, `exact`: as in `QueueIndexOptions`. Where only a tested tree may land, every two batches conflict, also batches that arrived while
   * the queue had another analyzer.
   */
  constructor(
    batches: readonly Batch[],
    ids: BatchIds,
    { tests, exact }: { readonly tests: "everything" | "affected"; readonly exact: boolean },
  ) {
    this.#batches = batches;
    this.#none = BitSet.empty(batches.length);
    const ended = batches.flatMap(({ endedAt }, i) => (endedAt === undefined ? [] : [i]));
    this.#conflicts = symmetric(
      batches.map(({ conflicts }, i) =>
        exact || conflicts === "every" ? unfinishedBefore(batches, i, ended) : ids.bitsOf(conflicts),
      ),
    );
    if (tests === "affected" && !exact)
      for (const [i, batch] of batches.entries()) this.#forgetBypassingBatches(batch, i, ids);
    batches.forEach((batch, i) => {
      if (batch.position === undefined) this.#earlier.set(i, this.#conflictsBefore(i, batch.nextPosition));
    });
  }

  /** The live batches that conflict with batch i. */
  conflictsOf(i: number): BitSet {
    return this.#conflicts[i] ?? this.#none;
  }

  /**
   * The conflicts of batch i, without the batches that landed before batch i by a bypass. Where builds test everything, and where only a
   * tested tree may land, a bypass removes no conflict, so these are all conflicts of batch i (`#forgetBypassingBatches`).
   *
   * Example: A and C conflict with B. C landed before B by a bypass. conflictsOf(B) is {A, C}, and unbypassedConflicts(B) is {A}.
   */
  unbypassedConflicts(i: number): BitSet {
    return this.#unbypassed.get(i) ?? this.conflictsOf(i);
  }

  /**
   * The conflicts that a passed build must have right to count as evidence for batch i: its tree and the trunk that batch i lands on hold the
   * same ones. Normally all conflicts, without the batches that bypassed batch i. For a batch on probation: only the conflicts that had a
   * position when it arrived, because every later arrival that lands would make its builds worthless.
   *
   * Example: A has position 1. P arrives on probation, then B gets position 2, and all three conflict. relevantConflicts(P) is {A}: a
   * passed build of {A, P} stays evidence for P when B lands.
   */
  relevantConflicts(i: number): BitSet {
    return this.#earlier.get(i)?.positioned ?? this.unbypassedConflicts(i);
  }

  /**
   * The conflicts that a failed build must have right to count against batch i. Normally all conflicts, also the batches that bypassed batch
   * i. For a batch on probation: the conflicts that arrived before it, since it cannot need a later arrival.
   *
   * Example: A needs B, and B lands before A by a bypass. The earlier failure of {A} lacks B, so it no longer counts against A.
   */
  relevantToFailure(i: number): BitSet {
    return this.#earlier.get(i)?.all ?? this.conflictsOf(i);
  }

  /**
   * A batch that was bypassed no longer conflicts with the batch that bypassed it: the bypass required passing builds with and without it.
   *
   * Example: B landed before A, which is still undecided, because builds of {A, B} and of {B} had passed. A build of {A} that has passed is
   * evidence for A on a trunk that holds B: what B affects was tested with A, and what A affects was tested by {A}. (Uber, "Bypassing Large
   * Diffs", theorem 1.) A failed build of {A} is no evidence against A: B may be what A needs.
   *
   * This holds where builds test only what is affected. Where builds test everything, the build of {A, B} is evidence for A already. Where
   * nothing but a tested tree may land, it does not hold.
   */
  #forgetBypassingBatches(batch: Batch, i: number, ids: BatchIds): void {
    if (batch.state !== "landed") return;
    for (const id of batch.landing?.bypassed ?? []) {
      const bypassed = ids.indexOf(id);
      if (bypassed === undefined) continue;
      this.#unbypassed.set(bypassed, this.unbypassedConflicts(bypassed).without(i));
    }
  }

  /** all: the conflicts of batch i that arrived before it. positioned: the ones of `all` with a position lower than `position`. */
  #conflictsBefore(i: number, position: number): { all: BitSet; positioned: BitSet } {
    const all = this.conflictsOf(i).copy();
    // Batches are numbered by arrival.
    all.keepBelow(i);
    const positioned = all.copy();
    for (const other of all) if ((this.#batches[other]?.position ?? position) >= position) positioned.delete(other);
    return { all, positioned };
  }
}

/** The earlier arrivals that had not ended when batch i arrived. Batches are numbered by arrival. `ended`: the batches that have ended. */
function unfinishedBefore(batches: readonly Batch[], i: number, ended: readonly number[]): BitSet {
  const unfinished = BitSet.below(i, batches.length);
  for (const other of ended) {
    const [later, earlier] = [batches[i], batches[other]];
    if (other < i && later && earlier && !conflictsOnArrival(later, earlier)) unfinished.delete(other);
  }
  return unfinished;
}

/** Adds a to row b wherever row a holds b. Of two batches that conflict, only the later one names the other. */
function symmetric(rows: readonly BitSet[]): readonly BitSet[] {
  rows.forEach((row, i) => {
    for (const other of row) rows[other]?.add(i);
  });
  return rows;
}
