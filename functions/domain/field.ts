import type { BatchId, BuildKey } from "../contracts/ids.ts";
import { type Batch, goesAhead, neverLands, type Path } from "./batch.ts";
import { addAll, addBit, type Bits, dropBit, hasBit, keepBelow, members, noBits, wordsFor } from "./bits.ts";

/**
 * A finished build: the tree `tree` (trunk + these batches) passed or failed. When the composition was refused at batch X, the tree is the
 * trunk, the batches composed before X, and X: composing A, X, H and being refused at X is the fact that {A, X} failed, and says nothing of H.
 */
export interface Fact {
  readonly tree: Bits;
  readonly passed: boolean;
  readonly path: Path;
  /** The batches that may be the cause of a failure: what the build tested, or the whole tree when its composition was refused. */
  readonly tested: Bits;
}

export interface FieldOptions {
  readonly since?: number | undefined;
  /** How often a failed build is repeated before it is a verdict. */
  readonly retries?: number;
  /** Nothing but a tested tree may land, bit for bit (analyzer `all`). */
  readonly exact?: boolean;
  /** tree: a build tests everything in its tree. heads: only what its heads affect, so it says nothing of those below them. */
  readonly speaksFor?: "tree" | "heads";
}

/**
 * The queue's live batches as numbers and sets of numbers, so that questions about trees are questions about bits. Batches are
 * numbered by arrival. What each conflicts with and the trees of its builds are fixed when the field is made; whether it has
 * landed, or never will, is kept up to date by `note`.
 */
export class Field {
  readonly batches: Batch[];
  readonly words: number;
  /** conflicts[i]: the live batches that conflict with i. Symmetric. */
  readonly conflicts: readonly Bits[];
  /** Per batch on probation: its conflicts that arrived before it, and those of them that had a place when it arrived. */
  readonly #earlier = new Map<number, { readonly all: Bits; readonly placed: Bits }>();
  /** Per batch that was bypassed, where builds speak for their heads: its conflicts but for the batches that landed before it. */
  readonly #unbypassed = new Map<number, Bits>();
  readonly speaksFor: "tree" | "heads";
  readonly retries: number;
  readonly landed: Bits;
  /** Those that will never land. */
  readonly lost: Bits;
  readonly #slots: ReadonlyMap<BatchId, number>;
  /** By arrival, counted from the first here; -1 where there is none any more. */
  readonly #slotsByArrival: Int32Array;
  readonly #trees = new Map<BuildKey, Bits>();
  /** By time: what had landed by then. */
  readonly #landings: readonly { readonly at: number; readonly landed: Bits }[];
  readonly #facts: Fact[][];
  /** The failures to compose, each with the batch that did not apply. */
  readonly refusals: { readonly slot: number; readonly fact: Fact }[] = [];
  readonly #since: number;

  /** Builds proposed before `since` are evidence of nothing. */
  constructor(
    batches: readonly Batch[],
    { since = 0, speaksFor = "tree", retries = 0, exact = false }: FieldOptions = {},
  ) {
    this.#since = since;
    this.speaksFor = speaksFor;
    this.retries = retries;
    this.batches = [...batches].sort((a, b) => a.arrival - b.arrival || (a.id < b.id ? -1 : 1));
    this.words = wordsFor(this.batches.length);
    this.#slots = new Map(this.batches.map((batch, slot) => [batch.id, slot]));
    this.#slotsByArrival = new Int32Array((this.batches.at(-1)?.arrival ?? 0) - this.#firstArrival + 1).fill(-1);
    this.batches.forEach((batch, slot) => {
      this.#slotsByArrival[batch.arrival - this.#firstArrival] = slot;
    });
    this.landed = noBits(this.words);
    this.lost = noBits(this.words);
    for (const batch of this.batches) this.note(batch);
    this.#landings = this.#landingsByTime();
    this.conflicts = this.#neighbours();
    if (speaksFor === "heads" && !exact) for (const batch of this.batches) this.#forgetBypassing(batch);
    this.batches.forEach((batch, slot) => {
      if (batch.order === undefined) this.#earlier.set(slot, this.#conflictsBefore(slot, batch.nextPlace));
    });
    this.#facts = this.batches.map(() => []);
    for (const batch of this.batches) for (const path of batch.paths) this.#record(path);
  }

  #landingsByTime(): { at: number; landed: Bits }[] {
    const landed = noBits(this.words);
    return this.batches
      .flatMap((batch, slot) => (batch.state === "landed" ? [{ at: batch.endedAt ?? 0, slot }] : []))
      .sort((a, b) => a.at - b.at)
      .map(({ at, slot }) => {
        addBit(landed, slot);
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
    const near = this.batches.map((batch) => this.bitsOf(batch.conflicts));
    near.forEach((row, i) => {
      for (let w = 0; w < this.words; w++)
        for (let rest = row[w] ?? 0; rest !== 0; rest &= rest - 1) addBit(near[slotIn(w, rest)] ?? row, i);
    });
    return near;
  }

  /**
   * A batch that was bypassed may land on a build without the batch B that bypassed it: B has passed with it and without it, and
   * what B affects is tested; so what the bypassed batch affects is, too (Uber, "Bypassing Large Diffs", theorem 1). A failure of the
   * bypassed batch without B is not excused by this: B may be what it needs. Where a build speaks for its whole tree, the bypass left a
   * passed build of both, and the rule is not needed; where nothing but a tested tree may land, it does not hold.
   */
  #forgetBypassing(batch: Batch): void {
    const slot = this.#slots.get(batch.id);
    if (batch.state !== "landed" || slot === undefined) return;
    for (const id of batch.landing?.bypassed ?? []) {
      const other = this.#slots.get(id);
      if (other === undefined) continue;
      const left = this.#unbypassed.get(other) ?? this.conflictsOf(other).slice();
      dropBit(left, slot);
      this.#unbypassed.set(other, left);
    }
  }

  /** Batches are numbered by arrival. */
  #conflictsBefore(slot: number, place: number): { all: Bits; placed: Bits } {
    const all = this.conflictsOf(slot).slice();
    keepBelow(all, slot);
    const placed = all.slice();
    for (const other of members(all)) if ((this.batch(other).order ?? place) >= place) dropBit(placed, other);
    return { all, placed };
  }

  #record(path: Path): void {
    if ((path.state !== "passed" && path.state !== "failed") || this.isOutdated(path)) return;
    if (path.unappliable !== undefined) {
      this.#recordRefusal(path, path.unappliable);
      return;
    }
    const tree = this.treeOf(path);
    const tested = this.speaksFor === "tree" ? tree : this.bitsOf(path.heads);
    const fact: Fact = { tree, passed: path.state === "passed", path, tested };
    for (let w = 0; w < this.words; w++) {
      const open = (tested[w] ?? 0) & ~(this.landed[w] ?? 0);
      for (let rest = open; rest !== 0; rest &= rest - 1) this.#facts[slotIn(w, rest)]?.push(fact);
    }
  }

  /** A refused composition is a fact about the batch that did not apply, and about no other. */
  #recordRefusal(path: Path, id: BatchId): void {
    const slot = this.#slots.get(id);
    if (slot === undefined || hasBit(this.landed, slot)) return;
    const composed = [...path.base, ...path.heads];
    const tree = this.bitsOf(composed.slice(0, composed.indexOf(id) + 1));
    const landed = this.#landedBy(path.startedAt);
    if (landed) addAll(tree, landed);
    const fact: Fact = { tree, passed: false, path, tested: tree };
    this.#facts[slot]?.push(fact);
    this.refusals.push({ slot, fact });
  }

  /** The batch has changed its state. Trees and conflicts do not. */
  note(batch: Batch): void {
    const slot = this.#slots.get(batch.id);
    if (slot === undefined) throw new Error(`${batch.id} is not in the field`);
    this.batches[slot] = batch;
    if (batch.state === "landed") addBit(this.landed, slot);
    if (neverLands(batch)) addBit(this.lost, slot);
  }

  isOutdated(path: Path): boolean {
    return path.startedAt < this.#since;
  }

  /** Undefined for a batch that has been archived: nothing unfinished conflicts with it. */
  slotOf(id: BatchId): number | undefined {
    return this.#slots.get(id);
  }

  batch(slot: number): Batch {
    const batch = this.batches[slot];
    if (batch === undefined) throw new Error(`there is no batch ${slot}`);
    return batch;
  }

  /** The live batches that conflict with the batch. */
  conflictsOf(slot: number): Bits {
    return this.conflicts[slot] ?? noBits(this.words);
  }

  /** The conflicts that a passed build must have right: all but those that `#forgetBypassing` leaves out. */
  nearOf(slot: number): Bits {
    return this.#unbypassed.get(slot) ?? this.conflictsOf(slot);
  }

  /**
   * The conflicts that a build must have right to be of use to the batch. Normally all. For a batch on probation: only those that had a
   * place when it arrived, because every later arrival that lands would make its builds worthless.
   */
  reckonedBy(slot: number): Bits {
    return this.#earlier.get(slot)?.placed ?? this.nearOf(slot);
  }

  /**
   * The conflicts that a failed build must have right to count against the batch. Normally all, also those that bypassed the batch: when
   * B, which A needs, lands before A, the earlier failure of A without B says nothing any more. For a batch on probation: those that
   * arrived before it, since a later arrival can't be what it needs.
   */
  blamedBy(slot: number): Bits {
    return this.#earlier.get(slot)?.all ?? this.conflictsOf(slot);
  }

  bitsOf(...lists: readonly (readonly BatchId[])[]): Bits {
    const bits = noBits(this.words);
    for (const list of lists) this.#addList(bits, list);
    return bits;
  }

  #addList(bits: Bits, list: readonly BatchId[]): void {
    const known = arrivalsIn.get(list);
    if (known === undefined) {
      const slots = list.map((id) => this.#slots.get(id));
      for (const slot of slots) if (slot !== undefined) addBit(bits, slot);
      if (!slots.includes(undefined))
        arrivalsIn.set(
          list,
          Int32Array.from(slots, (slot) => this.batch(slot ?? 0).arrival),
        );
      return;
    }
    for (let i = 0; i < known.length; i++) {
      const slot = this.#slotsByArrival[(known[i] ?? 0) - this.#firstArrival] ?? -1;
      if (slot >= 0) addBit(bits, slot);
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
  reachOf({ tree, path }: Fact): Bits {
    if (this.speaksFor === "tree" || path.unappliable !== undefined) return tree;
    const reach = noBits(this.words);
    for (const id of path.heads) {
      const head = this.#slots.get(id);
      if (head === undefined) return tree;
      addAll(reach, this.conflictsOf(head));
    }
    return reach;
  }

  /** True when every batch that the build tested is live. Of one that has landed and was archived, nothing can be said that would clear it. */
  knowsTested({ path: { base, heads } }: Fact): boolean {
    const isKnown = (id: BatchId) => this.#slots.has(id);
    return heads.every(isKnown) && (this.speaksFor === "heads" || base.every(isKnown));
  }

  /** The finished builds that speak for the batch, which has not landed. */
  factsOf(slot: number): readonly Fact[] {
    return this.#facts[slot] ?? [];
  }

  /** One of them has passed. */
  hasPassed(slot: number): boolean {
    return this.factsOf(slot).some((fact) => fact.passed);
  }

  /**
   * The undecided batches that the batch must wait for: those that conflict with it, have a place in the order, and go ahead of it. A
   * batch on probation waits for those that arrived before it.
   */
  aheadOf(slot: number): number[] {
    const batch = this.batch(slot);
    const near = this.reckonedBy(slot);
    const ahead: number[] = [];
    for (let w = 0; w < this.words; w++) {
      let rest = (near[w] ?? 0) & ~((this.landed[w] ?? 0) | (this.lost[w] ?? 0));
      for (; rest !== 0; rest &= rest - 1) {
        const other = slotIn(w, rest);
        const candidate = this.batch(other);
        if (candidate.order === undefined) continue;
        // What has been handed to runway is not overtaken, whatever its priority.
        const isOff = candidate.state === "landing" && batch.state !== "landing";
        if (isOff || batch.order === undefined || goesAhead(candidate, batch)) ahead.push(other);
      }
    }
    return ahead;
  }

  /**
   * It is on probation, and any build of it that passes is a proof, whatever becomes of the others in the tree: a build speaks for its
   * head alone.
   */
  provesItself(slot: number): boolean {
    return this.speaksFor === "heads" && this.batch(slot).order === undefined;
  }

  /** A copy of what has landed, with these counted as landed too. */
  landedWith(slots: Iterable<number>): Bits {
    const bits = this.landed.slice();
    for (const slot of slots) addBit(bits, slot);
    return bits;
  }

  without(bits: Bits, slot: number): Bits {
    const copy = bits.slice();
    dropBit(copy, slot);
    return copy;
  }
}

/** The arrivals of the batches in a list of ids, once all are known. Such lists never change, and every field asks again about most. */
const arrivalsIn = new WeakMap<readonly BatchId[], Int32Array>();

/** The lowest bit of a word of a set, as a number of the set. */
const slotIn = (word: number, bits: number): number => (word << 5) + 31 - Math.clz32(bits & -bits);
