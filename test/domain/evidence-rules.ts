import type { BatchId } from "../../functions/contracts/ids.ts";
import { type Batch, compareLandingOrder, type Path } from "../../functions/domain/batch.ts";
import type { QueueIndexOptions } from "../../functions/domain/queue-index.ts";

export type Ids = ReadonlySet<BatchId>;

/** A finished build as a fact about one tree. */
interface Fact {
  readonly path: Path;
  readonly tree: Ids;
  /** The batches that the verdict is about. */
  readonly about: Ids;
}

export const union = (...sets: readonly Iterable<BatchId>[]): Ids => new Set(sets.flatMap((set) => [...set]));
/** True when every id of `within` is in both sets or in neither. */
export const agree = (a: Ids, b: Ids, within: Iterable<BatchId>): boolean =>
  [...within].every((id) => a.has(id) === b.has(id));

/** Every subset of the list. */
const subsetsOf = (list: readonly BatchId[]): BatchId[][] =>
  list.reduce<BatchId[][]>((subsets, id) => subsets.flatMap((subset) => [subset, [...subset, id]]), [[]]);

/**
 * The rules of doc/rfc/evidence.md, in its words, over sets of ids. Slow, and without numbers of batches or bit sets: the product's functions
 * have to give the same answers.
 */
export class EvidenceRules {
  readonly #batches: readonly Batch[];
  readonly #byId: ReadonlyMap<BatchId, Batch>;
  readonly #options: QueueIndexOptions;

  constructor(batches: readonly Batch[], options: QueueIndexOptions) {
    this.#batches = batches;
    this.#byId = new Map(batches.map((batch) => [batch.id, batch]));
    this.#options = options;
  }

  batch(id: BatchId): Batch {
    const batch = this.#byId.get(id);
    if (batch === undefined) throw new Error(`${id} is not live`);
    return batch;
  }

  #idsWhere(isMeant: (batch: Batch) => boolean): Ids {
    return new Set(this.#batches.filter(isMeant).map(({ id }) => id));
  }

  live(ids: Iterable<BatchId>): Ids {
    return new Set([...ids].filter((id) => this.#byId.has(id)));
  }

  get testsEverything(): boolean {
    return this.#options.tests !== "affected";
  }

  landed(): Ids {
    return this.#idsWhere(({ state }) => state === "landed");
  }

  /** N(H). Under `every`, and where only a tested tree may land, the conflicts of an arrival are the earlier batches that had not ended before. */
  conflicts(id: BatchId): Ids {
    const names = (later: Batch, earlier: Batch): boolean =>
      this.#options.exact === true || later.conflicts === "every"
        ? earlier.arrival < later.arrival && !(earlier.endedAt !== undefined && earlier.endedAt < later.createdAt)
        : later.conflicts.includes(earlier.id);
    const one = this.batch(id);
    return this.#idsWhere((other) => other.id !== id && (names(one, other) || names(other, one)));
  }

  /** N(H) without the batches that landed before H by a bypass, where a bypass makes them independent. */
  #unbypassed(id: BatchId): Ids {
    const forgets = this.#options.tests === "affected" && this.#options.exact !== true;
    return this.live(
      [...this.conflicts(id)].filter((other) => {
        const { state, landing } = this.batch(other);
        return !(forgets && state === "landed" && landing?.bypassed?.includes(id));
      }),
    );
  }

  #earlier(id: BatchId): Batch[] {
    const { arrival } = this.batch(id);
    return [...this.conflicts(id)].map((other) => this.batch(other)).filter((other) => other.arrival < arrival);
  }

  /** What a passed build of H has to have right: N(H), and on probation only what had a position when H arrived. */
  relevant(id: BatchId): Ids {
    const { position, nextPosition } = this.batch(id);
    if (position !== undefined) return this.#unbypassed(id);
    const hadPosition = (other: Batch) => other.position !== undefined && other.position < nextPosition;
    return new Set(
      this.#earlier(id)
        .filter(hadPosition)
        .map((other) => other.id),
    );
  }

  /** What a failed build of H has to have right: N(H), and on probation only what arrived before H. */
  relevantToFailure(id: BatchId): Ids {
    if (this.batch(id).position !== undefined) return this.conflicts(id);
    return new Set(this.#earlier(id).map((other) => other.id));
  }

  /** What had landed when the build was proposed, the base, and the heads; of a refused composition, up to the batch that was refused. */
  tree({ startedAt, base, heads, unappliable, state }: Path): Ids {
    const composed = [...base, ...heads];
    const isRefusal = state === "failed" && unappliable !== undefined;
    const kept = isRefusal ? composed.slice(0, composed.indexOf(unappliable) + 1) : composed;
    return this.live(
      union(
        this.#idsWhere((batch) => batch.state === "landed" && (batch.endedAt ?? 0) <= startedAt),
        kept,
      ),
    );
  }

  /** The finished builds that count as evidence about H, oldest batch first. None about a batch that has landed. */
  facts(id: BatchId): Fact[] {
    if (this.batch(id).state === "landed") return [];
    const byArrival = this.#batches.toSorted((a, b) => a.arrival - b.arrival);
    const finished = byArrival
      .flatMap(({ paths }) => paths)
      .filter(({ state, setAside }) => (state === "passed" || state === "failed") && setAside === undefined)
      .filter(({ startedAt }) => startedAt >= (this.#options.since ?? 0));
    return finished
      .map((path): Fact => {
        const tree = this.tree(path);
        const tested = path.unappliable ? [path.unappliable] : this.testsEverything ? tree : path.heads;
        return { path, tree, about: this.live(tested) };
      })
      .filter(({ about }) => about.has(id));
  }

  hasPassed(id: BatchId): boolean {
    return this.facts(id).some(({ path }) => path.state === "passed");
  }

  #hasFailed(id: BatchId): boolean {
    return this.facts(id).some(({ path }) => path.state === "failed");
  }

  isRetried(id: BatchId): boolean {
    const { position, paths } = this.batch(id);
    return position === undefined && (this.#hasFailed(id) || (!this.testsEverything && paths.length > 0));
  }

  /** True when `a` is ahead of H, by what is landing, by priority and by position. */
  #isAhead(a: Batch, h: Batch): boolean {
    if (a.state === "landing" && h.state !== "landing") return true;
    if (h.position === undefined) return a.position !== undefined || this.isRetried(h.id);
    if (a.position === undefined) return false;
    return a.priority !== h.priority ? a.priority > h.priority : a.position < h.position;
  }

  /** The undecided batches that H has to wait for. */
  undecidedAhead(id: BatchId): BatchId[] {
    const head = this.batch(id);
    const conflicts = head.position === undefined ? this.relevantToFailure(id) : this.relevant(id);
    return [...conflicts].filter((other) => {
      const batch = this.batch(other);
      return (batch.state === "speculating" || batch.state === "landing") && this.#isAhead(batch, head);
    });
  }

  /** The first passed build of H that agrees with the tree about N(H). */
  #proof(id: BatchId, tree: Ids): Path | undefined {
    return this.facts(id).find((fact) => fact.path.state === "passed" && agree(fact.tree, tree, this.relevant(id)))
      ?.path;
  }

  /** "For every subset S of the undecided batches ahead of it there is a passed build that holds H and agrees with L ∪ S about N(H)." */
  evidenceFor(id: BatchId, trunk: Ids, most: number): Path | undefined {
    const undecided = this.undecidedAhead(id).filter((other) => !trunk.has(other));
    if (undecided.length > most) return undefined;
    const wouldBeBuiltAgain = (other: BatchId) =>
      this.batch(other).state === "speculating" && this.#hasFailed(other) && !this.hasPassed(other);
    if (undecided.some(wouldBeBuiltAgain)) return undefined;
    const proofOn = (subset: readonly BatchId[]) => this.#proof(id, union(trunk, subset, [id]));
    if (!subsetsOf(undecided).every((subset) => proofOn(subset) !== undefined)) return undefined;
    return proofOn(undecided.filter((other) => this.batch(other).state === "landing"));
  }

  /** The batches of `together` that are not on the trunk, when they may land as one commit point by the passed build. */
  bundleThatMayLand(path: Path, together: readonly BatchId[], trunk: Ids): BatchId[] | undefined {
    const bundle = [...this.live(together)].filter((id) => !trunk.has(id));
    const after = union(trunk, bundle);
    const mayLand = (id: BatchId) =>
      this.batch(id).state === "speculating" &&
      this.batch(id).position !== undefined &&
      this.undecidedAhead(id).every((other) => after.has(other)) &&
      agree(this.tree(path), after, this.#unbypassed(id));
    return bundle.length > 1 && bundle.every(mayLand) ? bundle : undefined;
  }

  /** True when `a` lands before `b` or together with it, if both land. */
  #landsBy(a: Batch, b: Batch): boolean {
    if (a.landing !== undefined && a.landing.landId === b.landing?.landId) {
      const place = ({ id }: Batch) => b.landing?.landedTogether.indexOf(id) ?? 0;
      return b.landing.bundle?.includes(a.id) === true || place(a) < place(b);
    }
    if (a.state === "landed" && b.state === "landed") return (a.endedAt ?? 0) <= (b.endedAt ?? 0);
    if (a.state === "landed" || b.state === "landed") return a.state === "landed";
    if ((a.state === "landing") !== (b.state === "landing")) return a.state === "landing";
    if (a.priority !== b.priority) return a.priority > b.priority;
    return (a.position ?? Number.POSITIVE_INFINITY) < (b.position ?? Number.POSITIVE_INFINITY);
  }

  /** Rules 2 and 3 of a failure, supposing that exactly `lands` land: every other batch that the build tested is cleared. */
  othersAreCleared(id: BatchId, path: Path, lands: Ids): boolean {
    const tree = this.tree(path);
    const tested = path.unappliable === undefined && !this.testsEverything ? this.live(path.heads) : tree;
    if (![...tested].every((other) => other === id || lands.has(other))) return false;
    if (path.reason?.code === "build.infrastructure" && path.heads.length > 1) return false;
    if (path.unappliable !== undefined) return true;
    const built = this.testsEverything ? [...path.base, ...path.heads] : path.heads;
    if (!built.every((other) => this.#byId.has(other))) return false;
    return built.every(
      (other) =>
        other === id ||
        [...this.conflicts(other)].every(
          (needed) => !lands.has(needed) || tree.has(needed) || !this.#landsBy(this.batch(needed), this.batch(other)),
        ),
    );
  }

  possibleCauses({ path, tree }: Fact): Ids {
    if (this.testsEverything || path.unappliable !== undefined) return tree;
    if (!path.heads.every((head) => this.#byId.has(head))) return tree;
    return union(...path.heads.map((head) => this.conflicts(head)));
  }

  #cannotBeJudgedYet(id: BatchId): boolean {
    const undecided = this.undecidedAhead(id);
    if (undecided.length === 0) return false;
    if (this.batch(id).position !== undefined || !this.#hasFailed(id)) return true;
    const relevant = this.relevant(id);
    if (undecided.some((other) => relevant.has(other))) return true;
    const passed = undecided.filter((other) => this.hasPassed(other));
    const open = undecided.filter((other) => !this.hasPassed(other));
    const needed = union(this.landed(), passed);
    const hasFailedOnThose = this.facts(id).some(
      (fact) =>
        fact.path.state === "failed" &&
        fact.path.unappliable === undefined &&
        agree(fact.tree, needed, this.relevantToFailure(id)) &&
        this.othersAreCleared(id, fact.path, needed),
    );
    const canBeJudged = (other: BatchId) =>
      this.batch(other).position === undefined && this.#hasFailed(other) && !this.#cannotBeJudgedYet(other);
    return !(hasFailedOnThose && open.every(canBeJudged));
  }

  /** `retries` + 1 failures make a verdict. A refused composition, and a build that broke down for good, is one by itself. */
  areEnough(against: readonly Fact[]): boolean {
    const isFinal = ({ path }: Fact) => path.unappliable !== undefined || path.reason?.code === "build.infrastructure";
    return against.length > (this.#options.retries ?? 0) || against.some(isFinal);
  }

  /** The newest of the failed builds by which H is rejected. */
  rejectingBuild(id: BatchId): Path | undefined {
    if (this.#cannotBeJudgedYet(id)) return undefined;
    const landed = this.landed();
    const tree = union(landed, [id]);
    if (this.#proof(id, tree) !== undefined) return undefined;
    const against = this.facts(id).filter((fact) => {
      const causes = this.possibleCauses(fact);
      const others = [...fact.tree].filter((other) => other !== id && causes.has(other));
      return (
        fact.path.state === "failed" &&
        agree(fact.tree, tree, this.relevantToFailure(id)) &&
        others.every((other) => landed.has(other)) &&
        this.othersAreCleared(id, fact.path, landed)
      );
    });
    return this.areEnough(against) ? against.at(-1)?.path : undefined;
  }

  /** True when the path was proposed before a push from outside the queue moved the trunk. */
  isOutdated({ startedAt }: Path): boolean {
    return startedAt < (this.#options.since ?? 0);
  }

  /** True when a head of the path has no use for the build any more. */
  isUseless(path: Path): boolean {
    if (this.isOutdated(path)) return true;
    const tree = this.tree(path);
    return path.heads.some((id) => {
      if (!this.#byId.has(id) || this.batch(id).state !== "speculating") return true;
      if (!this.testsEverything && this.batch(id).position === undefined) return false;
      const neverLands = ({ state }: Batch) => state === "failed" || state === "cancelled" || state === "cancelling";
      return (
        [...this.#unbypassed(id)].some((other) => tree.has(other) && neverLands(this.batch(other))) ||
        [...this.relevant(id)].some((other) => !tree.has(other) && this.landed().has(other))
      );
    });
  }

  /** The batches that no later decision can need, by the rules of `archivable`. */
  archivable(): BatchId[] {
    const paths = this.#batches.flatMap((batch) => batch.paths);
    const hasEnded = ({ state }: Batch) => state === "landed" || state === "failed" || state === "cancelled";
    const isUnfinished = (id: BatchId) => !hasEnded(this.batch(id));
    const isActive = ({ state }: Path) => state === "building" || state === "cancelling";
    const built = paths.map((path) => ({ path, tree: this.tree({ ...path, state: "building" }) }));
    const withUnfinished = built.filter(({ tree }) => [...tree].some(isUnfinished));
    const tested = this.live(
      withUnfinished
        .filter(({ path }) => path.state !== "passed")
        .flatMap(({ path }) => (this.testsEverything ? [...path.base, ...path.heads] : path.heads)),
    );
    return this.#batches
      .filter((batch) => hasEnded(batch) && batch.concluded)
      .filter(({ id, paths: own }) => ![...own, ...paths.filter(({ heads }) => heads.includes(id))].some(isActive))
      .filter(({ id }) => ![...this.conflicts(id)].some((other) => isUnfinished(other) || tested.has(other)))
      .filter(({ id, state }) => state === "landed" || !withUnfinished.some(({ tree }) => tree.has(id)))
      .filter(({ id }) => !tested.has(id))
      .map(({ id }) => id);
  }

  /**
   * What lands in one run: each batch by its own evidence or else by a build that tested it with others, in landing order, each on a trunk with
   * those before. `withBase`: the base of a build may land with its heads.
   */
  landable(
    most: number,
    withBase: boolean,
  ): { readonly id: BatchId; readonly build: Path; readonly bundle?: BatchId[] }[] {
    const inOrder = (ids: readonly BatchId[]) =>
      ids.toSorted((a, b) => compareLandingOrder(this.batch(a), this.batch(b)));
    const waiting = [...this.#idsWhere(({ state, position }) => state === "speculating" && position !== undefined)];
    const found: { readonly id: BatchId; readonly build: Path; readonly bundle?: BatchId[] }[] = [];
    const trunk = new Set(this.landed());
    for (const id of inOrder(waiting)) {
      if (trunk.has(id)) continue;
      const alone = this.evidenceFor(id, trunk, most);
      if (alone) found.push({ id, build: alone });
      const passed = this.facts(id).filter(({ path }) => path.state === "passed");
      const [together] = passed.flatMap(({ path: build }) => {
        const ids = withBase ? [...build.base, ...build.heads] : build.heads;
        const bundle = ids.length > 1 ? this.bundleThatMayLand(build, ids, trunk) : undefined;
        return bundle ? [{ build, bundle: inOrder(bundle) }] : [];
      });
      if (!alone && together) found.push(...together.bundle.map((one) => ({ id: one, ...together })));
      for (const one of found) trunk.add(one.id);
    }
    return found;
  }
}
