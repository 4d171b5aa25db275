import { partsOfSqid, type RequestNumber } from "../contracts/ids.ts";
import { hasEnded, type LogEvent, type StatusEvent } from "../contracts/log-event.ts";
import { type EpochMs, epochMs } from "../contracts/time.ts";
import { flakyBuildsIn } from "./flakes.ts";

/** The counters of a bucket. `builds` are those that were started; a build that was given up has none of the three outcomes. */
export const COUNTERS = [
  "landed",
  "refused",
  "cancelled",
  "builds",
  "passed",
  "failed",
  "retried",
  /** Of the retried builds, those whose repeat passed. */
  "flaky",
  /** Of builds that came to an outcome. */
  "buildMs",
] as const;
export type Counter = (typeof COUNTERS)[number];

/** What happened in an hour, or in several. */
export interface Tally {
  readonly counters: Readonly<Record<Counter, number>>;
  /** How many requests landed after so long, by the step of their time (`stepOf`). */
  readonly times: Readonly<Record<number, number>>;
  /** How many requests were refused, by the code of the reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** What the end of one request adds to its hour. */
export interface EndOfRequest {
  readonly number: RequestNumber;
  readonly endedAt: EpochMs;
  readonly tally: Tally;
}

const HOUR_MS = 3_600_000;

/** The start of the hour of a moment. */
export const hourOf = (at: EpochMs): EpochMs => epochMs(Math.floor(at / HOUR_MS) * HOUR_MS);

/**
 * Times are counted in steps that grow by a tenth, so that a percentile is right to five per cent, and an hour has some forty of them at most.
 * Step 0 is up to a second. Example: 60 s and 63 s are both step 43.
 */
const GROWTH = Math.log(1.1);
export const stepOf = (seconds: number): number => (seconds <= 1 ? 0 : Math.ceil(Math.log(seconds) / GROWTH));
/** A time in the middle of a step, in seconds. */
export const secondsOf = (step: number): number => (step === 0 ? 1 : Math.exp((step - 0.5) * GROWTH));

const NOTHING: Tally = {
  counters: Object.fromEntries(COUNTERS.map((counter) => [counter, 0])) as Record<Counter, number>,
  times: {},
  reasons: {},
};

/**
 * What the end of a request adds to the trends: its outcome, its time to land, its reason, and the builds of its own. A build of several
 * requests is the first head's own, so that it counts once. Undefined when `end` is no end. Entries in any order.
 */
export function endOfRequest(end: LogEvent, entries: readonly LogEvent[]): EndOfRequest | undefined {
  if (end.kind !== "status" || !hasEnded(end.status)) return undefined;
  const { n } = partsOfSqid(end.sqid);
  const outcome = end.status === "error" ? "refused" : end.status;
  const accepted = entries.find(
    (entry): entry is StatusEvent => entry.kind === "status" && entry.status === "accepted",
  );
  const isLanding = end.status === "landed" && accepted !== undefined;
  return {
    number: n,
    endedAt: end.at,
    tally: {
      counters: { ...NOTHING.counters, [outcome]: 1, ...buildsOf(n, entries) },
      times: isLanding ? { [stepOf((end.at - accepted.at) / 1_000)]: 1 } : {},
      reasons: outcome === "refused" && end.reason !== undefined ? { [end.reason.code]: 1 } : {},
    },
  };
}

type BuildCounters = Pick<Tally["counters"], "builds" | "passed" | "failed" | "retried" | "flaky" | "buildMs">;

function buildsOf(n: RequestNumber, entries: readonly LogEvent[]): BuildCounters {
  const startedAt = new Map<unknown, EpochMs>();
  for (const entry of entries)
    if (entry.kind === "event" && entry.event === "building" && isOwn(n, entry))
      startedAt.set(entry.metadata["build_key"], entry.at);
  const flaky = flakyBuildsIn(entries).filter(({ buildKey }) => startedAt.has(buildKey)).length;
  const total = { builds: startedAt.size, passed: 0, failed: 0, retried: 0, flaky, buildMs: 0 };
  for (const [key, start] of startedAt) {
    const about = entries.filter((entry) => entry.kind === "event" && entry.metadata["build_key"] === key);
    const named = (name: string) => about.find((entry) => entry.kind === "event" && entry.event === name);
    const [built, failed, retried] = [named("built"), named("build_failed"), named("retrying")];
    const outcome = retried ? "retried" : failed ? "failed" : built ? "passed" : undefined;
    const end = built ?? failed ?? retried;
    if (outcome === undefined || end === undefined) continue;
    total[outcome] += 1;
    total.buildMs += Math.max(0, end.at - start);
  }
  return total;
}

/** `main/batch/7`, and `main/batch/7.1` after a split, are of request 7. */
const isOwn = (n: RequestNumber, { metadata }: LogEvent): boolean => {
  const label =
    String(metadata["batch_id"] ?? "")
      .split("/")
      .at(-1) ?? "";
  return label === "" || label.split(".", 1)[0] === String(n);
};

/** The sum of tallies. */
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
 * How long a request that has waited for so long will probably wait until it lands, in seconds: of the requests that took longer, the
 * median took that much more. Undefined when fewer than five took longer. Example: five requests took 10 minutes, and one has waited for 4
 * minutes: 6 minutes are left.
 */
export function remainingSeconds({ times }: Pick<Tally, "times">, waitedSeconds: number): number | undefined {
  const longer = Object.fromEntries(Object.entries(times).filter(([step]) => secondsOf(Number(step)) > waitedSeconds));
  const count = Object.values(longer).reduce((sum, one) => sum + one, 0);
  const median = count < 5 ? undefined : percentileOf({ times: longer }, 0.5);
  return median === undefined ? undefined : median - waitedSeconds;
}

/** The time within which this share of the requests landed, in seconds. Undefined when none has landed. */
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
