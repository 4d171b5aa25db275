import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { flagsOf, listOf, numberIn, oneOf, type Parsed, parseFlags, wholeIn } from "../client/flags.ts";
import { aboutPolicy, POLICY_NAMES, type PolicyName } from "./policies/index.ts";
import { PREDICTORS, type PredictorName } from "./predictor.ts";
import { TEST_SCOPES, type TestScope, WORKLOADS, type WorkloadName } from "./workload.ts";

export interface SimulatorOptions {
  readonly workloads: readonly WorkloadName[];
  readonly rates: readonly number[];
  readonly builders: readonly number[];
  readonly changes: number;
  readonly seeds: readonly number[];
  readonly policies: readonly PolicyName[];
  /** Absent: `told`, and `history` for a replay. */
  readonly predictor?: PredictorName;
  readonly tests: TestScope;
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

/** The policies as a section of the help, as wide as the help. */
function policiesOf(command: Command): string {
  const help = command.createHelp();
  help.prepareContext({ helpWidth: command.configureOutput().getOutHelpWidth?.() ?? 80 });
  const width = Math.max(...POLICY_NAMES.map((name) => name.length));
  return `\nPolicies:\n${POLICY_NAMES.map((name) => help.formatItem(name, width, aboutPolicy(name), help)).join("\n")}`;
}

const share = numberIn(0, 1);
const seconds = (text: string): number => Math.round(1000 * numberIn(0, 86_400)(text));

const command = () =>
  flagsOf("npm run simulate --", "Compares the product's planner (ours) with other policies, under virtual time.")
    .option("--workload <list>", `workloads: ${WORKLOADS.join(", ")}`, listOf(oneOf(WORKLOADS)), ["eurosys"])
    .option("--rate <list>", "changes per hour", listOf(numberIn(1, 100_000)), [500])
    .option("--builders <list>", "how many builds may run at once", listOf(wholeIn(1, 1_000)), [100, 500])
    .option("--changes <n>", "changes per run", wholeIn(1, 20_000), 600)
    .option("--seeds <list>", "one run per seed; the output shows medians", listOf(wholeIn(0, 1_000_000)), [1, 2, 3])
    .option("--policies <list>", "policies to compare, of the list that --help shows", listOf(oneOf(POLICY_NAMES)), [
      "ours",
      "2019",
      "sticky",
    ])
    .option(
      "--predictor <name>",
      `what policies know about a change: ${PREDICTORS.join(", ")} (default: told; for a replay, history)`,
      oneOf(PREDICTORS),
    )
    .option(
      "--tests <part>",
      "what a build tests: everything (its whole tree) or affected (only what its heads affect)",
      oneOf(TEST_SCOPES),
      "affected",
    )
    .option("--flakes <share>", "share of the builds that fail for no reason, such as 0.015", share, 0)
    .option("--cancellations <share>", "share of the changes that their authors cancel", share, 0)
    .option("--start-delay <s>", "seconds from the start of a build until it makes progress", seconds, 0)
    .option("--cancel-delay <s>", "seconds from giving up a build until its slot is free", seconds, 0)
    .option("--merge-delay <s>", "seconds from the decision to land until the change is on the trunk", seconds, 0)
    .option("--replay <file>", "history of a real queue, instead of a workload (format: doc/rfc/simulator.md)")
    .option("--json", "print one JSON document instead of tables", false)
    .option("--svg <file>", "also write a chart to this file")
    .option("--timings", "also show the real time that the planner takes", false)
    .option("--threads <n>", "how many runs at the same time", wholeIn(1, 256), availableParallelism())
    .addHelpText("after", ({ command }) => policiesOf(command));

type Flags = Omit<SimulatorOptions, "workloads" | "rates" | "startDelayMs" | "cancelDelayMs" | "mergeDelayMs"> & {
  readonly workload: SimulatorOptions["workloads"];
  readonly rate: SimulatorOptions["rates"];
  readonly startDelay: number;
  readonly cancelDelay: number;
  readonly mergeDelay: number;
};

/** Reads the command line. Never throws and prints nothing. */
export function parseOptions(args: readonly string[]): Parsed<SimulatorOptions> {
  const parsed = parseFlags<Flags>(command(), args);
  if (parsed.kind !== "run") return parsed;
  const { workload, rate, startDelay, cancelDelay, mergeDelay, ...rest } = parsed.options;
  const delays = { startDelayMs: startDelay, cancelDelayMs: cancelDelay, mergeDelayMs: mergeDelay };
  return { kind: "run", options: { workloads: workload, rates: rate, ...delays, ...rest } };
}
