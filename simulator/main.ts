import { parseArgs } from "node:util";
import Table from "cli-table3";
import { z } from "zod";
import { type Cell, measure } from "./measure.ts";
import { POLICIES } from "./policies/index.ts";
import { PREDICTORS } from "./predictor.ts";
import { WORKLOADS } from "./workload.ts";

const USAGE = `Usage: npm run simulate -- [flags]

Compares merge policies under virtual time. "ours" is this product's planner itself. Turnaround is given as a ratio to an oracle that
knows every outcome, builds each change once and lands conflicting changes strictly in order of arrival, on unlimited builders.

  --workload ${WORKLOADS.join("|")}   (eurosys)
  --rate N,…           changes per hour (500)
  --builders N,…       builds at once (100,500)
  --changes N          changes per run (600)
  --seeds N,…          medians are over these (1,2,3)
  --policies P,…       ${Object.keys(POLICIES).join(", ")} (ours,2019,sticky)
  --predictor ${PREDICTORS.join("|")}   what policies are told of each change's chance to pass (told)
  --flakes SHARE       builds that fail for no reason (0)
  --cancellations SHARE  changes that their authors give up (0)
  --merge-delay S, --start-delay S, --cancel-delay S   seconds (0)
  --json               one JSON document on standard output: { cells: [...] }
  --help               this text
`;

/** Values separated by commas. */
function list<T>(item: z.ZodType<T, string>): z.ZodType<T[], string> {
  return z.string().transform((text, ctx): T[] => {
    const items = z.array(item).safeParse(text.split(","));
    if (items.success) return items.data;
    ctx.addIssue({ code: "custom", message: items.error.issues.map((issue) => issue.message).join("; ") });
    return z.NEVER;
  });
}
const number = (schema: z.ZodType<number, number>): z.ZodType<number, string> =>
  z.string().min(1).transform(Number).pipe(schema);
const Share = number(z.number().min(0).max(1));
const Seconds = number(z.number().min(0).max(3_600));

const Flags = z.strictObject({
  workload: z.enum(WORKLOADS).default("eurosys"),
  rate: list(number(z.number().min(1).max(10_000))).prefault("500"),
  builders: list(number(z.int().min(1).max(1_000))).prefault("100,500"),
  changes: number(z.int().min(2).max(5_000)).prefault("600"),
  seeds: list(number(z.int().min(0))).prefault("1,2,3"),
  policies: list(z.string().refine((name) => name in POLICIES, "no such policy")).prefault("ours,2019,sticky"),
  predictor: z.enum(PREDICTORS).default("told"),
  flakes: Share.prefault("0"),
  cancellations: Share.prefault("0"),
  "merge-delay": Seconds.prefault("0"),
  "start-delay": Seconds.prefault("0"),
  "cancel-delay": Seconds.prefault("0"),
  json: z.boolean().default(false),
  help: z.boolean().default(false),
});

function readFlags(args: readonly string[]): z.infer<typeof Flags> {
  const options = Object.fromEntries(
    Object.keys(Flags.shape).map((name) => [
      name,
      { type: name === "json" || name === "help" ? "boolean" : "string" } as const,
    ]),
  );
  const flags = Flags.safeParse(parseArgs({ args: [...args], options }).values);
  if (flags.success) return flags.data;
  throw new Error(flags.error.issues.map((issue) => `--${issue.path.join(" ")}: ${issue.message}`).join("\n"));
}

function* cellsOf(flags: z.infer<typeof Flags>): Generator<Cell> {
  const { workload, changes, seeds, predictor, flakes, cancellations } = flags;
  const machinery = {
    startDelayMs: flags["start-delay"] * 1_000,
    cancelDelayMs: flags["cancel-delay"] * 1_000,
    mergeDelayMs: flags["merge-delay"] * 1_000,
    flakes,
  };
  for (const rate of flags.rate)
    for (const builders of flags.builders)
      for (const policy of flags.policies)
        yield measure({ workload, policy, rate, builders, seeds, changes, predictor, cancellations, machinery });
}

const ratio = (value: number, [least, most]: readonly [number, number]) =>
  least === most ? value.toFixed(2) : `${value.toFixed(2)} (${least.toFixed(2)} … ${most.toFixed(2)})`;

function tableOf(cells: readonly Cell[]): string {
  const head = [
    "policy",
    "rate",
    "builders",
    "P50",
    "P95",
    "P99",
    "builds/change",
    "aborted",
    "builder-h/landed",
    "landed/h",
    "wait P95 min",
    "bypassed",
    "planner P95 ms",
  ];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const cell of cells)
    table.push([
      cell.policy,
      cell.rate,
      cell.builders,
      ratio(cell.p50, cell.p50Range),
      ratio(cell.p95, cell.p95Range),
      cell.p99.toFixed(2),
      cell.buildsPerChange.toFixed(2),
      `${(100 * cell.abortedShare).toFixed(0)} %`,
      cell.builderHoursPerLanded.toFixed(2),
      cell.landedPerHour.toFixed(0),
      cell.waitingP95Minutes.toFixed(0),
      `${(100 * cell.bypassedShare).toFixed(0)} %`,
      cell.plannerP95Ms?.toFixed(1) ?? "",
    ]);
  return table.toString();
}

function main(): number {
  let flags: z.infer<typeof Flags>;
  try {
    flags = readFlags(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const cells: Cell[] = [];
  for (const cell of cellsOf(flags)) {
    cells.push(cell);
    process.stderr.write(`${cell.policy} at ${cell.rate}/h on ${cell.builders} builders: done\n`);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ cells }, undefined, 2)}\n`);
  else
    process.stdout.write(
      `${flags.workload}, ${flags.changes} changes, predictor ${flags.predictor}; turnaround over the oracle's, medians of seeds ${flags.seeds.join(", ")} (range).\n` +
        "Build times, risks and conflicts are made up to fit published figures; none of them is known to be Uber's.\n" +
        "A build tests what its heads affect: it passes when they pass and really conflict with nothing in its tree.\n" +
        `${tableOf(cells)}\nFalse rejections: ${cells.reduce((sum, cell) => sum + cell.falseRejections, 0)}\n`,
    );
  return cells.every((cell) => cell.falseRejections === 0) ? 0 : 1;
}

process.exitCode = main();
