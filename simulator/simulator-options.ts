import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import { flagsOf, listOf, numberIn, oneOf, type Parsed, parseFlags, wholeIn } from "../client/flags.ts";
import { aboutPolicy, isOurs, POLICY_NAMES, type PolicyName } from "./policies/policy-table.ts";
import { PREDICTORS, type PredictorName } from "./predictor.ts";
import { ANALYZERS, type Analyzer } from "./run-settings.ts";
import { TEST_SCOPES, type TestScope } from "./tree-outcome.ts";
import { WORKLOADS, type WorkloadName } from "./workload.ts";

/** The options whose default for a team's queue differs from the default for a large company's queue. */
interface Conditions {
  readonly rates: readonly number[];
  readonly builders: readonly number[];
  /** Absent: as many as arrive in HOURS at each rate. */
  readonly changes?: number;
  readonly policies: readonly PolicyName[];
  readonly predictor: PredictorName;
  readonly tests: TestScope;
  /** Empty for a replay: as the history has it. */
  readonly analyzers: readonly Analyzer[];
  readonly flakes: number;
  readonly retries: number;
}

export interface SimulatorOptions extends Conditions {
  readonly workloads: readonly WorkloadName[];
  readonly seeds: readonly number[];
  readonly cancellations: number;
  /** How often an hour the trunk is broken past the queue. */
  readonly breakages: number;
  /** Milliseconds from a breakage of the trunk to its repair. */
  readonly mendedAfterMs: number;
  readonly mergeDelayMs: number;
  readonly startDelayMs: number;
  readonly cancelDelayMs: number;
  readonly json: boolean;
  readonly timings: boolean;
  readonly svg?: string;
  readonly replay?: string;
  readonly threads: number;
}

/** The length of a working day, in hours. */
export const HOURS = 8;

const LARGE: Conditions = {
  rates: [500],
  builders: [100, 500],
  changes: 600,
  policies: ["ours", "2019", "sticky"],
  predictor: "told",
  tests: "affected",
  analyzers: ["paths"],
  flakes: 0,
  retries: 0,
};
const TEAM: Conditions = {
  rates: [10, 20, 60],
  builders: [4, 10, 20],
  policies: ["ours", "github", "github-head", "zuul", "sticky", "bors", "no-queue", "oracle"],
  predictor: "history",
  tests: "everything",
  analyzers: ["all", "paths"],
  flakes: 0.02,
  retries: 1,
};
/** A history's outcomes are those after retries. */
const REPLAYED: Conditions = { ...TEAM, analyzers: [], flakes: 0, retries: 0 };

/** The policies as a section of the help, as wide as the help. */
function policiesOf(command: Command): string {
  const help = command.createHelp();
  help.prepareContext({ helpWidth: command.configureOutput().getOutHelpWidth?.() ?? 80 });
  const width = Math.max(...POLICY_NAMES.map((name) => name.length));
  return `\nPolicies:\n${POLICY_NAMES.map((name) => help.formatItem(name, width, aboutPolicy(name), help)).join("\n")}`;
}

const share = numberIn(0, 1);
const seconds = (text: string): number => Math.round(1000 * numberIn(0, 86_400)(text));

/** True when the output is in minutes, for a reader's own team, and not in multiples of the oracle's. */
export const showsTeam = ({ workloads, replay }: SimulatorOptions): boolean =>
  replay !== undefined || workloads.includes("team");

const shown = (value: unknown): string => (Array.isArray(value) ? value.join(", ") : String(value));

/** The text of a flag whose default depends on the workload. */
const byWorkload = (text: string, name: keyof Conditions): string =>
  `${text} (default: ${shown(LARGE[name])}; for team${name in NOT_IN_A_REPLAY ? "" : " and a replay"}: ${shown(TEAM[name] ?? `those of ${HOURS} hours`)})`;

/** The options that a replayed history sets itself. */
const NOT_IN_A_REPLAY = { rates: true, changes: true, analyzers: true, flakes: true, retries: true };

/** An option that is given, and whose default is shown, in seconds, and that is read in milliseconds. */
const inSeconds = (flags: string, text: string, otherwise: number): Option =>
  new Option(flags, `seconds ${text}`).argParser(seconds).default(otherwise * 1_000, String(otherwise));

const command = (name: string) =>
  flagsOf(name, "Compares the product's planner (ours) with other policies, under virtual time.")
    .option("--workload <list>", `workloads: ${WORKLOADS.join(", ")}`, listOf(oneOf(WORKLOADS)), ["eurosys"])
    .option("--rate <list>", byWorkload("changes per hour", "rates"), listOf(numberIn(1, 100_000)))
    .option("--builders <list>", byWorkload("how many builds may run at once", "builders"), listOf(wholeIn(1, 1_000)))
    .option("--changes <n>", byWorkload("changes per run", "changes"), wholeIn(1, 20_000))
    .option("--seeds <list>", "one run per seed; the output shows medians", listOf(wholeIn(0, 1_000_000)), [1, 2, 3])
    .option(
      "--policies <list>",
      byWorkload("policies to compare, of the list that --help shows", "policies"),
      listOf(oneOf(POLICY_NAMES)),
    )
    .option(
      "--predictor <name>",
      `what policies know about a change: ${PREDICTORS.join(", ")} (default: told; for team and a replay, history)`,
      oneOf(PREDICTORS),
    )
    .option(
      "--tests <part>",
      byWorkload("what a build tests: everything (its whole tree) or affected (only what its heads affect)", "tests"),
      oneOf(TEST_SCOPES),
    )
    .option(
      "--analyzer <list>",
      byWorkload(
        "what conflicts: paths (changes that share a path) or all (every change with every other)",
        "analyzers",
      ),
      listOf(oneOf(ANALYZERS)),
    )
    .option("--flakes <share>", byWorkload("share of the builds that fail for no reason", "flakes"), share)
    .option("--retries <n>", byWorkload("how often a failed build is repeated", "retries"), wholeIn(0, 5))
    .option("--cancellations <share>", "share of the changes that their authors cancel", share, 0)
    .option(
      "--breakages <n>",
      "how often an hour a commit past the queue breaks the trunk; shows how many innocent changes the queue saves",
      numberIn(0, 60),
      0,
    )
    .addOption(inSeconds("--mended-after <s>", "until another commit past the queue repairs the trunk", 3_600))
    .addOption(inSeconds("--start-delay <s>", "from the start of a build until it makes progress", 0))
    .addOption(inSeconds("--cancel-delay <s>", "from giving up a build until its slot is free", 0))
    .addOption(inSeconds("--merge-delay <s>", "from the decision to land until the change is on the trunk", 0))
    .option(
      "--replay <file>",
      "history of a real queue, instead of a workload; - reads standard input (format: doc/rfc/simulator.md)",
    )
    .option("--json", "print one JSON document instead of tables", false)
    .option("--svg <file>", "also write a chart to this file")
    .option("--timings", "also show the real time that the planner takes", false)
    .option("--threads <n>", "how many runs at the same time", wholeIn(1, 256), availableParallelism())
    .addHelpText("after", ({ command }) => policiesOf(command));

type Flags = Partial<Omit<Conditions, "rates" | "analyzers">> & {
  readonly workload: SimulatorOptions["workloads"];
  readonly rate?: SimulatorOptions["rates"];
  readonly analyzer?: SimulatorOptions["analyzers"];
  readonly mendedAfter: number;
  readonly startDelay: number;
  readonly cancelDelay: number;
  readonly mergeDelay: number;
} & Pick<SimulatorOptions, "seeds" | "cancellations" | "breakages" | "json" | "timings" | "svg" | "replay" | "threads">;

/** Reads the command line. `name` is what the help calls the command. Never throws and prints nothing. */
export function parseOptions(args: readonly string[], name = "simulate"): Parsed<SimulatorOptions> {
  const parsed = parseFlags<Flags>(command(name), args);
  if (parsed.kind !== "run") return parsed;
  const { workload, rate, analyzer, startDelay, cancelDelay, mergeDelay, mendedAfter, ...rest } = parsed.options;
  const isTeam = workload.includes("team");
  if (isTeam && workload.length > 1)
    return {
      kind: "refused",
      problem: "--workload: team is simulated without other workloads\n\nUsage: --workload team\n",
    };
  const conditions = rest.replay !== undefined ? REPLAYED : isTeam ? TEAM : LARGE;
  const others = (rest.policies ?? []).filter((policy) => !isOurs(policy));
  if (rest.breakages > 0 && others.length > 0)
    return {
      kind: "refused",
      problem: `--breakages: ${others.join(", ")} knows no broken trunk\n\nUsage: --breakages 0.5 --policies ours\n`,
    };
  const policies = rest.breakages > 0 ? { policies: rest.policies ?? (["ours"] as const) } : {};
  const delays = {
    ...{ startDelayMs: startDelay, cancelDelayMs: cancelDelay, mergeDelayMs: mergeDelay },
    mendedAfterMs: mendedAfter,
  };
  return {
    kind: "run",
    options: {
      ...conditions,
      ...(rate && { rates: rate }),
      ...(analyzer && { analyzers: analyzer }),
      ...{ workloads: workload, ...delays, ...rest, ...policies },
    },
  };
}
