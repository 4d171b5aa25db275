/** "What if": a queue's own history under other settings. Pure, and free of Node.js modules, so that it runs in a browser's worker. */
import { PolicyDefect } from "./ledger.ts";
import { measure, type Quantiles } from "./measures.ts";
import { OurQueue } from "./policies/ours.ts";
import { queueConfig } from "./policies/queue-config.ts";
import { predictorFor } from "./predictor.ts";
import { type Actual, adviceOn, type Replay, replayOf } from "./replay.ts";
import type { Analyzer, Settings } from "./run-settings.ts";
import { inOneLine } from "./workload.ts";

/** One way in which the queue could have been configured. What is absent is the product's default. */
export interface WhatIfOption {
  /** How many builds may run at once, from 1 to 1,000. */
  readonly budget: number;
  /** The most requests of a bundle, from 1 to 100. */
  readonly bundle?: number;
  /** `pushes`: only the tip of each push has to be built. */
  readonly commitPoints?: "pushes";
  /** `arrival`: no batch is put on probation. */
  readonly order?: "arrival" | "likely-first";
  /** How often a failed build is repeated. */
  readonly retries?: number;
}

export interface WhatIfRow {
  readonly option: WhatIfOption;
  readonly landed: number;
  /** Minutes from request to landing. */
  readonly landing: Quantiles;
  readonly landedPerHour: number;
  readonly buildsPerLanded: number;
  readonly builderHoursPerLanded: number;
}

export type WhatIf =
  | {
      readonly kind: "answered";
      /** How many changes the history has. */
      readonly changes: number;
      readonly analyzer: Analyzer;
      /** What happened in the history itself. */
      readonly actual: Actual;
      /** A sentence for the reader when the history is too short for figures that hold. */
      readonly advice?: string;
      /** In the order of the options. */
      readonly rows: readonly WhatIfRow[];
    }
  | { readonly kind: "refused"; readonly problem: string };

/**
 * Replays a history under each of the options. `history` is a list of changes as `historyOf` and the export yield them, in any order.
 * Answers `refused` when the history is empty or malformed. The same arguments give the same answer.
 *
 * A worker that shows progress calls once per option. A thousand changes take some seconds per option; a queue that is overloaded takes
 * longer.
 *
 * Example: whatIf(changes, [{ budget: 4 }, { budget: 10, bundle: 4 }]) has two rows.
 */
export function whatIf(history: readonly unknown[], options: readonly WhatIfOption[]): WhatIf {
  const replay = replayOf(history);
  if (replay.kind === "malformed") return { kind: "refused", problem: replay.problem };
  const { workload, analyzer, actual } = replay;
  const advice = adviceOn(workload);
  try {
    const rows = options.map((option) => rowFor(replay, option));
    const about = { changes: workload.changes.length, analyzer, actual };
    return { kind: "answered", ...about, ...(advice === undefined ? {} : { advice }), rows };
  } catch (error) {
    if (!(error instanceof PolicyDefect)) throw error;
    return { kind: "refused", problem: `the planner did what it may not do: ${error.message}` };
  }
}

function rowFor(replay: Extract<Replay, { kind: "history" }>, option: WhatIfOption): WhatIfRow {
  const { budget, bundle, commitPoints, order, retries = 0 } = option;
  const { analyzer } = replay;
  const workload = analyzer === "all" ? inOneLine(replay.workload) : replay.workload;
  const settings: Settings = { ...AS_IT_WAS, builders: budget, analyzer, retries };
  const prediction = predictorFor("history", workload.changes, settings.seed);
  const variant = {
    ...(bundle === undefined ? {} : { bundle }),
    ...(commitPoints === undefined ? {} : { commitPoints }),
    ...(order === undefined ? {} : { order }),
  };
  const config = queueConfig(settings, prediction, variant);
  const ledger = new OurQueue(workload, settings, { prediction, config, stopwatch: () => 0 }).run();
  const { landed, landing, landedPerHour, buildsPerLanded, builderHoursPerLanded } = measure(workload, ledger, ledger);
  return { option, landed, landing, landedPerHour, buildsPerLanded, builderHoursPerLanded };
}

/** A history's outcomes are those after retries, and its build times hold all delays. */
const AS_IT_WAS = {
  seed: 1,
  tests: "everything",
  startDelayMs: 0,
  cancelDelayMs: 0,
  mergeDelayMs: 0,
  flakes: 0,
} as const;
