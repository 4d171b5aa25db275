import type { Quantiles } from "./measures.ts";

/**
 * The published turnaround of SubmitQueue as a multiple of the oracle's, from 'Keeping Master Green at Scale' (EuroSys 2019), read off
 * slides 54 and 56 of the authors. Their changes are not public. By changes per hour, for 100, 200, 300, 400 and 500 builders.
 */
const P50: Readonly<Record<number, readonly number[]>> = {
  500: [2.56, 1.77, 1.49, 1.38, 1.26],
  400: [2.57, 1.87, 1.59, 1.47, 1.42],
  300: [2.52, 1.87, 1.44, 1.31, 1.28],
  200: [2.98, 2.04, 1.92, 1.72, 1.54],
  100: [1.83, 1.0, 1.02, 1.0, 1.0],
};
const P99: Readonly<Record<number, readonly number[]>> = {
  500: [2.87, 1.84, 1.52, 1.39, 1.21],
  400: [3.25, 2.0, 1.62, 1.51, 1.35],
  300: [3.55, 2.45, 1.83, 1.54, 1.53],
  200: [3.95, 2.57, 1.95, 1.63, 1.51],
  100: [2.19, 1.65, 1.46, 1.38, 1.25],
};

/** Undefined when nothing was published for the rate and the number of builders. */
export function published(rate: number, builders: number): Pick<Quantiles, "p50" | "p99"> | undefined {
  const [p50, p99] = [P50[rate]?.[builders / 100 - 1], P99[rate]?.[builders / 100 - 1]];
  return p50 === undefined || p99 === undefined ? undefined : { p50, p99 };
}
