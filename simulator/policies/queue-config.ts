import type { ScorerConfig } from "../../functions/contracts/planning-config.ts";
import { QueueConfig } from "../../functions/contracts/queues.ts";
import type { Prediction } from "../predictor.ts";
import type { Settings } from "../run-settings.ts";

/** What a variant of the product's planner sets other than the product's defaults. */
export interface Variant {
  /** `arrival`: no batch is put on probation. */
  readonly order?: "arrival" | "likely-first";
  readonly minProbability?: number;
  readonly bypass?: false;
  readonly allocator?: "preempting";
  /** The most batches in a bundle. */
  readonly bundle?: number;
  readonly retries?: number;
  /** The changes of one build land together, when it has passed: only the tip of each push has to be built. */
  readonly commitPoints?: "pushes";
}

export const QUEUE = "simulated";

/**
 * The configuration of the simulated queue: the product's defaults, with these exceptions. Budget, conflict analyzer, retries and what a
 * build tests are those of the settings. The analyzer `paths` goes by file, so changes that share no path are independent. The scorer
 * tells the prediction.
 */
export const queueConfig = (settings: Settings, prediction: Prediction, variant: Variant): QueueConfig => {
  const { bundle, retries = settings.retries, commitPoints, ...speculation } = variant;
  return QueueConfig.parse({
    name: QUEUE,
    repository: { remote: "/simulated" },
    buildRunner: { type: "fake", tests: settings.tests, timeoutSeconds: 86_400 },
    conflictAnalyzer: settings.analyzer === "all" ? { type: "all" } : { type: "paths", by: "file" },
    budget: settings.builders,
    speculation: { scorer: scorerFor(prediction), ...speculation },
    ...(bundle === undefined ? {} : { bundle: { maxSize: bundle } }),
    ...(commitPoints === undefined ? {} : { commitPoints }),
    retries,
  });
};

/**
 * The product's scorer that tells the planner the same probabilities as `told`. The `heuristic` scorer knows a change by its size, so each
 * probability becomes a number of changed lines (`linesFor`) and a bucket of the scorer.
 *
 * Example: a change that passes with 0.2 has 200 lines, and the bucket of up to 200 lines has success 0.2.
 */
function scorerFor({ name, told }: Prediction): ScorerConfig {
  if (name === "history") return { type: "history" };
  const values = [...new Set(told)].sort((a, b) => a - b);
  if (name === "flat") return { type: "flat", success: values[0] ?? 0.5 };
  return { type: "heuristic", by: "lines", buckets: values.map((p) => ({ upTo: linesFor(p), success: p })) };
}

/** How many lines a change has that passes with probability `p`: its thousandths. */
export const linesFor = (p: number): number => Math.round(p * 1000);
