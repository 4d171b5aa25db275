import type { BatchId, BuildKey } from "../contracts/ids.ts";
import { type Batch, goesAhead, neverLands, type Path } from "./batch.ts";
import { addAll, addBit, type Bits, dropBit, members, noBits, wordsFor } from "./bits.ts";

/** A finished build: the tree `tree` (trunk + these batches) passed or failed. */
export interface Fact {
  readonly tree: Bits;
  readonly passed: boolean;
  readonly path: Path;
}

export interface FieldOptions {
  readonly since?: number | undefined;
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
  /** near[i]: the live batches that conflict with i. Symmetric. */
  readonly near: readonly Bits[];
  /** Of those on probation: of what is near, those that had a place when they arrived. */
  readonly #before = new Map<number, Bits>();
  readonly speaksFor: "tree" | "heads";
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
  readonly #since: number;

  /** Builds proposed before `since` are evidence of nothing. */
  constructor(batches: readonly Batch[], { since = 0, speaksFor = "tree" }: FieldOptions = {}) {
    this.#since = since;
    this.speaksFor = speaksFor;
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
    this.near = this.#neighbours();
    for (const batch of this.batches) this.#excuse(batch);
    this.batches.forEach((batch, slot) => {
      if (batch.order === undefined) this.#before.set(slot, this.#nearBefore(slot, batch.nextPlace));
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
   * Who was bypassed need not reckon with the one that landed before it: that one has been seen to pass with it and without it,
   * and what it affects is tested; so what the bypassed affects is, too (Uber, "Bypassing Large Diffs", theorem 1). Where a build
   * speaks for its whole tree, the bypass left a build of both, and this rule is not needed.
   */
  #excuse(batch: Batch): void {
    const slot = this.#slots.get(batch.id);
    if (this.speaksFor === "tree" || batch.state !== "landed" || slot === undefined) return;
    for (const id of batch.landing?.bypassed ?? []) {
      const other = this.#slots.get(id);
      if (other !== undefined) dropBit(this.nearOf(other), slot);
    }
  }

  #nearBefore(slot: number, place: number): Bits {
    const near = this.nearOf(slot).slice();
    for (const other of members(near)) if ((this.batch(other).order ?? place) >= place) dropBit(near, other);
    return near;
  }

  #record(path: Path): void {
    if ((path.state !== "passed" && path.state !== "failed") || this.isOutdated(path)) return;
    const tree = this.treeOf(path);
    const fact: Fact = { tree, passed: path.state === "passed", path };
    const about = this.speaksFor === "tree" ? tree : this.bitsOf(path.heads);
    for (let w = 0; w < this.words; w++) {
      const open = (about[w] ?? 0) & ~(this.landed[w] ?? 0);
      for (let rest = open; rest !== 0; rest &= rest - 1) this.#facts[slotIn(w, rest)]?.push(fact);
    }
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

  /** The live batches that conflict with it. */
  nearOf(slot: number): Bits {
    return this.near[slot] ?? noBits(this.words);
  }

  /**
   * Those of them that its builds must agree about with what lands: all; on probation, those that had a place when it arrived. What
   * joined later can't be what it needs, and would make each of its builds worthless.
   */
  reckonedBy(slot: number): Bits {
    return this.#before.get(slot) ?? this.nearOf(slot);
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
   * What a build's failure may be due to: everything in its tree, or what conflicts with one of its heads. Of a head that has been
   * archived nobody knows any more what conflicts with it.
   */
  reachOf({ tree, path }: Fact): Bits {
    if (this.speaksFor === "tree") return tree;
    const reach = noBits(this.words);
    for (const id of path.heads) {
      const head = this.#slots.get(id);
      if (head === undefined) return tree;
      addAll(reach, this.nearOf(head));
    }
    return reach;
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
   * Who it must wait for: the conflicting batches that go ahead of it and may yet land. One on probation waits for those that had
   * a place when it arrived.
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
