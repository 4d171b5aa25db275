import type { BatchId, BuildKey } from "../contracts/ids.ts";
import { type Batch, compareLandingOrder, neverLands, type Path } from "./batch.ts";
import { BatchIds } from "./batch-ids.ts";
import { BitSet } from "./bit-set.ts";
import { ConflictIndex } from "./conflict-index.ts";
import { LandingTimes } from "./landing-times.ts";

/**
 * A finished build, as a fact about one tree. `tree`: the batches that were in it, landed ones included.
 *
 * When batch X did not apply, the composition was refused at X: the tree ends with X, and the evidence is about X alone. Example: A, X, H
 * were to be composed, and X did not apply. The evidence is that {A, X} failed. It says nothing about H.
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
  /** Builds that were proposed before this time (milliseconds since 1970) are evidence of nothing. */
  readonly since?: number | undefined;
  /** How often a failed build is repeated before its batch fails. */
  readonly retries?: number;
  /** True when only a tree that was tested, bit for bit, may land (analyzer `all`). */
  readonly exact?: boolean;
  /** everything: a build tests its whole tree. affected: it tests only what its heads affect. */
  readonly tests?: "everything" | "affected";
}

/**
 * The live batches of a queue as numbers, and their conflicts, trees and evidence as sets of numbers, so that questions about trees are quick.
 * Batches are numbered from 0 by arrival. Conflicts, positions, trees and evidence are fixed when the index is made. The states of batches,
 * `landed` and `neverLanding` follow `update`.
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
  /** The refused compositions, each with the number of the batch that did not apply. */
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
    this.#conflicts = new ConflictIndex(this.batches, this.#ids, { tests, exact });
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

  /** A refused composition is evidence about the batch that did not apply (`id`), and about no other. */
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

  /** Takes note of a batch's new state. Throws when the index was made without the batch. */
  update(batch: Batch): void {
    const i = this.indexOf(batch.id);
    if (i === undefined) throw new Error(`${batch.id} is not in the index`);
    this.batches[i] = batch;
    if (batch.state === "landing") this.#landing.add(i);
    else this.#landing.delete(i);
    if (batch.state === "landed") this.landed.add(i);
    // A landing that had been given up may have been carried out after all.
    if (neverLands(batch)) this.neverLanding.add(i);
    else this.neverLanding.delete(i);
  }

  /**
   * True when the build of the path is evidence of nothing: a push from outside the queue moved the trunk after the path was proposed, or the
   * queue's builds have been configured to test something else since (`tests`).
   */
  isOutdated({ startedAt, tests = this.tests }: Path): boolean {
    return startedAt < this.#since || tests !== this.tests;
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

  /** The numbers of the batches that the lists name. Batches that have been archived are left out. */
  bitsOf(...lists: readonly (readonly BatchId[])[]): BitSet {
    return this.#ids.bitsOf(...lists);
  }

  /** The landed batches and these batches, as a new set: what the trunk will hold when these have landed as well. */
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
   * The batches, beside the heads, that can break the tests that this build ran, whether or not the build ran their own tests. May hold batches
   * that are not in the tree.
   * - Where builds test everything, and when the composition was refused: the whole tree, heads included.
   * - Where builds test what is affected: the conflicts of the heads. The whole tree when a head has been archived, since the conflicts of that
   *   head are no longer known.
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

  /**
   * True when every batch that the build tested is live, except for those that had landed when the build was proposed. An archived batch can't
   * be cleared of being the cause of a failure.
   */
  knowsTested({ path: { base, heads } }: Evidence): boolean {
    const isLive = (id: BatchId) => this.indexOf(id) !== undefined;
    return heads.every(isLive) && (this.tests === "affected" || base.every(isLive));
  }

  /**
   * The finished builds that tested batch i and count as evidence: not outdated (`isOutdated`), and not set aside. Empty when the batch had
   * landed when the index was made.
   */
  evidenceOf(i: number): readonly Evidence[] {
    return this.#evidence[i] ?? [];
  }

  /** True when a build that tested batch i has passed. False when the batch had landed when the index was made (`evidenceOf`). */
  hasPassed(i: number): boolean {
    return this.evidenceOf(i).some(({ passed }) => passed);
  }

  /** True when batch i is on probation and a build of it has failed. */
  hasFailedOnProbation(i: number): boolean {
    return this.batch(i).position === undefined && this.evidenceOf(i).some(({ passed }) => !passed);
  }

  /**
   * True when the next build of batch i is a retry on probation: batch i is on probation, and one of its builds has failed, or, where builds test
   * only what is affected, was started. A retry makes an assumption about every conflict that arrived before batch i, also about conflicts on
   * probation, because batch i may need one of them. The first build makes assumptions only about conflicts with a position.
   *
   * Example: R and H are on probation and conflict, R arrived first. The first build of H is {H}. It fails. The next one is {R, H} when R is
   * likely to land.
   */
  isRetriedOnProbation(i: number): boolean {
    return this.hasFailedOnProbation(i) || (this.anyPassEndsProbation(i) && this.batch(i).paths.length > 0);
  }

  /**
   * The conflicts to compare when asking whether an existing build of batch i makes a proposed build unnecessary. The existing build does when
   * the two trees agree about these conflicts. Example: the set is {A}. A build of {A, X, H} makes a build of {A, H} unnecessary, and not a
   * build of {H}.
   */
  conflictsToCompare(i: number): BitSet {
    return this.isRetriedOnProbation(i) ? this.relevantToFailure(i) : this.relevantConflicts(i);
  }

  /** The conflicts of batch i that can be ahead of it. */
  #conflictsAhead(i: number): BitSet {
    return this.batch(i).position === undefined ? this.relevantToFailure(i) : this.relevantConflicts(i);
  }

  /**
   * The undecided batches that batch i must wait for, as ascending numbers: the conflicts of batch i that have a position and are ahead of it.
   * A batch on probation waits for the conflicts that arrived before it and have a position, and once it is retried (`isRetriedOnProbation`)
   * for those on probation too. A batch that is landing is ahead of every batch that is not landing, also of one with a higher priority.
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

  /** The conflicts of batch i that are ahead of it by priority and position, in any state. Worked out for all batches at once. */
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
   * True when any passed build of batch i ends its probation, also a build whose assumptions turned out wrong: batch i is on probation, and
   * builds test only what is affected. So a running build of batch i stays of use when its assumptions turn out wrong.
   */
  anyPassEndsProbation(i: number): boolean {
    return this.tests === "affected" && this.batch(i).position === undefined;
  }
}
