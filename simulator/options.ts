import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { aboutPolicy, isPolicyName, POLICY_NAMES, type PolicyName } from "./policies/index.ts";
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

export type ParsedOptions =
  | { readonly kind: "run"; readonly options: SimulatorOptions }
  | { readonly kind: "help" }
  | { readonly kind: "refused"; readonly problem: string };

export const USAGE = `Usage: npm run simulate -- [flags]

Drives the product's planner under virtual time, and other policies beside it.

  --workload LIST       ${WORKLOADS.join(", ")} (eurosys)
  --rate LIST           changes per hour (500)
  --builders LIST       how many builds may run at once (100,500)
  --changes N           changes per run (600)
  --seeds LIST          one run each; medians are shown (1,2,3)
  --policies LIST       (ours,2019,sticky), of:
${POLICY_NAMES.map((name) => `      ${name.padEnd(18)}${aboutPolicy(name)}`).join("\n")}
  --predictor NAME      ${PREDICTORS.join(", ")} (told)
  --speaks-for WHAT     what a build tests: its heads, or the whole tree under them (heads)
  --flakes SHARE        builds that fail for no reason (0; 0.015 is usual)
  --cancellations SHARE changes that their authors give up (0)
  --start-delay S       seconds before a build makes progress (0)
  --cancel-delay S      seconds until a build that was given up has let go of its builder (0)
  --merge-delay S       seconds from the decision to land to the trunk (0)
  --replay FILE         a history of a real queue instead of a workload (format: doc/rfc/simulator.md)
  --json                one JSON document on standard output
  --svg FILE            also write a chart
  --timings             show the planner's own time: not the same from run to run
  --threads N           how many runs at once (one per core)
  --help`;

const FLAGS = {
  workload: { type: "string", default: "eurosys" },
  rate: { type: "string", default: "500" },
  builders: { type: "string", default: "100,500" },
  changes: { type: "string", default: "600" },
  seeds: { type: "string", default: "1,2,3" },
  policies: { type: "string", default: "ours,2019,sticky" },
  predictor: { type: "string" },
  "speaks-for": { type: "string", default: "heads" },
  flakes: { type: "string", default: "0" },
  cancellations: { type: "string", default: "0" },
  "start-delay": { type: "string", default: "0" },
  "cancel-delay": { type: "string", default: "0" },
  "merge-delay": { type: "string", default: "0" },
  replay: { type: "string" },
  json: { type: "boolean", default: false },
  svg: { type: "string" },
  timings: { type: "boolean", default: false },
  threads: { type: "string", default: String(availableParallelism()) },
  help: { type: "boolean", default: false },
} as const;

/** What was wrong with a flag. */
class Refusal extends Error {}

export function parseOptions(args: readonly string[]): ParsedOptions {
  try {
    const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true });
    if (values.help) return { kind: "help" };
    const share = (flag: "flakes" | "cancellations") => number(flag, values[flag], { least: 0, most: 1 });
    const seconds = (flag: "start-delay" | "cancel-delay" | "merge-delay") =>
      Math.round(1000 * number(flag, values[flag], { least: 0, most: 86_400 }));
    const whole = { least: 1, most: 1_000_000, whole: true };
    const options: SimulatorOptions = {
      workloads: list("workload", values.workload, (text) => oneOf("workload", text, WORKLOADS)),
      rates: list("rate", values.rate, (text) => number("rate", text, { least: 1, most: 100_000 })),
      builders: list("builders", values.builders, (text) => number("builders", text, { ...whole, most: 1_000 })),
      changes: number("changes", values.changes, { ...whole, most: 20_000 }),
      seeds: list("seeds", values.seeds, (text) => number("seeds", text, { ...whole, least: 0 })),
      policies: list("policies", values.policies, policyNamed),
      ...(values.predictor === undefined ? {} : { predictor: oneOf("predictor", values.predictor, PREDICTORS) }),
      speaksFor: oneOf("speaks-for", values["speaks-for"], SPEAKS_FOR),
      flakes: share("flakes"),
      cancellations: share("cancellations"),
      startDelayMs: seconds("start-delay"),
      cancelDelayMs: seconds("cancel-delay"),
      mergeDelayMs: seconds("merge-delay"),
      json: values.json,
      timings: values.timings,
      ...(values.svg === undefined ? {} : { svg: values.svg }),
      ...(values.replay === undefined ? {} : { replay: values.replay }),
      threads: number("threads", values.threads, { ...whole, most: 256 }),
    };
    return { kind: "run", options };
  } catch (error) {
    // parseArgs throws a TypeError for a flag that it does not know.
    if (error instanceof Refusal || error instanceof TypeError) return { kind: "refused", problem: error.message };
    throw error;
  }
}

function policyNamed(name: string): PolicyName {
  if (isPolicyName(name)) return name;
  throw new Refusal(`--policies: ${name} is none of ${POLICY_NAMES.join(", ")}`);
}

function list<T>(flag: string, text: string, parse: (text: string) => T): T[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.includes("")) throw new Refusal(`--${flag}: write a list as 1,2,3`);
  return [...new Set(parts)].map(parse);
}

function oneOf<T extends string>(flag: string, text: string, values: readonly T[]): T {
  const found = values.find((value) => value === text);
  if (found === undefined) throw new Refusal(`--${flag}: ${text} is none of ${values.join(", ")}`);
  return found;
}

interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
}

function number(flag: string, text: string, { least, most, whole = false }: Bounds): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value)))
    throw new Refusal(`--${flag}: ${text} is not a ${whole ? "whole " : ""}number from ${least} to ${most}`);
  return value;
}
