import { availableParallelism } from "node:os";
import { flagsOf, listOf, numberIn, oneOf, type Parsed, parseFlags, wholeIn } from "../client/flags.ts";
import { aboutPolicy, POLICY_NAMES, type PolicyName } from "./policies/index.ts";
import { PREDICTORS, type PredictorName } from "./predictor.ts";
import { SPEAKS_FOR, type SpeaksFor, WORKLOADS, type WorkloadName } from "./workload.ts";

export interface SimulatorOptions {
  readonly workloads: readonly WorkloadName[];
  readonly rates: readonly number[];
  readonly builders: readonly number[];
  readonly changes: number;
  readonly seeds: readonly number[];
  readonly policies: readonly PolicyName[];
  /** Absent: told, and history for a replay. */
  readonly predictor?: PredictorName;
  readonly speaksFor: SpeaksFor;
  readonly flakes: number;
  readonly cancellations: number;
  readonly mergeDelayMs: number;
  readonly startDelayMs: number;
  readonly cancelDelayMs: number;
  readonly json: boolean;
  readonly timings: boolean;
  readonly svg?: string;
  readonly replay?: string;
  readonly threads: number;
}

const ABOUT_POLICIES = `\nPolicies:\n${POLICY_NAMES.map((name) => `  ${name.padEnd(18)}${aboutPolicy(name)}`).join("\n")}`;

const share = numberIn(0, 1);
const seconds = (text: string): number => Math.round(1000 * numberIn(0, 86_400)(text));

const command = () =>
  flagsOf("npm run simulate --", "Drives the product's planner under virtual time, and other policies beside it.")
    .option("--workload <list>", `of ${WORKLOADS.join(", ")}`, listOf(oneOf(WORKLOADS)), ["eurosys"])
    .option("--rate <list>", "changes per hour", listOf(numberIn(1, 100_000)), [500])
    .option("--builders <list>", "how many builds may run at once", listOf(wholeIn(1, 1_000)), [100, 500])
    .option("--changes <n>", "changes per run", wholeIn(1, 20_000), 600)
    .option("--seeds <list>", "one run each; medians are shown", listOf(wholeIn(0, 1_000_000)), [1, 2, 3])
    .option("--policies <list>", "of those below", listOf(oneOf(POLICY_NAMES)), ["ours", "2019", "sticky"])
    .option(
      "--predictor <name>",
      `${PREDICTORS.join(", ")} (default: told, and history for a replay)`,
      oneOf(PREDICTORS),
    )
    .option(
      "--speaks-for <what>",
      "what a build tests: its heads, or the whole tree under them",
      oneOf(SPEAKS_FOR),
      "heads",
    )
    .option("--flakes <share>", "builds that fail for no reason; 0.015 is usual", share, 0)
    .option("--cancellations <share>", "changes that their authors give up", share, 0)
    .option("--start-delay <s>", "seconds before a build makes progress", seconds, 0)
    .option("--cancel-delay <s>", "seconds until a build that was given up has let go of its builder", seconds, 0)
    .option("--merge-delay <s>", "seconds from the decision to land to the trunk", seconds, 0)
    .option("--replay <file>", "a history of a real queue instead of a workload (format: doc/rfc/simulator.md)")
    .option("--json", "one JSON document on standard output", false)
    .option("--svg <file>", "also write a chart")
    .option("--timings", "show the planner's own time: not the same from run to run", false)
    .option("--threads <n>", "how many runs at once", wholeIn(1, 256), availableParallelism())
    .addHelpText("after", ABOUT_POLICIES);

type Flags = Omit<SimulatorOptions, "workloads" | "rates" | "startDelayMs" | "cancelDelayMs" | "mergeDelayMs"> & {
  readonly workload: SimulatorOptions["workloads"];
  readonly rate: SimulatorOptions["rates"];
  readonly startDelay: number;
  readonly cancelDelay: number;
  readonly mergeDelay: number;
};

/** Reads the command line. Never throws. */
export function parseOptions(args: readonly string[]): Parsed<SimulatorOptions> {
  const parsed = parseFlags<Flags>(command(), args);
  if (parsed.kind !== "run") return parsed;
  const { workload, rate, startDelay, cancelDelay, mergeDelay, ...rest } = parsed.options;
  const delays = { startDelayMs: startDelay, cancelDelayMs: cancelDelay, mergeDelayMs: mergeDelay };
  return { kind: "run", options: { workloads: workload, rates: rate, ...delays, ...rest } };
}
