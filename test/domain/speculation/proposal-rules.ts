import type { BatchId } from "../../../functions/contracts/ids.ts";
import { type Batch, compareLandingOrder, type Path } from "../../../functions/domain/batch.ts";
import { agree, type EvidenceRules, type Ids, union } from "../evidence-rules.ts";

/** A failed build of the belief, and the batches that may have caused the failure. */
interface Failure {
  readonly path: Path;
  readonly causes: Ids;
}

/** What a run knows beside the queue. */
interface Beliefs {
  readonly landProbability: (id: BatchId) => number;
  readonly failures: readonly Failure[];
}

/** The rules of doc/rfc/speculation.md and bundling.md about what is not built, over sets of ids. */
export class ProposalRules {
  readonly #batches: readonly Batch[];
  readonly #rules: EvidenceRules;
  readonly #beliefs: Beliefs;

  constructor(batches: readonly Batch[], rules: EvidenceRules, beliefs: Beliefs) {
    this.#batches = batches;
    this.#rules = rules;
    this.#beliefs = beliefs;
  }

  #inOrder(ids: Iterable<BatchId>): BatchId[] {
    return [...ids].sort((a, b) => compareLandingOrder(this.#rules.batch(a), this.#rules.batch(b)));
  }

  likelyToLand(id: BatchId): BatchId[] {
    return this.#rules.undecidedAhead(id).filter((other) => this.#beliefs.landProbability(other) >= 0.5);
  }

  /** "Under each batch that a path assumes to land are the batches that it is itself expected to land behind." */
  baseOf(heads: readonly BatchId[], assumed: readonly BatchId[]): Ids {
    const rules = this.#rules;
    const ofHeads = heads.map((id) => (rules.testsEverything ? rules.relevantToFailure(id) : rules.conflicts(id)));
    const isDecidedByPath = union(heads, ...ofHeads);
    const isLanding = (id: BatchId) => rules.batch(id).state === "landing";
    const base = new Set(assumed);
    for (const id of base)
      for (const other of this.likelyToLand(id))
        if (!isDecidedByPath.has(other) && (isLanding(other) || !isLanding(id))) base.add(other);
    return base;
  }

  #wholeTree(head: BatchId, assumed: readonly BatchId[]): Ids {
    return union(this.#rules.landed(), this.baseOf([head], assumed), [head]);
  }

  /** "No path is built that holds the whole tree of a failed build", but the repeat of the head that is the only possible cause. */
  willFail(heads: readonly BatchId[], assumed: readonly BatchId[]): boolean {
    if (!this.#rules.testsEverything) return false;
    const tree = union(this.#rules.landed(), this.baseOf(heads, assumed), heads);
    return this.#beliefs.failures.some(({ path, causes }) => {
      const isOwn = heads.length === 1 && causes.size === 1 && heads.every((head) => causes.has(head));
      return !isOwn && [...this.#rules.tree(path)].every((id) => tree.has(id));
    });
  }

  /** "No build is started whose composition would meet X again on the same conflicts with everything under it that was under it then." */
  cannotBeComposed(heads: readonly BatchId[], assumed: readonly BatchId[]): boolean {
    const composed = [...this.#inOrder(this.baseOf(heads, assumed)), ...this.#inOrder(heads)];
    return composed.some((refused, at) => {
      const below = union(this.#rules.landed(), composed.slice(0, at + 1));
      const refusals = this.#rules.facts(refused).filter(({ path }) => path.unappliable === refused);
      return refusals.some(
        ({ tree }) => [...tree].every((id) => below.has(id)) && agree(tree, below, this.#rules.conflicts(refused)),
      );
    });
  }

  /** The failed builds that would count against the head if exactly the batches of the tree landed. */
  #failuresOf(head: BatchId, tree: Ids) {
    const rules = this.#rules;
    const neverLands = (id: BatchId) => ["failed", "cancelled", "cancelling"].includes(rules.batch(id).state);
    return rules
      .facts(head)
      .filter(
        (fact) =>
          fact.path.state === "failed" &&
          agree(fact.tree, tree, rules.relevantToFailure(head)) &&
          ![...fact.tree].some((id) => neverLands(id) && rules.possibleCauses(fact).has(id)) &&
          rules.othersAreCleared(head, fact.path, tree),
      );
  }

  /** True when a build of the head on the assumed batches is under way, would fail, or would tell nothing new. */
  needsNoBuild(head: BatchId, assumed: readonly BatchId[]): boolean {
    const rules = this.#rules;
    const tree = union(rules.landed(), assumed, [head]);
    const compared = rules.isRetried(head) ? rules.relevantToFailure(head) : rules.relevant(head);
    const underWay = this.#batches.flatMap(({ paths }) =>
      paths.filter(({ state, heads }) => state === "building" && heads.includes(head)),
    );
    if (underWay.some((path) => agree(rules.tree(path), tree, compared))) return true;
    const passedOn = (id: BatchId, wanted: Ids) =>
      rules.facts(id).some((fact) => fact.path.state === "passed" && agree(fact.tree, wanted, rules.relevant(id)));
    if (passedOn(head, tree) || this.willFail([head], assumed) || this.cannotBeComposed([head], assumed)) return true;
    const whole = this.#wholeTree(head, assumed);
    const against = this.#failuresOf(head, whole);
    const parent = new Set([...whole].filter((id) => id !== head));
    const isProven = [...parent].every((id) => rules.landed().has(id) || passedOn(id, parent));
    return against.length > 0 && (rules.areEnough(against) || !isProven);
  }

  /** The heads whose likeliest path a bundle covers. */
  headsInBundles(): Ids {
    const rules = this.#rules;
    const heads = this.#inOrder(this.#batches.filter(({ state }) => state === "speculating").map(({ id }) => id));
    const landed = rules.landed();
    const bundles = this.#batches
      .toSorted((a, b) => a.arrival - b.arrival)
      .flatMap(({ paths }) => paths)
      .filter((path) => path.heads.length > 1 && (path.state === "building" || path.state === "passed"))
      .filter((path) => !rules.isOutdated(path))
      .map((path) => ({ path, left: this.#inOrder(rules.live(path.heads)).filter((id) => !landed.has(id)) }))
      .filter(({ left }) => left.length > 0 && left.every((id) => heads.includes(id)));
    const place = (id: BatchId | undefined) => heads.indexOf(id as BatchId);
    const covered = new Set<BatchId>();
    let last = -1;
    for (const { path, left } of bundles.toSorted((a, b) => place(a.left[0]) - place(b.left[0]))) {
      const likeliest = union(landed, left, ...left.map((id) => this.likelyToLand(id)));
      const agrees = left.every((id) => agree(rules.tree(path), likeliest, rules.relevant(id)));
      if (place(left[0]) <= last || !agrees || this.#areSeparated(new Set(left), heads)) continue;
      for (const id of left) covered.add(id);
      last = place(left.at(-1));
    }
    return covered;
  }

  /** True when a head outside the bundle has to land between two heads of the bundle. */
  #areSeparated(bundle: Ids, heads: readonly BatchId[]): boolean {
    const behind = new Set<BatchId>();
    const waitsFor = (id: BatchId, ids: Ids) => rulesAhead(id).some((other) => ids.has(other));
    const rulesAhead = (id: BatchId) => this.#rules.undecidedAhead(id);
    for (let size = -1; size !== behind.size; ) {
      size = behind.size;
      for (const id of heads) if (!bundle.has(id) && (waitsFor(id, bundle) || waitsFor(id, behind))) behind.add(id);
    }
    return [...bundle].some((id) => waitsFor(id, behind));
  }
}
