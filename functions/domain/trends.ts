import { type BuildKey, partsOfSqid, type RequestNumber } from "../contracts/ids.ts";
import type { EndEvent } from "../contracts/log-event.ts";
import { type EpochMs, epochMs } from "../contracts/time.ts";
import type { BuildProgress } from "./progress.ts";

/**
 * What is counted per hour. Of requests: how many landed, were `refused` (ended with an error) or were cancelled. Of builds: how many were
 * started (`builds`), and how many of these passed, failed for good, or were retried. A build that was given up counts in `builds` only.
 */
export const COUNTERS = [
  "landed",
  "refused",
  "cancelled",
  "builds",
  "passed",
  "failed",
  "retried",
  /** Of the retried builds, those whose repeat passed (`flakyBuildsIn`). */
  "flaky",
  /** How long the builds took that passed, failed or were retried, in milliseconds, all together. */
  "buildMs",
] as const;
export type Counter = (typeof COUNTERS)[number];

/** What ended in one hour, or in several. A request counts in the hour in which it ended, with all its builds. */
export interface Tally {
  readonly counters: Readonly<Record<Counter, number>>;
  /** How many requests landed, by the step (`stepOf`) of their time to land. Example: {43: 2} when two requests took about a minute. */
  readonly times: Readonly<Record<number, number>>;
  /** How many requests were refused, by the code of the reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** What the end of one request adds to the hour in which it ended. */
export interface EndTally {
  readonly number: RequestNumber;
  readonly endedAt: EpochMs;
  readonly tally: Tally;
}

const HOUR_MS = 3_600_000;

/** The start of the hour that holds the time `at`, on the clock of UTC. */
export const hourOf = (at: EpochMs): EpochMs => epochMs(Math.floor(at / HOUR_MS) * HOUR_MS);

/** The width of a step of time, as a difference of natural logarithms: each step ends at 1.1 times the end of the step before. */
const GROWTH = Math.log(1.1);

/**
 * The step that a time falls into. Times are counted by steps, so that few numbers are stored and a percentile is right to five per cent. Step
 * 0 is up to one second, step n is from 1.1^(n-1) to 1.1^n seconds. A week is step 140. Example: 55 s and 60 s are both step 43.
 */
export const stepOf = (seconds: number): number => (seconds <= 1 ? 0 : Math.ceil(Math.log(seconds) / GROWTH));

/** The time in the middle of a step, in seconds. Example: step 43 is 57.4 s. */
export const secondsOf = (step: number): number => (step === 0 ? 1 : Math.exp((step - 0.5) * GROWTH));

const NOTHING: Tally = {
  counters: Object.fromEntries(COUNTERS.map((counter) => [counter, 0])) as Record<Counter, number>,
  times: {},
  reasons: {},
};

/** What the trends count of a request beside its end. */
export interface RequestFacts {
  readonly receivedAt: EpochMs;
  /** All builds that the log tells of. */
  readonly builds: readonly BuildProgress[];
  /** The failed builds whose repeat passed. */
  readonly flaky: readonly BuildKey[];
}

/**
 * What the end of a request adds to the trends: its outcome, its time to land, the reason of its error, and its builds. A bundle's build is
 * counted for the request of its first head only, so that it counts once.
 */
export function endTallyOf(end: EndEvent, { receivedAt, builds, flaky }: RequestFacts): EndTally {
  const { n } = partsOfSqid(end.sqid);
  const outcome = end.status === "error" ? "refused" : end.status;
  return {
    number: n,
    endedAt: end.at,
    tally: {
      counters: { ...NOTHING.counters, [outcome]: 1, ...countersOf(builds, flaky) },
      times: end.status === "landed" ? { [stepOf((end.at - receivedAt) / 1_000)]: 1 } : {},
      reasons: outcome === "refused" && end.reason !== undefined ? { [end.reason.code]: 1 } : {},
    },
  };
}

type BuildCounters = Pick<Tally["counters"], "builds" | "passed" | "failed" | "retried" | "flaky" | "buildMs">;

function countersOf(builds: readonly BuildProgress[], flaky: readonly BuildKey[]): BuildCounters {
  const own = builds.filter(({ startedAt, isOfAnother }) => startedAt !== undefined && !isOfAnother);
  const total = { builds: own.length, passed: 0, failed: 0, retried: 0, flaky: 0, buildMs: 0 };
  for (const { buildKey, startedAt = 0, endedAt, at, state } of own) {
    if (flaky.includes(buildKey)) total.flaky += 1;
    if (state === "running" || state === "stopped") continue;
    total[state] += 1;
    total.buildMs += Math.max(0, (endedAt ?? at) - startedAt);
  }
  return total;
}

/** The tallies, added up. All zero when there are none. */
export function sumOf(tallies: Iterable<Tally>): Tally {
  const counters = { ...NOTHING.counters };
  const times: Record<number, number> = {};
  const reasons: Record<string, number> = {};
  for (const tally of tallies) {
    for (const counter of COUNTERS) counters[counter] += tally.counters[counter];
    for (const [step, count] of Object.entries(tally.times)) times[Number(step)] = (times[Number(step)] ?? 0) + count;
    for (const [code, count] of Object.entries(tally.reasons)) reasons[code] = (reasons[code] ?? 0) + count;
  }
  return { counters, times, reasons };
}

/**
 * In how many seconds a request that has waited for `waitedSeconds` will probably land: the median time to land of the requests that took longer
 * than `waitedSeconds`, less `waitedSeconds`. Undefined when fewer than five requests took longer.
 *
 * Example: five requests took 10 minutes each, and the request has waited for 4 minutes. About 6 minutes are left.
 */
export function remainingSeconds({ times }: Pick<Tally, "times">, waitedSeconds: number): number | undefined {
  const longer = Object.fromEntries(Object.entries(times).filter(([step]) => secondsOf(Number(step)) > waitedSeconds));
  const count = Object.values(longer).reduce((sum, one) => sum + one, 0);
  const median = count < 5 ? undefined : percentileOf({ times: longer }, 0.5);
  return median === undefined ? undefined : median - waitedSeconds;
}

/** The time, in seconds, within which the share `share` of the requests landed, 0 … 1: the median for 0.5. Undefined when none has landed. */
export function percentileOf({ times }: Pick<Tally, "times">, share: number): number | undefined {
  const steps = Object.entries(times)
    .map(([step, count]) => [Number(step), count] as const)
    .sort(([a], [b]) => a - b);
  const total = steps.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [step, count] of steps) {
    seen += count;
    if (seen >= total * share) return secondsOf(step);
  }
  return undefined;
}

/** `percentileOf` as the API shows the time: to three digits, for the time is right to five per cent. Example: 2.04 for 2.04383. */
export function shownPercentile(tally: Pick<Tally, "times">, share: number): number | undefined {
  const seconds = percentileOf(tally, share);
  return seconds === undefined ? undefined : Number(seconds.toPrecision(3));
}
