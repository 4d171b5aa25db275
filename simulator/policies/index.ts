import { QueueConfig, type SpeculationConfig } from "../../functions/contracts/queues.ts";
import type { Ledger } from "../ledger.ts";
import type { Prediction } from "../predictor.ts";
import type { Settings } from "../settings.ts";
import type { Workload } from "../workload.ts";
import { bestFirst } from "./best-first.ts";
import { OurQueue } from "./ours.ts";
import { optimistic, singleQueue } from "./simple.ts";

export interface Policy {
  readonly what: string;
  readonly run: (workload: Workload, settings: Settings, prediction: Prediction) => Ledger;
}

/** Whole thousandths of a probability travel as lines changed: the product's own heuristic scorer reads them back. */
const TOLD = {
  type: "heuristic",
  buckets: Array.from({ length: 1_001 }, (_, line) => ({ upTo: line, success: line / 1_000 })),
} as const;

/** The product's planner with its defaults, but for what is given. Builds test what their heads affect, as those of the paper did. */
const ours = (what: string, speculation: Partial<SpeculationConfig> = {}, maxSize = 1): Policy => ({
  what,
  run: (workload, settings, prediction) => {
    const scorer = prediction.name === "flat" ? { type: "flat", success: prediction.success(0) } : TOLD;
    const config = QueueConfig.parse({
      name: "simulated",
      repository: { remote: "/simulated.git" },
      buildRunner: { type: "fake", speaksFor: "heads" },
      conflictAnalyzer: { type: "paths", by: "file" },
      budget: settings.builders,
      batch: { maxSize },
      speculation: { scorer, ...speculation },
    });
    return new OurQueue(workload, settings, prediction, config, () => performance.now()).run();
  },
});

/** Every policy that can be named. The oracle is what all of them are measured by. */
export const POLICIES: Readonly<Record<string, Policy>> = {
  single: { what: "one build at a time per conflict, nothing guessed", run: singleQueue },
  optimistic: { what: "everything ahead succeeds; restarts on failure, as Zuul", run: optimistic },
  all: {
    what: "every outcome equally likely, breadth first",
    run: (workload, settings, prediction) => bestFirst(workload, settings, prediction, { preempts: true, blind: true }),
  },
  "2019": {
    what: "best-first on probability, pre-emptive (EuroSys 2019)",
    run: (workload, settings, prediction) => bestFirst(workload, settings, prediction, { preempts: true }),
  },
  sticky: {
    what: "best-first, running builds keep their slot (uber/submitqueue)",
    run: (workload, settings, prediction) => bestFirst(workload, settings, prediction, { preempts: false }),
  },
  ours: ours("this product's planner, its defaults"),
  "ours-arrival": ours("without probation", { order: "arrival" }),
  "ours-nofloor": ours("with guesses down to 1 in 1,000", { minProbability: 0.001 }),
  "ours-nobypass": ours("without bypasses", { bypass: false }),
  "ours-preempting": ours("giving builds up for better ones", { allocator: "preempting" }),
  "ours-batch4": ours("with bundles of up to 4", {}, 4),
  "ours-batch8": ours("with bundles of up to 8", {}, 8),
};
