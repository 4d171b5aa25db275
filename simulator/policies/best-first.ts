import { Heap } from "../../functions/domain/heap.ts";
import type { Ledger } from "../ledger.ts";
import type { Prediction } from "../predictor.ts";
import type { Settings } from "../run-settings.ts";
import type { Workload } from "../workload.ts";
import { type Build, hasPassed, StrictQueue } from "./strict-queue.ts";

export interface BestFirst {
  /**
   * True: the likeliest unfinished paths, as many as there are builders, are wanted. When the free slots are too few for those that
   * do not run, every running build of another path is aborted. False: a running build keeps its slot until its path is refuted.
   */
  readonly preempts: boolean;
  /** True when every change is taken to land with probability 0.5. */
  readonly ignoresPredictions?: boolean;
  /** A path less likely than this to come true is not built. */
  readonly threshold?: number;
}

/** The probability that an undecided change lands after one of its builds has passed, and after its builds have only failed. */
const LANDS_AFTER_PASS = 0.985;
const LANDS_AFTER_FAILURE = 0.015;

/**
 * Builds the paths that are likeliest to come true, over all undecided changes.
 *
 * Example: B conflicts with A, C conflicts with A and B. A lands with 0.9, B with 0.6. Paths by probability: A (1), "B on A" (0.9),
 * "C on A and B" (0.54), "C on A, without B" (0.36), "B without A" (0.1), … With three slots the first three are built.
 */
export function bestFirst(
  workload: Workload,
  settings: Settings,
  prediction: Prediction,
  { preempts, ignoresPredictions = false, threshold = 0 }: BestFirst,
): Ledger {
  const queue = new StrictQueue(workload, settings);
  const lands = workload.changes.map(({ n }) => (ignoresPredictions ? 0.5 : predicted(prediction, n)));
  const floor = threshold > 0 ? Math.log(threshold) : Number.NEGATIVE_INFINITY;
  return queue.run(() => {
    if (!ignoresPredictions)
      for (const n of queue.toEstimate) if (queue.isUndecided(n)) lands[n] = landingProbability(queue, n, prediction);
    queue.toEstimate.clear();
    if (preempts) preempt(queue, lands, floor);
    else fill(queue, lands, floor);
  });
}

/**
 * The probability that the undecided change `n` lands. Every finished build of `n` counts, also when its path was refuted: the
 * verdict is taken to be about `n`, as the paper does in its dynamic update.
 */
function landingProbability(queue: StrictQueue, n: number, prediction: Prediction): number {
  const live = [...(queue.builds[n]?.values() ?? [])].filter(
    ({ state, failures }) => state === "finished" || failures > 0,
  );
  const finished = [...live, ...(queue.refuted[n] ?? [])];
  if (finished.some(hasPassed)) return LANDS_AFTER_PASS;
  return finished.length > 0 ? LANDS_AFTER_FAILURE : predicted(prediction, n);
}

const predicted = (prediction: Prediction, n: number): number => prediction.told[n] ?? 0.5;

function fill(queue: StrictQueue, lands: readonly number[], floor: number): void {
  if (queue.freeSlots <= 0) return;
  for (const candidate of pathCandidates(queue, lands)) {
    if (candidate.logProbability < floor) return;
    if (queue.builds[candidate.head.n]?.has(keyOf(queue, candidate))) continue;
    queue.start(candidate.head.n, rejectedBy(candidate));
    if (queue.freeSlots <= 0) return;
  }
}

function preempt(queue: StrictQueue, lands: readonly number[], floor: number): void {
  const wanted = new Set<Build>();
  const missing: PathCandidate[] = [];
  for (const candidate of pathCandidates(queue, lands)) {
    if (candidate.logProbability < floor || wanted.size + missing.length >= queue.settings.builders) break;
    const build = queue.builds[candidate.head.n]?.get(keyOf(queue, candidate));
    if (build?.state === "finished") continue;
    if (build) wanted.add(build);
    else missing.push(candidate);
  }
  if (missing.length > queue.freeSlots)
    for (const build of [...queue.running]) if (!wanted.has(build)) queue.abort(build);
  for (const candidate of missing) {
    if (queue.freeSlots <= 0) return;
    queue.start(candidate.head.n, rejectedBy(candidate));
  }
}

/** One assumption of a path turned into its less likely alternative. */
interface Flip {
  readonly n: number;
  /** How much the log-probability of the path falls. Never negative. */
  readonly cost: number;
}

/** A head and what its likeliest path assumes. */
interface HeadAssumptions {
  readonly n: number;
  readonly undecidedAhead: readonly number[];
  /** The undecided changes ahead that the likeliest path leaves out. */
  readonly unlikely: readonly number[];
  /** Cheapest first. Computed when the likeliest path of the head has been taken. */
  flips?: readonly Flip[];
}

/** A path that may be built: the likeliest path of its head, with `flips` turned. */
interface PathCandidate {
  readonly head: HeadAssumptions;
  readonly logProbability: number;
  /** Indexes into the head's flips, ascending. */
  readonly flips: readonly number[];
}

/** The log-probability of the likelier outcome of a change that lands with probability `p`. */
const logOfLikelier = (p: number): number => Math.log(Math.max(p, 1 - p));
/** The log-probability of the less likely outcome of a change that lands with probability `p`. */
const logOfUnlikelier = (p: number): number => Math.log(Math.max(1e-300, Math.min(p, 1 - p)));

/** The undecided changes ahead that the path leaves out. */
function rejectedBy({ head, flips }: PathCandidate): number[] {
  if (flips.length === 0) return [...head.unlikely];
  const rejected = new Set(head.unlikely);
  for (const flip of flips) {
    const n = head.flips?.[flip]?.n ?? -1;
    if (!rejected.delete(n)) rejected.add(n);
  }
  return [...rejected];
}

const keyOf = (queue: StrictQueue, candidate: PathCandidate): number =>
  queue.keyOf(candidate.head.n, rejectedBy(candidate));

/**
 * Every path of every undecided change, likeliest first. A path is made only when the caller takes the one before.
 *
 * A head with k undecided changes ahead has 2^k paths, so the paths are enumerated by their flips. The head's flips are sorted by
 * cost. After a path with last flip i come two candidates that cost no less: flip i + 1 in addition, and flip i + 1 instead of i.
 * Every set of flips is reached exactly once: {} → {0} → {0,1} and {1} → …
 *
 * Example: C conflicts with A (lands with 0.9) and B (0.6). Flipping B costs less than flipping A. Order: "A, B" (0.54), "A, not B"
 * (0.36), "not A, B" (0.06), "neither" (0.04).
 */
function* pathCandidates(queue: StrictQueue, lands: readonly number[]): Generator<PathCandidate, void, void> {
  const p = (n: number) => lands[n] ?? 0.5;
  const firsts = queue.undecided.map((n): PathCandidate => {
    const ahead = queue.undecidedAhead(n);
    const logProbability = ahead.reduce((sum, other) => sum + logOfLikelier(p(other)), 0);
    return {
      head: { n, undecidedAhead: ahead, unlikely: ahead.filter((other) => p(other) < 0.5) },
      logProbability,
      flips: [],
    };
  });
  const heap = new Heap(precedes, firsts);
  for (let candidate = heap.pop(); candidate !== undefined; candidate = heap.pop()) {
    yield candidate;
    const { head } = candidate;
    head.flips ??= head.undecidedAhead
      .map((n) => ({ n, cost: logOfLikelier(p(n)) - logOfUnlikelier(p(n)) }))
      .sort((a, b) => (a.cost === b.cost ? a.n - b.n : a.cost - b.cost));
    const last = candidate.flips.at(-1) ?? -1;
    const next = head.flips[last + 1];
    if (next === undefined) continue;
    heap.push({ head, logProbability: candidate.logProbability - next.cost, flips: [...candidate.flips, last + 1] });
    if (last < 0) continue;
    const cost = next.cost - (head.flips[last]?.cost ?? 0);
    const flips = [...candidate.flips.slice(0, -1), last + 1];
    heap.push({ head, logProbability: candidate.logProbability - cost, flips });
  }
}

const precedes = (a: PathCandidate, b: PathCandidate): boolean =>
  a.logProbability !== b.logProbability
    ? a.logProbability > b.logProbability
    : a.flips.length !== b.flips.length
      ? a.flips.length < b.flips.length
      : a.head.n < b.head.n;
