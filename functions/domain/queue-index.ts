import type { BatchId, BuildKey } from "../contracts/ids.ts";
import { type Batch, goesAhead, neverLands, type Path } from "./batch.ts";
import { addAll, addBit, type Bits, dropBit, hasBit, keepBelow, members, noBits, wordsFor } from "./bits.ts";

/**
 * A finished build: the tree `tree` (trunk + these batches) passed or failed. When the composition was refused at batch X, the tree is the
 * trunk, the batches composed before X, and X: composing A, X, H and being refused at X is the fact that {A, X} failed, and says nothing of H.
 */
export interface Evidence {
  readonly tree: Bits;
  readonly passed: boolean;
  readonly path: Path;
  /** The batches that may be the cause of a failure: what the build tested, or the whole tree when its composition was refused. */
  readonly tested: Bits;
}

export interface QueueIndexOptions {
  readonly since?: number | undefined;
  /** How often a failed build is repeated before it is a verdict. */
  readonly retries?: number;
  /** Nothing but a tested tree may land, bit for bit (analyzer `all`). */
  readonly exact?: boolean;
  /** tree: a build tests everything in its tree. heads: only what its heads affect, so it says nothing of those below them. */
  readonly tests?: "everything" | "affected";
}

/**
 * The queue's live batches as numbers and sets of numbers, so that questions about trees are questions about bits. Batches are
 * numbered by arrival. What each conflicts with and the trees of its builds are fixed when the field is made; whether it has
 * landed, or never will, is kept up to date by `note`.
 */
export class QueueIndex {
  readonly batches: Batch[];
  readonly words: number;
  /** conflicts[i]: the live batches that conflict with i. Symmetric. */
  readonly conflicts: readonly Bits[];
  /** Per batch on probation: its conflicts that arrived before it, and those of them that had a place when it arrived. */
  readonly #earlier = new Map<number, { readonly all: Bits; readonly placed: Bits }>();
  /** Per batch that was bypassed, where builds speak for their heads: its conflicts but for the batches that landed before it. */
  readonly #unbypassed = new Map<number, Bits>();
  readonly tests: "everything" | "affected";
  readonly retries: number;
  readonly landed: Bits;
  /** Those that will never land. */
  readonly neverLanding: Bits;
  readonly #indexById: ReadonlyMap<BatchId, number>;
  /** By arrival, counted from the first here; -1 where there is none any more. */
  readonly #indexByArrival: Int32Array;
  readonly #trees = new Map<BuildKey, Bits>();
  /** By time: what had landed by then. */
  readonly #landings: readonly { readonly at: number; readonly landed: Bits }[];
  readonly #evidence: Evidence[][];
  /** The failures to compose, each with the batch that did not apply. */
  readonly refusals: { readonly i: number; readonly build: Evidence }[] = [];
  readonly #since: number;

  /** Builds proposed before `since` are evidence of nothing. */
  constructor(
    batches: readonly Batch[],
    { since = 0, tests = "everything", retries = 0, exact = false }: QueueIndexOptions = {},
  ) {
    this.#since = since;
    this.tests = tests;
    this.retries = retries;
    this.batches = [...batches].sort((a, b) => a.arrival - b.arrival || (a.id < b.id ? -1 : 1));
    this.words = wordsFor(this.batches.length);
    this.#indexById = new Map(this.batches.map((batch, i) => [batch.id, i]));
    this.#indexByArrival = new Int32Array((this.batches.at(-1)?.arrival ?? 0) - this.#firstArrival + 1).fill(-1);
    this.batches.forEach((batch, i) => {
      this.#indexByArrival[batch.arrival - this.#firstArrival] = i;
    });
    this.landed = noBits(this.words);
    this.neverLanding = noBits(this.words);
    for (const batch of this.batches) this.update(batch);
    this.#landings = this.#landingsByTime();
    this.conflicts = this.#neighbours();
    if (tests === "affected" && !exact) for (const batch of this.batches) this.#forgetBypassing(batch);
    this.batches.forEach((batch, i) => {
      if (batch.position === undefined) this.#earlier.set(i, this.#conflictsBefore(i, batch.nextPosition));
    });
    this.#evidence = this.batches.map(() => []);
    for (const batch of this.batches) for (const path of batch.paths) this.#record(path);
  }

  #landingsByTime(): { at: number; landed: Bits }[] {
    const landed = noBits(this.words);
    return this.batches
      .flatMap((batch, i) => (batch.state === "landed" ? [{ at: batch.endedAt ?? 0, i }] : []))
      .sort((a, b) => a.at - b.at)
      .map(({ at, i }) => {
        addBit(landed, i);
        return { at, landed: landed.slice() };
      });
  }

  /** Undefined when nothing that is still known of had landed by then. */
  #landedBy(at: number): Bits | undefined {
    let [from, to] = [0, this.#landings.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#landings[middle]?.at ?? 0) <= at) from = middle + 1;
      else to = middle;
    }
    return this.#landings[from - 1]?.landed;
  }

  #neighbours(): Bits[] {
    const conflicts = this.batches.map((batch) => this.bitsOf(batch.conflicts));
    conflicts.forEach((row, i) => {
      for (let w = 0; w < this.words; w++)
        for (let rest = row[w] ?? 0; rest !== 0; rest &= rest - 1) addBit(conflicts[lowestIn(w, rest)] ?? row, i);
    });
    return conflicts;
  }

  /**
   * A batch that was bypassed may land on a build without the batch B that bypassed it: B has passed with it and without it, and
   * what B affects is tested; so what the bypassed batch affects is, too (Uber, "Bypassing Large Diffs", theorem 1). A failure of the
   * bypassed batch without B is not excused by this: B may be what it needs. Where a build speaks for its whole tree, the bypass left a
   * passed build of both, and the rule is not needed; where nothing but a tested tree may land, it does not hold.
   */
  #forgetBypassing(batch: Batch): void {
    const i = this.#indexById.get(batch.id);
    if (batch.state !== "landed" || i === undefined) return;
    for (const id of batch.landing?.bypassed ?? []) {
      const other = this.#indexById.get(id);
      if (other === undefined) continue;
      const left = this.#unbypassed.get(other) ?? this.conflictsOf(other).slice();
      dropBit(left, i);
      this.#unbypassed.set(other, left);
    }
  }

  /** Batches are numbered by arrival. */
  #conflictsBefore(i: number, place: number): { all: Bits; placed: Bits } {
    const all = this.conflictsOf(i).slice();
    keepBelow(all, i);
    const placed = all.slice();
    for (const other of members(all)) if ((this.batch(other).position ?? place) >= place) dropBit(placed, other);
    return { all, placed };
  }

  #record(path: Path): void {
    if ((path.state !== "passed" && path.state !== "failed") || this.isOutdated(path)) return;
    if (path.unappliable !== undefined) {
      this.#recordRefusal(path, path.unappliable);
      return;
    }
    const tree = this.treeOf(path);
    const tested = this.tests === "everything" ? tree : this.bitsOf(path.heads);
    const build: Evidence = { tree, passed: path.state === "passed", path, tested };
    for (let w = 0; w < this.words; w++) {
      const open = (tested[w] ?? 0) & ~(this.landed[w] ?? 0);
      for (let rest = open; rest !== 0; rest &= rest - 1) this.#evidence[lowestIn(w, rest)]?.push(build);
    }
  }

  /** A refused composition is a fact about the batch that did not apply, and about no other. */
  #recordRefusal(path: Path, id: BatchId): void {
    const i = this.#indexById.get(id);
    if (i === undefined || hasBit(this.landed, i)) return;
    const composed = [...path.base, ...path.heads];
    const tree = this.bitsOf(composed.slice(0, composed.indexOf(id) + 1));
    const landed = this.#landedBy(path.startedAt);
    if (landed) addAll(tree, landed);
    const build: Evidence = { tree, passed: false, path, tested: tree };
    this.#evidence[i]?.push(build);
    this.refusals.push({ i, build });
  }

  /** The batch has changed its state. Trees and conflicts do not. */
  update(batch: Batch): void {
    const i = this.#indexById.get(batch.id);
    if (i === undefined) throw new Error(`${batch.id} is not in the index`);
    this.batches[i] = batch;
    if (batch.state === "landed") addBit(this.landed, i);
    if (neverLands(batch)) addBit(this.neverLanding, i);
  }

  isOutdated(path: Path): boolean {
    return path.startedAt < this.#since;
  }

  /** Undefined for a batch that has been archived: nothing unfinished conflicts with it. */
  indexOf(id: BatchId): number | undefined {
    return this.#indexById.get(id);
  }

  batch(i: number): Batch {
    const batch = this.batches[i];
    if (batch === undefined) throw new Error(`there is no batch ${i}`);
    return batch;
  }

  /** The live batches that conflict with the batch. */
  conflictsOf(i: number): Bits {
    return this.conflicts[i] ?? noBits(this.words);
  }

  /** The conflicts that a passed build must have right: all but those that `#forgetBypassing` leaves out. */
  unbypassedConflicts(i: number): Bits {
    return this.#unbypassed.get(i) ?? this.conflictsOf(i);
  }

  /**
   * The conflicts that a build must have right to be of use to the batch. Normally all. For a batch on probation: only those that had a
   * place when it arrived, because every later arrival that lands would make its builds worthless.
   */
  relevantConflicts(i: number): Bits {
    return this.#earlier.get(i)?.placed ?? this.unbypassedConflicts(i);
  }

  /**
   * The conflicts that a failed build must have right to count against the batch. Normally all, also those that bypassed the batch: when
   * B, which A needs, lands before A, the earlier failure of A without B says nothing any more. For a batch on probation: those that
   * arrived before it, since a later arrival can't be what it needs.
   */
  relevantToFailure(i: number): Bits {
    return this.#earlier.get(i)?.all ?? this.conflictsOf(i);
  }

  bitsOf(...lists: readonly (readonly BatchId[])[]): Bits {
    const bits = noBits(this.words);
    for (const list of lists) this.#addList(bits, list);
    return bits;
  }

  #addList(bits: Bits, list: readonly BatchId[]): void {
    const known = arrivalsIn.get(list);
    if (known === undefined) {
      const indexes = list.map((id) => this.#indexById.get(id));
      for (const i of indexes) if (i !== undefined) addBit(bits, i);
      if (!indexes.includes(undefined))
        arrivalsIn.set(
          list,
          Int32Array.from(indexes, (i) => this.batch(i ?? 0).arrival),
        );
      return;
    }
    for (const arrival of known) {
      const i = this.#indexByArrival[arrival - this.#firstArrival] ?? -1;
      if (i >= 0) addBit(bits, i);
    }
  }

  get #firstArrival(): number {
    return this.batches[0]?.arrival ?? 0;
  }

  /** Trunk as it was when the path was proposed, its base and its heads: what the build is known to contain. */
  treeOf(path: Path): Bits {
    const known = this.#trees.get(path.buildKey);
    if (known) return known;
    const tree = this.bitsOf(path.heads, path.base);
    const landed = this.#landedBy(path.startedAt);
    if (landed) addAll(tree, landed);
    this.#trees.set(path.buildKey, tree);
    return tree;
  }

  /**
   * The batches that a failure may be due to by being in the tree: all, or, where builds test their heads alone, the conflicts of the heads.
   * What conflicts with a head that has been archived is not known any more.
   */
  reachOf({ tree, path }: Evidence): Bits {
    if (this.tests === "everything" || path.unappliable !== undefined) return tree;
    const reach = noBits(this.words);
    for (const id of path.heads) {
      const head = this.#indexById.get(id);
      if (head === undefined) return tree;
      addAll(reach, this.conflictsOf(head));
    }
    return reach;
  }

  /** True when every batch that the build tested is live. Of one that has landed and was archived, nothing can be said that would clear it. */
  knowsTested({ path: { base, heads } }: Evidence): boolean {
    const isKnown = (id: BatchId) => this.#indexById.has(id);
    return heads.every(isKnown) && (this.tests === "affected" || base.every(isKnown));
  }

  /** The finished builds that speak for the batch, which has not landed. */
  evidenceOf(i: number): readonly Evidence[] {
    return this.#evidence[i] ?? [];
  }

  /** One of them has passed. */
  hasPassed(i: number): boolean {
    return this.evidenceOf(i).some((build) => build.passed);
  }

  /**
   * The undecided batches that the batch must wait for: those that conflict with it, have a place in the order, and go ahead of it. A
   * batch on probation waits for those that arrived before it.
   */
  undecidedAhead(i: number): number[] {
    const batch = this.batch(i);
    const conflicts = this.relevantConflicts(i);
    const ahead: number[] = [];
    for (let w = 0; w < this.words; w++) {
      let rest = (conflicts[w] ?? 0) & ~((this.landed[w] ?? 0) | (this.neverLanding[w] ?? 0));
      for (; rest !== 0; rest &= rest - 1) {
        const other = lowestIn(w, rest);
        const candidate = this.batch(other);
        if (candidate.position === undefined) continue;
        // What has been handed to runway is not overtaken, whatever its priority.
        const isOff = candidate.state === "landing" && batch.state !== "landing";
        if (isOff || batch.position === undefined || goesAhead(candidate, batch)) ahead.push(other);
      }
    }
    return ahead;
  }

  /**
   * It is on probation, and any build of it that passes is a proof, whatever becomes of the others in the tree: a build speaks for its
   * head alone.
   */
  provesItself(i: number): boolean {
    return this.tests === "affected" && this.batch(i).position === undefined;
  }

  /** A copy of what has landed, with these counted as landed too. */
  landedWith(indexes: Iterable<number>): Bits {
    const bits = this.landed.slice();
    for (const i of indexes) addBit(bits, i);
    return bits;
  }

  without(bits: Bits, i: number): Bits {
    const copy = bits.slice();
    dropBit(copy, i);
    return copy;
  }
}

/** The arrivals of the batches in a list of ids, once all are known. Such lists never change, and every field asks again about most. */
const arrivalsIn = new WeakMap<readonly BatchId[], Int32Array>();

/** The lowest bit of a word of a set, as a number of the set. */
const lowestIn = (word: number, bits: number): number => (word << 5) + 31 - Math.clz32(bits & -bits);
