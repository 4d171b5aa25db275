import type { Decision, Ledger } from "./ledger.ts";
import { POLICIES } from "./policies/index.ts";
import { oracle } from "./policies/oracle.ts";
import { type PredictorName, predictorFor } from "./predictor.ts";
import type { Settings } from "./settings.ts";
import { makeWorkload, type WorkloadName } from "./workload.ts";

/** One policy, on one workload, at one rate and number of builders; medians over the seeds. Ratios are to the oracle. */
export interface Cell {
  readonly workload: string;
  readonly policy: string;
  readonly rate: number;
  readonly builders: number;
  readonly seeds: readonly number[];
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p50Range: readonly [number, number];
  readonly p95Range: readonly [number, number];
  readonly p50Minutes: number;
  readonly p95Minutes: number;
  readonly buildsPerChange: number;
  readonly builderHoursPerLanded: number;
  readonly landedPerHour: number;
  readonly abortedShare: number;
  /** P95 of the minutes between the end of the deciding build and the decision. */
  readonly waitingP95Minutes: number;
  readonly bypassedShare: number;
  /** Over all seeds. Never anything but 0. */
  readonly falseRejections: number;
  /** P95 of one run of the product's planner, real time; absent for policies that are not the product. */
  readonly plannerP95Ms?: number;
}

export interface CellSpec {
  readonly workload: WorkloadName;
  readonly policy: string;
  readonly rate: number;
  readonly builders: number;
  readonly seeds: readonly number[];
  readonly changes: number;
  readonly predictor: PredictorName;
  readonly cancellations: number;
  readonly machinery: Pick<Settings, "startDelayMs" | "cancelDelayMs" | "mergeDelayMs" | "flakes">;
}

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

const median = (values: readonly number[]): number => percentile(values, 0.5);
const MINUTE = 60_000;

type Run = Omit<Cell, "workload" | "policy" | "rate" | "builders" | "seeds" | "p50Range" | "p95Range">;

function runOf(spec: CellSpec, seed: number): Run {
  const workload = makeWorkload({
    name: spec.workload,
    rate: spec.rate,
    changes: spec.changes,
    seed,
    cancellations: spec.cancellations,
  });
  const settings: Settings = { ...spec.machinery, builders: spec.builders, seed };
  const policy = POLICIES[spec.policy];
  if (!policy) throw new Error(`no policy is named ${spec.policy}`);
  const ideal = oracle(workload, settings);
  const ledger = policy.run(workload, settings, predictorFor(spec.predictor, workload.changes, seed));
  const turnaround = (of: Ledger): number[] =>
    workload.changes.flatMap(({ n, arrivalMs }) => {
      const decision = decided(of, n);
      return decision.outcome === "cancelled" ? [] : [decision.atMs - arrivalMs];
    });
  const [times, ideals] = [turnaround(ledger), turnaround(ideal)];
  const ratio = (share: number) => percentile(times, share) / percentile(ideals, share);
  const decisions = workload.changes.map(({ n }) => decided(ledger, n));
  const landed = decisions.filter((decision) => decision.outcome === "landed");
  const hours = Math.max(...decisions.map((decision) => decision.atMs)) / (60 * MINUTE);
  const waits = decisions.flatMap(({ atMs, provenMs }) => (provenMs === undefined ? [] : [(atMs - provenMs) / MINUTE]));
  return {
    p50: ratio(0.5),
    p95: ratio(0.95),
    p99: ratio(0.99),
    p50Minutes: percentile(times, 0.5) / MINUTE,
    p95Minutes: percentile(times, 0.95) / MINUTE,
    buildsPerChange: ledger.started / workload.changes.length,
    builderHoursPerLanded: ledger.busyMs / (60 * MINUTE) / Math.max(1, landed.length),
    landedPerHour: landed.length / hours,
    abortedShare: ledger.aborted / Math.max(1, ledger.started),
    waitingP95Minutes: percentile(waits, 0.95),
    bypassedShare: landed.filter((decision) => decision.bypassed).length / Math.max(1, landed.length),
    falseRejections: ledger.falseRejections,
    ...(ledger.plannerMs.length > 0 ? { plannerP95Ms: percentile(ledger.plannerMs, 0.95) } : {}),
  };
}

function decided(ledger: Ledger, n: number): Decision {
  const decision = ledger.decisions[n];
  if (!decision) throw new Error(`change ${n} was never decided`);
  return decision;
}

export function measure(spec: CellSpec): Cell {
  const runs = spec.seeds.map((seed) => runOf(spec, seed));
  const over = (of: (run: Run) => number): number => median(runs.map(of));
  const range = (of: (run: Run) => number) => [Math.min(...runs.map(of)), Math.max(...runs.map(of))] as const;
  const { workload, policy, rate, builders, seeds } = spec;
  const planner = runs.flatMap((run) => run.plannerP95Ms ?? []);
  return {
    workload,
    policy,
    rate,
    builders,
    seeds,
    p50: over((run) => run.p50),
    p95: over((run) => run.p95),
    p99: over((run) => run.p99),
    p50Range: range((run) => run.p50),
    p95Range: range((run) => run.p95),
    p50Minutes: over((run) => run.p50Minutes),
    p95Minutes: over((run) => run.p95Minutes),
    buildsPerChange: over((run) => run.buildsPerChange),
    builderHoursPerLanded: over((run) => run.builderHoursPerLanded),
    landedPerHour: over((run) => run.landedPerHour),
    abortedShare: over((run) => run.abortedShare),
    waitingP95Minutes: over((run) => run.waitingP95Minutes),
    bypassedShare: over((run) => run.bypassedShare),
    falseRejections: runs.reduce((sum, run) => sum + run.falseRejections, 0),
    ...(planner.length > 0 ? { plannerP95Ms: median(planner) } : {}),
  };
}
