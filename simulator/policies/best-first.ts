import { Heap } from "../../functions/domain/heap.ts";
import type { Ledger } from "../ledger.ts";
import type { Prediction } from "../predictor.ts";
import type { Settings } from "../settings.ts";
import type { Workload } from "../workload.ts";
import { type Build, Line } from "./line.ts";

export interface BestFirst {
  /** Builds outside the best are aborted at every event; else a running build keeps its slot until it is contradicted. */
  readonly preempts: boolean;
  /** Every outcome is taken to be equally likely. */
  readonly blind?: boolean;
  /** Builds less likely to be needed are not started. */
  readonly threshold?: number;
}

/** How likely a change is to land once a build that may still come true has passed, and once one has failed. numbers.md 6.1. */
const PROVEN = 0.985;
const DISPROVEN = 0.015;

/** Best-first on the probability that a build is needed. 2019: pre-emptive. */
export function bestFirst(
  workload: Workload,
  settings: Settings,
  prediction: Prediction,
  { preempts, blind = false, threshold = 0 }: BestFirst,
): Ledger {
  const line = new Line(workload, settings);
  const lands = workload.changes.map(({ n }) => (blind ? 0.5 : told(prediction, n)));
  const floor = threshold > 0 ? Math.log(threshold) : Number.NEGATIVE_INFINITY;
  return line.run(() => {
    if (!blind) for (const n of line.touched) if (line.isUndecided(n)) lands[n] = belief(line, n, prediction);
    line.touched.clear();
    if (preempts) preempt(line, lands, floor);
    else fill(line, lands, floor);
  });
}

/** Whatever a build was based on, and whatever has become of that, its verdict is taken to be about its head: numbers.md 6.1, "dynamic update". */
function belief(line: Line, n: number, prediction: Prediction): number {
  const live = [...(line.builds[n]?.values() ?? [])].filter((build) => build.state === "finished");
  const finished = [...live, ...(line.contradicted[n] ?? [])];
  if (finished.some((build) => build.passed)) return PROVEN;
  return finished.length > 0 ? DISPROVEN : told(prediction, n);
}

const told = (prediction: Prediction, n: number): number => prediction.told[n] ?? 0.5;

function fill(line: Line, lands: readonly number[], floor: number): void {
  if (line.free <= 0) return;
  for (const guess of guesses(line, lands)) {
    if (guess.logProbability < floor) return;
    if (line.builds[guess.head.n]?.has(keyOf(line, guess))) continue;
    line.start(guess.head.n, rejectedOf(guess));
    if (line.free <= 0) return;
  }
}

function preempt(line: Line, lands: readonly number[], floor: number): void {
  const wanted = new Set<Build>();
  const missing: Guess[] = [];
  for (const guess of guesses(line, lands)) {
    if (guess.logProbability < floor || wanted.size + missing.length >= line.settings.builders) break;
    const build = line.builds[guess.head.n]?.get(keyOf(line, guess));
    if (build?.state === "finished") continue;
    if (build) wanted.add(build);
    else missing.push(guess);
  }
  if (missing.length > line.free) for (const build of [...line.running]) if (!wanted.has(build)) line.abort(build);
  for (const guess of missing) {
    if (line.free <= 0) return;
    line.start(guess.head.n, rejectedOf(guess));
  }
}

interface Flip {
  readonly n: number;
  /** In log-probability; never negative. */
  readonly cost: number;
}

interface Head {
  readonly n: number;
  readonly open: readonly number[];
  /** Assumed to be rejected by the likeliest guess. */
  readonly unlikely: readonly number[];
  flips?: readonly Flip[];
}

interface Guess {
  readonly head: Head;
  readonly logProbability: number;
  /** Indexes into the head's flips, ascending. */
  readonly flips: readonly number[];
}

const cheap = (p: number): number => Math.log(Math.max(p, 1 - p));
const dear = (p: number): number => Math.log(Math.max(1e-300, Math.min(p, 1 - p)));

function rejectedOf({ head, flips }: Guess): number[] {
  if (flips.length === 0) return [...head.unlikely];
  const rejected = new Set(head.unlikely);
  for (const flip of flips) {
    const n = head.flips?.[flip]?.n ?? -1;
    if (!rejected.delete(n)) rejected.add(n);
  }
  return [...rejected];
}

const keyOf = (line: Line, guess: Guess): number => line.keyOf(guess.head.n, rejectedOf(guess));

/** Every guess of every undecided change, likeliest first, made as they are asked for. */
function* guesses(line: Line, lands: readonly number[]): Generator<Guess, void, void> {
  const p = (n: number) => lands[n] ?? 0.5;
  const firsts = line.undecided.map((n): Guess => {
    const open = line.openAhead(n);
    const logProbability = open.reduce((sum, other) => sum + cheap(p(other)), 0);
    return { head: { n, open, unlikely: open.filter((other) => p(other) < 0.5) }, logProbability, flips: [] };
  });
  const heap = new Heap(precedes, firsts);
  for (let guess = heap.pop(); guess !== undefined; guess = heap.pop()) {
    yield guess;
    const { head } = guess;
    head.flips ??= head.open
      .map((n) => ({ n, cost: cheap(p(n)) - dear(p(n)) }))
      .sort((a, b) => (a.cost === b.cost ? a.n - b.n : a.cost - b.cost));
    const last = guess.flips.at(-1) ?? -1;
    const next = head.flips[last + 1];
    if (next === undefined) continue;
    heap.push({ head, logProbability: guess.logProbability - next.cost, flips: [...guess.flips, last + 1] });
    if (last < 0) continue;
    const cost = next.cost - (head.flips[last]?.cost ?? 0);
    const flips = [...guess.flips.slice(0, -1), last + 1];
    heap.push({ head, logProbability: guess.logProbability - cost, flips });
  }
}

const precedes = (a: Guess, b: Guess): boolean =>
  a.logProbability !== b.logProbability
    ? a.logProbability > b.logProbability
    : a.flips.length !== b.flips.length
      ? a.flips.length < b.flips.length
      : a.head.n < b.head.n;
