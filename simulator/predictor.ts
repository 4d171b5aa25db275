import { normal, streamOf } from "./random-streams.ts";
import type { Change } from "./workload.ts";

/**
 * Where policies get the probability that a change passes. `told`: the true probability. `blurred`: the true probability with noise.
 * `flat`: the mean of all changes. `history`: the product's planner learns from outcomes; other policies get the mean.
 */
export const PREDICTORS = ["told", "blurred", "flat", "history"] as const;
export type PredictorName = (typeof PREDICTORS)[number];

/** What policies are told about the changes before any build. */
export interface Prediction {
  readonly name: PredictorName;
  /** Per change, the probability that the change passes alone, rounded to thousandths. */
  readonly told: readonly number[];
}

/** The Brier score (mean squared difference between told probability and outcome) of `blurred`. Telling only the mean gives 0.109. */
const BLURRED_BRIER = 0.1;

const logit = (p: number): number => Math.log(p / (1 - p));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const thousandths = (p: number): number => Math.min(999, Math.max(1, Math.round(p * 1000))) / 1000;

/** The same seed gives the same noise. */
export function predictorFor(name: PredictorName, changes: readonly Change[], seed: number): Prediction {
  const told = toldBy(name, changes, seed).map(thousandths);
  return { name, told };
}

/** `blurred` searches the size of the noise on the log-odds that gives BLURRED_BRIER. */
function toldBy(name: PredictorName, changes: readonly Change[], seed: number): number[] {
  const truth = changes.map((change) => change.successProbability);
  if (name === "told") return truth;
  if (name === "flat" || name === "history") {
    const mean = truth.reduce((sum, p) => sum + p, 0) / Math.max(1, truth.length);
    return truth.map(() => mean);
  }
  const stream = streamOf(seed, "blur");
  const noise = truth.map(() => normal(stream));
  const blurred = (size: number) => truth.map((p, n) => sigmoid(logit(p) + size * (noise[n] ?? 0)));
  let [least, most] = [0, 20];
  for (let i = 0; i < 40; i++) {
    const middle = (least + most) / 2;
    if (expectedBrier(truth, blurred(middle)) < BLURRED_BRIER) least = middle;
    else most = middle;
  }
  return blurred(least);
}

/** The Brier score of `told`, as a mean over all possible outcomes of changes that pass with the probabilities `truth`. */
function expectedBrier(truth: readonly number[], told: readonly number[]): number {
  const sum = truth.reduce((total, p, n) => {
    const said = told[n] ?? 0.5;
    return total + p * (1 - said) ** 2 + (1 - p) * said ** 2;
  }, 0);
  return sum / Math.max(1, truth.length);
}
