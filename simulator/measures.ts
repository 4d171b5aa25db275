import type { Decision, Ledger } from "./ledger.ts";
import type { Workload } from "./workload.ts";

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/**
 * What one policy achieved in one run. `ratio` divides each quantile of the policy's turnarounds by the same quantile of the oracle's.
 *
 * Example: the median turnaround is 60 minutes, the oracle's is 40. `minutes.p50` is 60, `ratio.p50` is 1.5.
 */
export interface Measures {
  readonly ratio: Quantiles;
  readonly minutes: Quantiles;
  /** Minutes from request to landing, of the landed changes only. */
  readonly landing: Quantiles;
  /**
   * Minutes from request to landing, divided by the minutes of the change's own build; of the landed changes only.
   *
   * Example: a change with a build of 10 minutes lands 15 minutes after the request: 1.5.
   */
  readonly timesOwn: Quantiles;
  /** Builds started, divided by the landed changes. */
  readonly buildsPerLanded: number;
  /** Changes that landed although each clashes with a change that had landed. */
  readonly trunkBroken: number;
  /** Builds started, divided by all changes. */
  readonly buildsPerChange: number;
  /** Hours of taken slots, aborted builds included, divided by the landed changes. */
  readonly builderHoursPerLanded: number;
  /** The share of the started builds that were given up. */
  readonly abortedShare: number;
  /** Landed changes per hour from the first arrival to the last decision. */
  readonly landedPerHour: number;
  readonly landed: number;
  /** P95 of the minutes from the end of the build that decided a change to its decision. */
  readonly waitingP95: number;
  /** The share of the landed changes that landed by a bypass. */
  readonly bypassShare: number;
  /** How many changes were rejected although each passes and clashes with no change that had landed by then. */
  readonly falseRejections: number;
  /**
   * The mean squared difference between the probability that the planner was told and 1 (passes) or 0 (fails). Absent for policies
   * that do not drive the product's planner.
   */
  readonly brier?: number;
  /** How often the planner ran, and the real time of a run in milliseconds. Absent for policies that do not drive the product's planner. */
  readonly plannerMs?: { readonly runs: number; readonly p50: number; readonly p95: number };
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The value at the nearest rank. 0 when there are no values. Example: percentile([10, 20, 30, 40], 0.5) is 20. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export const quantiles = (values: readonly number[]): Quantiles => ({
  p50: percentile(values, 0.5),
  p95: percentile(values, 0.95),
  p99: percentile(values, 0.99),
});

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** Minutes from arrival to decision, of every change that was not cancelled. */
function turnarounds({ changes }: Workload, { decisions }: Ledger): number[] {
  return changes.flatMap(({ n, arrivalMs }) => {
    const decision = decisions[n];
    return decision === undefined || decision.outcome === "cancelled" ? [] : [(decision.atMs - arrivalMs) / MINUTE];
  });
}

/** Measures `ledger`. `oracle` is the ledger of the oracle on the same workload. */
export function measure(workload: Workload, ledger: Ledger, oracle: Ledger): Measures {
  const decided = ledger.decisions.filter((decision): decision is Decision => decision !== undefined);
  const landed = decided.filter(({ outcome }) => outcome === "landed");
  const minutes = quantiles(turnarounds(workload, ledger));
  const best = quantiles(turnarounds(workload, oracle));
  const landings = workload.changes.flatMap(({ n, arrivalMs, buildMs }) => {
    const decision = ledger.decisions[n];
    return decision?.outcome === "landed" ? [{ ms: decision.atMs - arrivalMs, buildMs }] : [];
  });
  const waiting = decided.flatMap(({ atMs, provenMs }) => (provenMs === undefined ? [] : [(atMs - provenMs) / MINUTE]));
  const lastMs = decided.reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
  const { plannerMs, predictions } = ledger;
  return {
    ratio: {
      p50: share(minutes.p50, best.p50),
      p95: share(minutes.p95, best.p95),
      p99: share(minutes.p99, best.p99),
    },
    minutes,
    landing: quantiles(landings.map(({ ms }) => ms / MINUTE)),
    timesOwn: quantiles(landings.map(({ ms, buildMs }) => share(ms, buildMs))),
    buildsPerLanded: share(ledger.started, landed.length),
    trunkBroken: ledger.trunkBroken,
    buildsPerChange: share(ledger.started, workload.changes.length),
    builderHoursPerLanded: share(ledger.busyMs / HOUR, landed.length),
    abortedShare: share(ledger.aborted, ledger.started),
    landedPerHour: share(landed.length, (lastMs - (workload.changes[0]?.arrivalMs ?? 0)) / HOUR),
    landed: landed.length,
    waitingP95: percentile(waiting, 0.95),
    bypassShare: share(landed.filter(({ bypassed }) => bypassed).length, landed.length),
    falseRejections: ledger.falseRejections,
    ...(predictions.length > 0 ? { brier: brierOf(predictions) } : {}),
    ...(plannerMs.length > 0
      ? { plannerMs: { runs: plannerMs.length, p50: percentile(plannerMs, 0.5), p95: percentile(plannerMs, 0.95) } }
      : {}),
  };
}

type Predictions = Ledger["predictions"];

const brierOf = (predictions: Predictions): number =>
  share(
    predictions.reduce((sum, { told, passes }) => sum + ((passes ? 1 : 0) - told) ** 2, 0),
    predictions.length,
  );

/**
 * What was predicted against what happened, for the changes whose told probability of passing is between `from` and `to`: their number,
 * the mean of what was told, and the share that passes.
 *
 * Example: 10 changes were told to pass with 0.2, 3 of them pass: from 0.2, to 0.3, changes 10, told 0.2, passed 0.3.
 */
export interface Reliability {
  readonly from: number;
  readonly to: number;
  readonly changes: number;
  readonly told: number;
  readonly passed: number;
}

/** The reliability per tenth of the told probability. A tenth without changes is left out. */
export function reliabilityOf(predictions: Predictions): Reliability[] {
  return Array.from({ length: 10 }, (_, tenth) => {
    const inside = predictions.filter(({ told }) => Math.min(9, Math.floor(told * 10)) === tenth);
    return {
      from: tenth / 10,
      to: (tenth + 1) / 10,
      changes: inside.length,
      told: share(
        inside.reduce((sum, { told }) => sum + told, 0),
        inside.length,
      ),
      passed: share(inside.filter(({ passes }) => passes).length, inside.length),
    };
  }).filter(({ changes }) => changes > 0);
}
