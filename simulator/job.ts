import type { Rescue } from "./breakages.ts";
import { type Breakdown, breakdownOf } from "./breakdown.ts";
import { type Bound, boundOf } from "./group-testing.ts";
import { type Ledger, PolicyDefect } from "./ledger.ts";
import { type Measures, measure, type Reliability, reliabilityOf } from "./measures.ts";
import { oracle } from "./policies/oracle.ts";
import type { Stopwatch } from "./policies/ours.ts";
import { type PolicyName, runPolicy } from "./policies/policy-table.ts";
import { type PredictorName, predictorFor } from "./predictor.ts";
import type { Settings } from "./run-settings.ts";
import { inOneLine, makeWorkload, type Workload, type WorkloadSpec } from "./workload.ts";

/** One run: a policy with a workload and settings. Plain data, so that a job can be sent to a thread. */
export interface Job {
  /** What to draw the workload from, or the workload of a replayed history. */
  readonly source: { readonly spec: WorkloadSpec } | { readonly history: Workload };
  /** Changes per hour. */
  readonly rate: number;
  readonly policy: PolicyName;
  readonly predictor: PredictorName;
  readonly settings: Settings;
  /** True when the policy is run twice more, to say where the minutes go. */
  readonly breaksDown?: boolean;
}

/** `broken`: the policy did what no policy may do (PolicyDefect). */
export type JobResult =
  | {
      readonly kind: "measured";
      readonly measures: Measures;
      readonly reliability: readonly Reliability[];
      readonly bound: Bound;
      readonly breakdown?: { readonly p50: Breakdown; readonly p95: Breakdown };
      /** What the rule about a red trunk is worth. Absent unless the trunk is broken past the queue. */
      readonly rescue?: Rescue;
    }
  | { readonly kind: "broken"; readonly problem: string };

export const workloadNameOf = ({ source }: Job): string => ("spec" in source ? source.spec.name : source.history.name);

/** The workload as the job's conflict analyzer sees it. */
function workloadOf({ source, settings }: Pick<Job, "source" | "settings">): Workload {
  const workload = "spec" in source ? makeWorkload(source.spec) : source.history;
  return settings.analyzer === "all" ? inOneLine(workload) : workload;
}

/** Runs the policy once more, without the rule about a red trunk. */
function rescueIn(
  { breakages, trunkBuilds, falseRejections }: Ledger,
  workload: Workload,
  settings: Settings,
  run: (workload: Workload, settings: Settings) => Ledger,
): { readonly rescue?: Rescue } {
  if (settings.breakages === undefined) return {};
  const without = run(workload, { ...settings, breakages: { ...settings.breakages, unnoticed: true } });
  const withoutRule = without.falseRejections;
  return { rescue: { breakages, trunkBuilds, innocents: falseRejections, withoutRule } };
}

/** Runs one job, and the oracle on the same workload to measure against. */
export function runJob({ source, policy, predictor, settings, breaksDown }: Job, stopwatch: Stopwatch): JobResult {
  const workload = workloadOf({ source, settings });
  try {
    const prediction = predictorFor(predictor, workload.changes, settings.seed);
    const best = oracle(workload, settings);
    const run = (of: Workload, under: Settings) => runPolicy(policy, of, under, { prediction, stopwatch });
    const ledger = run(workload, settings);
    return {
      kind: "measured",
      measures: measure(workload, ledger, best),
      reliability: reliabilityOf(ledger.predictions),
      bound: boundOf(workload, settings),
      ...rescueIn(ledger, workload, settings, run),
      ...(breaksDown ? { breakdown: breakdownOf(workload, settings, ledger, run) } : {}),
    };
  } catch (error) {
    if (!(error instanceof PolicyDefect)) throw error;
    const where = `${policy}, ${settings.builders} builders, seed ${settings.seed}`;
    return { kind: "broken", problem: `${where}: ${error.message}` };
  }
}
