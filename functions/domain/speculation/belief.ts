import { compareLandingOrder } from "../batch.ts";
import type { BitSet } from "../bit-set.ts";
import type { Evidence, QueueIndex } from "../queue-index.ts";
import { type Failure, factorOf, failuresIn } from "./failures.ts";
import type { Prediction } from "./scorer.ts";

/** How likely a batch is to land after one of its builds has passed, before conflicts that the build did not contain are counted. */
const PROVEN = 0.998;
/** How likely a batch is to land after a failure that no other batch can be the cause of. No failed build makes a batch less likely. */
const DISPROVEN = 0.015;
/** Just below one half, so that the likeliest path assumes that the batch does not land. */
const LESS_THAN_HALF = 0.49;

/**
 * How likely each batch is to land. The probability starts from the scorer's prediction, or from PROVEN once a build of the batch has passed.
 * It is multiplied by (1 - clash rate) for each untested conflict: a conflicting batch, landed or ahead, that is missing in the passed build
 * that misses fewest. A failed build lowers the probability, and the more so, the likelier this batch is the cause (`#despite`).
 *
 * Example: the scorer says 0.9 of H, the clash rate is 0.01, and A and B conflict with H and are ahead of it. H lands with 0.9 · 0.99². After
 * {A, H} has passed, H lands with 0.998 · 0.99. After {B, H} has passed too, this does not change: no single build has had both A and B.
 *
 * Probabilities are computed once per batch, so a belief is good for one state of the queue only.
 */
export class Belief {
  readonly #index: QueueIndex;
  /** What the scorer says of batch i. */
  readonly #predict: (i: number) => Prediction;
  /** How likely two batches that conflict are to fail together. */
  readonly #clashRate: number;
  readonly #known = new Map<number, number>();
  readonly #aheadByBatch = new Map<number, BitSet>();
  readonly #emptyTree: BitSet;
  #failures: readonly Failure[] | undefined;

  constructor(index: QueueIndex, predict: (i: number) => Prediction, clashRate: number) {
    this.#index = index;
    this.#predict = predict;
    this.#clashRate = clashRate;
    this.#emptyTree = index.emptySet();
  }

  /** The probability, 0 … 1, that batch i lands. 1 when it has landed or is landing, 0 when it will never land. */
  landProbability(i: number): number {
    const known = this.#known.get(i);
    if (known !== undefined) return known;
    const probability = this.#computed(i);
    this.#known.set(i, probability);
    return probability;
  }

  /** `landProbability`, worked out anew. */
  #computed(i: number): number {
    const index = this.#index;
    const { state } = index.batch(i);
    if (state === "landing" || state === "landed") return 1;
    if (index.neverLanding.has(i)) return 0;
    const evidence = index.evidenceOf(i);
    const passed = evidence.filter((build) => build.passed);
    const trees = passed.length > 0 ? passed.map(({ tree }) => tree) : [this.#emptyTree];
    const prior = passed.length > 0 ? PROVEN : this.#predict(i).success;
    const untested = Math.min(...trees.map((tree) => this.#countUntested(i, tree)));
    let probability = prior * (1 - this.#clashRate) ** untested;
    for (const build of evidence)
      if (build.path.unappliable !== undefined) probability = Math.min(probability, this.#appliesDespite(build, i));
    for (const failure of this.failures) {
      const risk = failure.risks.get(i);
      if (risk !== undefined) probability = Math.min(probability, this.#despite(failure, i, risk));
    }
    return probability;
  }

  /** The failed builds, each with its possible causes. See `failuresIn`. */
  get failures(): readonly Failure[] {
    this.#failures ??= failuresIn(this.#index, (build, i) => this.#riskIn(build, i));
    return this.#failures;
  }

  /**
   * The probability, 0 … 1, that all batches of `landing` land and no batch of `failing` does. It is the product of the single probabilities,
   * unless one failed build has several possible causes among these batches: at least one of the causes is at fault. See `factorOf`.
   *
   * Example: A and B were expected to pass with 0.9 each, and {A, B} has failed, which happens with 1 - 0.9² = 0.19. Each lands with
   * 1 - 0.1 / 0.19 = 0.47. That both land has the probability 0, not 0.47². That A lands and B does not has 0.9 · 0.1 / 0.19 = 0.47.
   */
  jointProbability(landing: readonly number[], failing: readonly number[]): number {
    let probability = 1;
    for (const i of landing) probability *= this.landProbability(i);
    for (const i of failing) probability *= 1 - this.landProbability(i);
    if (probability === 0 || this.failures.length === 0) return probability;
    const [lands, fails] = [this.#index.setOf(landing), this.#index.setOf(failing)];
    for (const failure of this.failures)
      if (failure.risks.size > 1) probability *= factorOf(failure, lands, fails, (i) => this.landProbability(i));
    return Math.min(1, probability);
  }

  /** The undecided batches ahead of batch i. */
  #ahead(i: number): BitSet {
    let ahead = this.#aheadByBatch.get(i);
    if (ahead === undefined) {
      ahead = this.#index.undecidedAheadSet(i);
      this.#aheadByBatch.set(i, ahead);
    }
    return ahead;
  }

  /** How many batches that conflict with batch i have landed, or are undecided and ahead of it, and are not in the tree. */
  #countUntested(i: number, tree: BitSet): number {
    const index = this.#index;
    const ahead = this.#ahead(i);
    return index.landed.countMissingIn(tree, index.unbypassedConflicts(i)) + ahead.countMissingIn(tree, ahead);
  }

  /**
   * How likely batch i is to land although the build has failed. `risk` is the probability that batch i breaks the build, as it was before the
   * outcome was known. Batch i may land because another batch was the cause, or because the cause was a conflict with a batch that does not
   * land.
   *
   * Example: {A, H} has failed, builds test everything, and neither A nor H has passed. A was expected to pass with 0.9, H with 0.6. So the
   * build was to fail with 1 - 0.9 · 0.6 = 0.46. H is at fault with 0.4 / 0.46 = 0.87, so H lands with 0.13 or a little more.
   */
  #despite({ build, probability }: Failure, i: number, risk: number): number {
    const index = this.#index;
    const ownFault = index.hasPassed(i) ? 0 : 1 - Math.min(PROVEN, this.#predict(i).success);
    const untested = this.#untestedConflicts(build, i);
    const expectedLandings = untested.reduce((sum, other) => sum + this.landProbability(other), 0);
    const conflictGoesAway =
      (this.#clashRate * (untested.length - expectedLandings)) / (ownFault + this.#clashRate * untested.length);
    return Math.max(DISPROVEN, 1 - (1 - conflictGoesAway) * Math.min(1, risk / probability));
  }

  /** The probability that batch i breaks the build, as it was before the outcome was known. 0 when batch i cannot be the cause. */
  #riskIn(build: Evidence, i: number): number {
    if (!this.#mayBeCause(build, i)) return 0;
    const success = this.#index.hasPassed(i) ? 1 : Math.min(PROVEN, this.#predict(i).success);
    return 1 - success * (1 - this.#clashRate) ** this.#untestedConflicts(build, i).length;
  }

  /**
   * How likely batch i is to apply after all, although a composition was refused at batch i. It applies when the batch below it that is the
   * cause does not land. Any batch below may be the cause, so this is the average probability, over the batches below, of not landing. The
   * average is cut to LESS_THAN_HALF when each of them is expected to land, so that no likeliest path contains all of them and batch i.
   *
   * Example: X was refused on {A, B}, which land with 0.9 and 0.7. X lands with (0.1 + 0.3) / 2 = 0.2.
   */
  #appliesDespite({ tree }: Evidence, i: number): number {
    const index = this.#index;
    const below = [...tree.without(i)].filter((other) => !index.landed.has(other));
    const chances = below.map((other) => this.#landsBefore(other, i));
    const average = chances.reduce((sum, chance) => sum + 1 - chance, 0) / Math.max(1, chances.length);
    const allAreExpected = chances.every((chance) => chance >= 0.5);
    return Math.max(DISPROVEN, allAreExpected ? Math.min(average, LESS_THAN_HALF) : average);
  }

  /**
   * How likely `other` is to land before batch i:
   * - 0 when `other` will never land, or is behind batch i.
   * - Its `landProbability` when `other` conflicts with batch i and is ahead.
   * - Otherwise the scorer's prediction, but at least LESS_THAN_HALF. No order binds two independent batches, so the `landProbability` of each
   *   could need that of the other, without an end.
   */
  #landsBefore(other: number, i: number): number {
    if (this.#index.neverLanding.has(other)) return 0;
    if (this.#ahead(i).has(other)) return this.landProbability(other);
    return compareLandingOrder(this.#index.batch(other), this.#index.batch(i)) < 0
      ? Math.max(LESS_THAN_HALF, this.#predict(other).success)
      : 0;
  }

  /**
   * True when batch i may be the cause of the failure of the build: no build of batch i has passed, or batch i was a head of this build and the
   * tree held an untested conflict of batch i.
   */
  #mayBeCause(build: Evidence, i: number): boolean {
    const index = this.#index;
    if (!index.hasPassed(i)) return true;
    return build.path.heads.includes(index.batch(i).id) && this.#untestedConflicts(build, i).length > 0;
  }

  /**
   * The conflicts of batch i in the build's tree that no passed build of batch i has contained. Undecided batches behind batch i are left out:
   * a conflict with such a batch is the fault of the batch behind.
   *
   * Example: A ← H ← C, and a build of {A, H} has passed. Of a failed bundle {A, B, H, C} with B ahead of H, the untested conflict of H is
   * B: A has been tested, and C is behind.
   */
  #untestedConflicts({ tree }: Evidence, i: number): number[] {
    const index = this.#index;
    const passed = index.evidenceOf(i).filter((build) => build.passed);
    const ahead = this.#ahead(i);
    const isNotBehind = (other: number) => ahead.has(other) || index.landed.has(other) || index.neverLanding.has(other);
    return [...index.unbypassedConflicts(i)].filter(
      (other) => tree.has(other) && isNotBehind(other) && !passed.some((build) => build.tree.has(other)),
    );
  }
}
