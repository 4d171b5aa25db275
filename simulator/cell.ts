import { type Rescue, sumOf } from "./breakages.ts";
import type { Breakdown } from "./breakdown.ts";
import type { Bound } from "./group-testing.ts";
import { type Job, type JobResult, workloadNameOf } from "./job.ts";
import { type Measures, median, type Quantiles } from "./measures.ts";
import type { PolicyName } from "./policies/policy-table.ts";
import type { Analyzer } from "./run-settings.ts";

/** The lowest and the highest of the runs with different seeds. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** The measures whose range over the seeds is shown. */
const RANGED = ["p50", "p95", "p99", "buildsPerChange", "builderHoursPerLanded", "landedPerHour"] as const;

/**
 * One row of the comparison: one policy with one workload, rate and number of builders. Every measure is the median over the seeds, but
 * `falseRejections` is the sum. `p50`, `p95` and `p99` are turnarounds as a multiple of the oracle's.
 */
export interface Cell extends Omit<Measures, "ratio" | "plannerMs">, Quantiles {
  readonly workload: string;
  readonly policy: PolicyName;
  /** Changes per hour. */
  readonly rate: number;
  readonly builders: number;
  readonly analyzer: Analyzer;
  readonly seeds: readonly number[];
  readonly bound: Bound;
  /** Where the minutes from request to landing go. Absent unless it was asked for. */
  readonly breakdown?: { readonly p50: Breakdown; readonly p95: Breakdown };
  /** What the rule about a red trunk is worth, all seeds together. Only where the trunk is broken past the queue. */
  readonly rescue?: Rescue;
  readonly range: Readonly<Record<(typeof RANGED)[number], Range>>;
  /** Real time of the planner's runs in milliseconds. It differs each time that the simulator is called. */
  readonly plannerMs?: { readonly runs: number; readonly p50: number; readonly p95: number };
}

export type Measured = Extract<JobResult, { kind: "measured" }>;

/** Runs that differ only in their seed: the n-th result is that of the n-th job. */
export interface Runs {
  readonly jobs: readonly Job[];
  readonly results: readonly Measured[];
}

/** Throws when there is no run. */
export function cellOf({ jobs, results }: Runs): Cell {
  const first = jobs[0];
  const runs = results.map(({ measures }) => measures);
  if (first === undefined) throw new Error("a cell has at least one run");
  const middle = (of: (run: Measures) => number) => median(runs.map(of));
  const quantiles = (of: (run: Measures) => Quantiles): Quantiles => ({
    p50: middle((run) => of(run).p50),
    p95: middle((run) => of(run).p95),
    p99: middle((run) => of(run).p99),
  });
  const scored = runs.flatMap((run) => run.brier ?? []);
  return {
    workload: workloadNameOf(first),
    policy: first.policy,
    rate: first.rate,
    builders: first.settings.builders,
    analyzer: first.settings.analyzer,
    bound: {
      buildsPerLanded: median(results.map(({ bound }) => bound.buildsPerLanded)),
      landedPerHour: median(results.map(({ bound }) => bound.landedPerHour)),
    },
    ...middleBreakdown(results),
    ...rescueOf(results),
    seeds: jobs.map((job) => job.settings.seed),
    ...quantiles((run) => run.ratio),
    minutes: quantiles((run) => run.minutes),
    landing: quantiles((run) => run.landing),
    timesOwn: quantiles((run) => run.timesOwn),
    buildsPerLanded: middle((run) => run.buildsPerLanded),
    trunkBroken: middle((run) => run.trunkBroken),
    buildsPerChange: middle((run) => run.buildsPerChange),
    builderHoursPerLanded: middle((run) => run.builderHoursPerLanded),
    landedPerHour: middle((run) => run.landedPerHour),
    landed: middle((run) => run.landed),
    abortedShare: middle((run) => run.abortedShare),
    waitingP95: middle((run) => run.waitingP95),
    bypassShare: middle((run) => run.bypassShare),
    falseRejections: runs.reduce((sum, run) => sum + run.falseRejections, 0),
    ...(scored.length > 0 ? { brier: median(scored) } : {}),
    range: rangesOf(runs),
    ...plannerTime(runs),
  };
}

function rescueOf(results: readonly Measured[]): Pick<Cell, "rescue"> {
  const rescues = results.flatMap(({ rescue }) => rescue ?? []);
  return rescues.length === 0 ? {} : { rescue: sumOf(rescues) };
}

function middleBreakdown(results: readonly Measured[]): Pick<Cell, "breakdown"> {
  const broken = results.flatMap(({ breakdown }) => breakdown ?? []);
  if (broken.length === 0) return {};
  const at = (quantile: "p50" | "p95"): Breakdown => {
    const middle = (part: keyof Breakdown) => median(broken.map((one) => one[quantile][part]));
    return { own: middle("own"), order: middle("order"), budget: middle("budget"), failures: middle("failures") };
  };
  return { breakdown: { p50: at("p50"), p95: at("p95") } };
}

function rangesOf(runs: readonly Measures[]): Cell["range"] {
  const range = (name: (typeof RANGED)[number]): Range => {
    const values = runs.map((run) =>
      name === "p50" || name === "p95" || name === "p99" ? run.ratio[name] : run[name],
    );
    return { least: Math.min(...values), most: Math.max(...values) };
  };
  return {
    p50: range("p50"),
    p95: range("p95"),
    p99: range("p99"),
    buildsPerChange: range("buildsPerChange"),
    builderHoursPerLanded: range("builderHoursPerLanded"),
    landedPerHour: range("landedPerHour"),
  };
}

function plannerTime(runs: readonly Measures[]): Pick<Cell, "plannerMs"> {
  const timed = runs.flatMap(({ plannerMs }) => plannerMs ?? []);
  if (timed.length === 0) return {};
  return {
    plannerMs: {
      runs: timed.reduce((sum, { runs: count }) => sum + count, 0),
      p50: median(timed.map(({ p50 }) => p50)),
      p95: median(timed.map(({ p95 }) => p95)),
    },
  };
}
