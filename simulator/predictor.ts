import { normal, streamOf } from "./random.ts";
import type { Change } from "./workload.ts";

export const PREDICTORS = ["told", "blurred", "flat", "history"] as const;
export type PredictorName = (typeof PREDICTORS)[number];

/** What policies are told about a change before anything has been built. */
export interface Prediction {
  readonly name: PredictorName;
  /** Per change, the probability that it passes on its own merit, in thousandths. `history`: the mean, for those that do not learn. */
  readonly told: readonly number[];
}

/** Mean squared difference between what is told and what happens, to which `blurred` is tuned. Knowing only the base rate gives 0.109. */
export const BLURRED_BRIER = 0.1;

const logit = (p: number): number => Math.log(p / (1 - p));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const thousandths = (p: number): number => Math.min(999, Math.max(1, Math.round(p * 1000))) / 1000;

export function predictorFor(name: PredictorName, changes: readonly Change[], seed: number): Prediction {
  const told = toldBy(name, changes, seed).map(thousandths);
  return { name, told };
}

function toldBy(name: PredictorName, changes: readonly Change[], seed: number): number[] {
  const latent = changes.map((change) => change.latent);
  if (name === "told") return latent;
  if (name === "flat" || name === "history") {
    const mean = latent.reduce((sum, p) => sum + p, 0) / Math.max(1, latent.length);
    return latent.map(() => mean);
  }
  const stream = streamOf(seed, "blur");
  const noise = latent.map(() => normal(stream));
  const blurred = (size: number) => latent.map((p, n) => sigmoid(logit(p) + size * (noise[n] ?? 0)));
  let [least, most] = [0, 20];
  for (let i = 0; i < 40; i++) {
    const middle = (least + most) / 2;
    if (expectedBrier(latent, blurred(middle)) < BLURRED_BRIER) least = middle;
    else most = middle;
  }
  return blurred(least);
}

/** Over all ways that the changes can turn out. */
function expectedBrier(latent: readonly number[], told: readonly number[]): number {
  const sum = latent.reduce((total, p, n) => {
    const said = told[n] ?? 0.5;
    return total + p * (1 - said) ** 2 + (1 - p) * said ** 2;
  }, 0);
  return sum / Math.max(1, latent.length);
}
