import type { BatchId, BuildKey } from "../contracts/ids.ts";
import { type Batch, compareLandingOrder, neverLands, type Path } from "./batch.ts";
import { BatchIds } from "./batch-ids.ts";
import { BitSet } from "./bit-set.ts";
import { ConflictIndex } from "./conflict-index.ts";
import { LandingTimes } from "./landing-times.ts";

/**
 * A finished build, as a fact about one tree. `tree`: the batches that were in it, landed ones included.
 *
 * When the composition was refused at batch X, the tree ends with X, and the evidence is about X alone. Example: A, X, H were to be
 * composed, and X did not apply. The evidence is that {A, X} failed; it says nothing about H.
 */
export interface Evidence {
  readonly tree: BitSet;
  readonly passed: boolean;
  readonly path: Path;
  /**
   * The batches that the verdict is about. Where builds test everything: the whole tree. Where builds test only what is affected: the heads.
   * When the composition was refused: the tree, which ends with the batch that did not apply.
   *
   * Example: {A, H} with head H has failed. Where builds test everything, `tested` is {A, H}, since A's tests ran too. Otherwise it is {H}.
   */
  readonly tested: BitSet;
}

export interface QueueIndexOptions {
  /** Builds that were proposed before this time are evidence of nothing. */
  readonly since?: number | undefined;
  /** How often a failed build is repeated before its batch fails. */
  readonly retries?: number;
  /** True when nothing but a tested tree may land, bit for bit (analyzer `all`). */
  readonly exact?: boolean;
  /** everything: a build tests its whole tree. affected: it tests only what its heads affect. */
  readonly tests?: "everything" | "affected";
}

/**
 * The live batches of a queue as numbers, and everything about them as sets of numbers, so that questions about trees are quick. Batches
 * are numbered from 0 by arrival. Conflicts and trees are fixed when the index is made. `landed` and `neverLanding` follow `update`.
 *
 * Example: A, B and C arrived in this order, so they are 0, 1 and 2. A has landed, C conflicts with both. Then `landed` is {0},
 * `conflictsOf(2)` is {0, 1}, `undecidedAhead(2)` is [1], and a build of C on B that was proposed after A landed has `treeOf` {0, 1, 2}.
 */
export class QueueIndex {
  readonly batches: Batch[];
  readonly tests: "everything" | "affected";
  readonly retries: number;
  readonly landed: BitSet;
  /** The batches that have failed, or that were cancelled or are being cancelled. */
  readonly neverLanding: BitSet;
  /** The refused compositions, each with the batch that did not apply. */
  readonly refusals: { readonly index: number; readonly evidence: Evidence }[] = [];
  readonly #ids: BatchIds;
  readonly #conflicts: ConflictIndex;
  readonly #landingTimes: LandingTimes;
  readonly #trees = new Map<BuildKey, BitSet>();
  readonly #evidence: Evidence[][];
  /** Per batch: its relevant conflicts that are ahead of it by priority and position. Made when first asked for. */
  #aheadInOrder: readonly BitSet[] | undefined;
  readonly #positioned: BitSet;
  readonly #landing: BitSet;
  readonly #since: number;

  constructor(
    batches: readonly Batch[],
    { since = 0, tests = "everything", retries = 0, exact = false }: QueueIndexOptions = {},
  ) {
    this.#since = since;
    this.tests = tests;
    this.retries = retries;
    this.batches = [...batches].sort((a, b) => a.arrival - b.arrival || (a.id < b.id ? -1 : 1));
    this.#ids = new BatchIds(this.batches);
    this.landed = this.emptySet();
    this.neverLanding = this.emptySet();
    this.#landing = this.emptySet();
    this.#positioned = this.emptySet();
    this.batches.forEach(({ position }, i) => {
      if (position !== undefined) this.#positioned.add(i);
    });
    for (const batch of this.batches) this.update(batch);
    this.#landingTimes = new LandingTimes(this.batches, this.emptySet());
    this.#conflicts = new ConflictIndex(this.batches, this.#ids, tests === "affected" && !exact);
    this.#evidence = this.batches.map(() => []);
    for (const batch of this.batches) for (const path of batch.paths) this.#record(path);
  }

  #record(path: Path): void {
    if ((path.state !== "passed" && path.state !== "failed") || this.isOutdated(path)) return;
    if (path.setAside !== undefined) return;
    if (path.unappliable !== undefined) {
      this.#recordRefusal(path, path.unappliable);
      return;
    }
    const evidence = { tree: this.treeOf(path), passed: path.state === "passed", path, tested: this.testedBy(path) };
    for (const i of evidence.tested.minus(this.landed)) this.#evidence[i]?.push(evidence);
  }

  /** A refused composition is evidence about the batch that did not apply, and about no other. */
  #recordRefusal(path: Path, id: BatchId): void {
    const index = this.indexOf(id);
    if (index === undefined || this.landed.has(index)) return;
    const composed = [...path.base, ...path.heads];
    const tree = this.bitsOf(composed.slice(0, composed.indexOf(id) + 1));
    const landed = this.#landingTimes.landedBy(path.startedAt);
    if (landed) tree.addAll(landed);
    const evidence: Evidence = { tree, passed: false, path, tested: tree };
    this.#evidence[index]?.push(evidence);
    this.refusals.push({ index, evidence });
  }

  /** Takes note of a batch's new state. Throws when the batch was not there when the index was made. */
  update(batch: Batch): void {
    const i = this.indexOf(batch.id);
    if (i === undefined) throw new Error(`${batch.id} is not in the index`);
    this.batches[i] = batch;
    if (batch.state === "landing") this.#landing.add(i);
    else this.#landing.delete(i);
    if (batch.state === "landed") this.landed.add(i);
    if (neverLands(batch)) this.neverLanding.add(i);
  }

  /** True when the path was proposed before a push from outside the queue moved the trunk: its build is evidence of nothing. */
  isOutdated(path: Path): boolean {
    return path.startedAt < this.#since;
  }

  /** The number of a batch. Undefined for a batch that has been archived: it conflicts with no unfinished batch. */
  indexOf(id: BatchId): number | undefined {
    return this.#ids.indexOf(id);
  }

  /** Throws when there is no batch i. */
  batch(i: number): Batch {
    const batch = this.batches[i];
    if (batch === undefined) throw new Error(`there is no batch ${i}`);
    return batch;
  }

  emptySet(): BitSet {
    return BitSet.empty(this.batches.length);
  }

  setOf(indexes: Iterable<number>): BitSet {
    const bits = this.emptySet();
    for (const i of indexes) bits.add(i);
    return bits;
  }

  /** The live batches among those that the lists name. */
  bitsOf(...lists: readonly (readonly BatchId[])[]): BitSet {
    return this.#ids.bitsOf(...lists);
  }

  /** A copy of what has landed, with these batches counted as landed too. */
  landedWith(indexes: Iterable<number>): BitSet {
    const bits = this.landed.copy();
    for (const i of indexes) bits.add(i);
    return bits;
  }

  /** The live batches that conflict with batch i. */
  conflictsOf(i: number): BitSet {
    return this.#conflicts.conflictsOf(i);
  }

  /** The conflicts of batch i, without the batches that landed before batch i by a bypass. See `ConflictIndex`. */
  unbypassedConflicts(i: number): BitSet {
    return this.#conflicts.unbypassedConflicts(i);
  }

  /** The conflicts that a passed build must have right to count as evidence for batch i. See `ConflictIndex`. */
  relevantConflicts(i: number): BitSet {
    return this.#conflicts.relevantConflicts(i);
  }

  /** The conflicts that a failed build must have right to count against batch i. See `ConflictIndex`. */
  relevantToFailure(i: number): BitSet {
    return this.#conflicts.relevantToFailure(i);
  }

  /**
   * The live batches that the build of a path contains: those that had landed when the path was proposed, its base and its heads. A batch that
   * has landed since is in the tree only when it was in the base. Example: A landed, then {B, H} was proposed, then C landed. The tree is
   * {A, B, H}.
   */
  treeOf(path: Path): BitSet {
    const known = this.#trees.get(path.buildKey);
    if (known) return known;
    const tree = this.bitsOf(path.heads, path.base);
    const landed = this.#landingTimes.landedBy(path.startedAt);
    if (landed) tree.addAll(landed);
    this.#trees.set(path.buildKey, tree);
    return tree;
  }

  /** The batches that a build of the path tests: its whole tree, or only its heads where builds test what is affected. */
  testedBy(path: Path): BitSet {
    return this.tests === "everything" ? this.treeOf(path) : this.bitsOf(path.heads);
  }

  /**
   * The batches that can break the tests that this build ran, whether or not the build ran their own tests. May name batches that are not in
   * the tree. Where builds test everything, and when the composition was refused, it is the whole tree. Where builds test what is affected,
   * it is the conflicts of the heads; or the whole tree when a head has been archived, since its conflicts are no longer known.
   *
   * Example: builds test what is affected, A conflicts with H, and X does not. A build of {A, X, H} with head H has failed. It tested {H}. Of
   * the tree's other batches only A can have broken it.
   */
  possibleCausesOf({ tree, path }: Evidence): BitSet {
    if (this.tests === "everything" || path.unappliable !== undefined) return tree;
    const causes = this.emptySet();
    for (const id of path.heads) {
      const head = this.indexOf(id);
      if (head === undefined) return tree;
      causes.addAll(this.conflictsOf(head));
    }
    return causes;
  }

  /** True when every batch that the build tested is live. An archived batch can't be cleared of being the cause of a failure. */
  knowsTested({ path: { base, heads } }: Evidence): boolean {
    const isLive = (id: BatchId) => this.indexOf(id) !== undefined;
    return heads.every(isLive) && (this.tests === "affected" || base.every(isLive));
  }

  /** The finished builds that tested batch i. Empty when the batch has landed. */
  evidenceOf(i: number): readonly Evidence[] {
    return this.#evidence[i] ?? [];
  }

  /** True when a build that tested batch i has passed. */
  hasPassed(i: number): boolean {
    return this.evidenceOf(i).some(({ passed }) => passed);
  }

  /** True when batch i is on probation and a build of it has failed. */
  hasFailedOnProbation(i: number): boolean {
    return this.batch(i).position === undefined && this.evidenceOf(i).some(({ passed }) => !passed);
  }

  /**
   * True when batch i is on probation and was built before: a build of it has failed, or, where builds test only what is affected, any build
   * of it was started. From then on each build of batch i makes an assumption about every conflict that arrived before it, also about those
   * on probation, because batch i may need one of them. The first build assumes something only about conflicts with a position.
   *
   * Example: R and H are on probation and conflict, R arrived first. The first build of H is {H}. It fails. The next one is {R, H} when R is
   * likely to land.
   */
  isRetriedOnProbation(i: number): boolean {
    return this.hasFailedOnProbation(i) || (this.provesItself(i) && this.batch(i).paths.length > 0);
  }

  /**
   * The conflicts to compare when asking whether an existing build of batch i makes a proposed build unnecessary. It does when the two trees
   * hold the same batches among these. Example: the set is {A}. A build of {A, X, H} replaces a proposed build of {A, H}, not one of {H}.
   */
  proposedConflicts(i: number): BitSet {
    return this.isRetriedOnProbation(i) ? this.relevantToFailure(i) : this.relevantConflicts(i);
  }

  #conflictsAhead(i: number): BitSet {
    return this.batch(i).position === undefined ? this.relevantToFailure(i) : this.relevantConflicts(i);
  }

  /**
   * The undecided batches that batch i must wait for: those that conflict with it, have a position, and are ahead of it. A batch on
   * probation waits for those that arrived before it; once it is retried (`isRetriedOnProbation`), for those on probation too. A batch
   * that is landing is ahead of every batch that is not, also of one with a higher priority.
   *
   * Example: A ← B ← C conflict in a row, with positions 1, 2 and 3, and A conflicts with C. undecidedAhead(C) is [A, B]. After A has
   * landed it is [B].
   */
  undecidedAhead(i: number): number[] {
    return this.undecidedAheadSet(i).toArray();
  }

  /** `undecidedAhead` as a set. */
  undecidedAheadSet(i: number): BitSet {
    const ahead = this.#inOrderAhead(i).copy();
    if (this.batch(i).state !== "landing") ahead.addCommon(this.#landing, this.#conflictsAhead(i));
    ahead.deleteAll(this.landed);
    ahead.deleteAll(this.neverLanding);
    return ahead;
  }

  /** The conflicts of batch i that are ahead of it, in any state. Worked out for all batches at once. */
  #inOrderAhead(i: number): BitSet {
    this.#aheadInOrder ??= this.#orderedConflicts();
    return this.#aheadInOrder[i] ?? this.emptySet();
  }

  #orderedConflicts(): BitSet[] {
    const ahead = this.batches.map(() => this.emptySet());
    const inOrder = this.batches.flatMap(({ position }, i) => (position === undefined ? [] : [i]));
    inOrder.sort((a, b) => compareLandingOrder(this.batch(a), this.batch(b)));
    const before = this.emptySet();
    for (const i of inOrder) {
      ahead[i]?.addCommon(this.relevantConflicts(i), before);
      before.add(i);
    }
    this.batches.forEach(({ position }, i) => {
      if (position !== undefined) return;
      const conflicts = this.#conflictsAhead(i);
      ahead[i]?.addCommon(conflicts, this.isRetriedOnProbation(i) ? conflicts : before);
    });
    return ahead;
  }

  /**
   * True when batch i is on probation and builds test only what is affected. Then one passed build ends the probation, also when the
   * build assumed something wrong about other batches. So a running build stays of use when its assumptions turn out wrong.
   */
  provesItself(i: number): boolean {
    return this.tests === "affected" && this.batch(i).position === undefined;
  }
}
