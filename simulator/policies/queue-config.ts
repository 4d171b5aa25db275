import { QueueConfig, type ScorerConfig } from "../../functions/contracts/queues.ts";
import type { Prediction } from "../predictor.ts";
import type { Settings } from "../settings.ts";

/** Where a variant departs from the product's defaults. */
export interface Options {
  readonly order?: "arrival";
  readonly minProbability?: number;
  readonly bypass?: false;
  readonly allocator?: "preempting";
  readonly batch?: number;
  readonly retries?: number;
}

export const QUEUE = "simulated";

/** The product's defaults for everything but the budget, the analyzer, the scorer and what a build speaks for. */
export const queueConfig = (settings: Settings, prediction: Prediction, options: Options): QueueConfig => {
  const { batch, retries, ...speculation } = options;
  return QueueConfig.parse({
    name: QUEUE,
    repository: { remote: "/simulated" },
    buildRunner: {
      type: "fake",
      tests: settings.speaksFor === "tree" ? "everything" : "affected",
      timeoutSeconds: 86_400,
    },
    conflictAnalyzer: { type: "paths", by: "file" },
    budget: settings.builders,
    speculation: { scorer: scorerFor(prediction), ...speculation },
    ...(batch === undefined ? {} : { bundle: { maxSize: batch } }),
    ...(retries === undefined ? {} : { retries }),
  });
};

/** What is told travels as lines changed, in thousandths: one bucket per probability. */
function scorerFor({ name, told }: Prediction): ScorerConfig {
  if (name === "history") return { type: "history" };
  const values = [...new Set(told)].sort((a, b) => a - b);
  if (name === "flat") return { type: "flat", success: values[0] ?? 0.5 };
  return { type: "heuristic", by: "lines", buckets: values.map((p) => ({ upTo: linesFor(p), success: p })) };
}

export const linesFor = (p: number): number => Math.round(p * 1000);
