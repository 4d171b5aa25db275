import { readFileSync, writeFileSync } from "node:fs";
import { answer } from "../client/flags.ts";
import { bulleted, notesOn, notesOnHistory } from "./assumptions.ts";
import { type Cell, cellOf, type Measured } from "./cell.ts";
import { chart } from "./chart.ts";
import { comparison, plannerTime, reliability } from "./comparison-tables.ts";
import { type Job, workloadNameOf } from "./job.ts";
import type { Reliability } from "./measures.ts";
import { isOurs } from "./policies/policy-table.ts";
import { runAll } from "./pool.ts";
import { parseReplay, type Replay } from "./replay.ts";
import { rescueTable } from "./rescue-table.ts";
import type { Settings } from "./run-settings.ts";
import { HOURS, parseOptions, type SimulatorOptions, showsTeam } from "./simulator-options.ts";
import { teamTable, whereMinutesGo } from "./team-table.ts";

type History = Extract<Replay, { kind: "history" }>;

/** One group per analyzer, workload, rate, number of builders and policy, in this order. A group has one job per seed. */
function jobsFor(options: SimulatorOptions, history: History | undefined): Job[][] {
  const { seeds, cancellations, predictor } = options;
  const sources = history
    ? [{ rate: history.rate, sourceFor: () => ({ history: history.workload }) }]
    : options.workloads.flatMap((name) =>
        options.rates.map((rate) => ({
          rate,
          sourceFor: (seed: number) => {
            const { changes = Math.round(rate * HOURS) } = options;
            return { spec: { name, rate, changes, seed, cancellations } };
          },
        })),
      );
  return options.analyzers.flatMap((analyzer) =>
    sources.flatMap(({ rate, sourceFor }) =>
      options.builders.flatMap((builders) =>
        options.policies.map((policy) =>
          seeds.map((seed): Job => {
            const settings = settingsFor(options, { analyzer, builders, seed });
            const breaksDown = showsTeam(options) && policy === "ours";
            return { source: sourceFor(seed), rate, policy, predictor, settings, breaksDown };
          }),
        ),
      ),
    ),
  );
}

function settingsFor(options: SimulatorOptions, own: Pick<Settings, "analyzer" | "builders" | "seed">): Settings {
  const { tests, flakes, retries, startDelayMs, cancelDelayMs, mergeDelayMs, breakages, mendedAfterMs } = options;
  return {
    ...{ ...own, tests, flakes, retries, startDelayMs, cancelDelayMs, mergeDelayMs },
    ...(breakages > 0 ? { breakages: { perHour: breakages, mendedAfterMs } } : {}),
  };
}

interface Outcome {
  readonly cells: readonly Cell[];
  readonly calibration: readonly { readonly workload: string; readonly tenths: readonly Reliability[] }[];
  /** What no correct policy does, one sentence each. Empty when all is well. */
  readonly problems: readonly string[];
}

async function simulate(options: SimulatorOptions, groups: readonly (readonly Job[])[]): Promise<Outcome> {
  const jobs = groups.flat();
  const results = await runAll(jobs, options.threads, (count) => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r${count} of ${jobs.length} runs${count < jobs.length ? "" : "\n"}`);
  });
  const resultOf = new Map(jobs.map((job, index) => [job, results[index]]));
  const problems: string[] = [];
  const cells = groups.flatMap((group) => {
    const measured: Measured[] = [];
    for (const job of group) {
      const result = resultOf.get(job);
      if (result?.kind === "measured") measured.push(result);
      else problems.push(result?.problem ?? "a run has no result");
    }
    return measured.length === group.length ? [cellOf({ jobs: group, results: measured })] : [];
  });
  for (const { policy, builders, workload, falseRejections } of cells)
    if (falseRejections > 0 && options.flakes === 0)
      problems.push(
        `${policy}, ${builders} builders, ${workload}: ${falseRejections} changes rejected although they pass`,
      );
  const firstOurs = Map.groupBy(
    groups.flatMap((group) => (group[0] && isOurs(group[0].policy) ? [group[0]] : [])),
    workloadNameOf,
  );
  const calibration = [...firstOurs].flatMap(([workload, [job]]) => {
    const result = job && resultOf.get(job);
    return result?.kind === "measured" ? [{ workload, tenths: result.reliability }] : [];
  });
  return { cells, calibration, problems };
}

const withoutTime = ({ plannerMs: _, ...cell }: Cell): Cell => cell;

function show(options: SimulatorOptions, notes: readonly string[], outcome: Outcome): void {
  const { calibration } = outcome;
  const cells = options.timings ? outcome.cells : outcome.cells.map(withoutTime);
  if (options.svg !== undefined) writeFileSync(options.svg, chart(cells));
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ v: 1, notes, cells, calibration }, null, 2)}\n`);
    return;
  }
  const parts = showsTeam(options) ? [teamTable(cells), whereMinutesGo(cells)] : [comparison(cells)];
  for (const { workload, tenths } of showsTeam(options) ? [] : calibration)
    parts.push(
      `Predictions for ${workload}, first seed: told probability of passing, share passed\n\n${reliability(tenths)}`,
    );
  if (options.timings) parts.push(`Real time per run of the planner, in milliseconds\n\n${plannerTime(cells)}`);
  parts.push(...rescueTable(cells));
  parts.push(bulleted(notes, process.stdout.columns));
  process.stdout.write(`${parts.join("\n\n")}\n`);
}

/**
 * The simulator's command line. Prints to this process. `name` is what the help calls the command. Answers the exit code: 0 done, 1 a policy
 * did what no policy may do, 2 the flags or the history are refused.
 */
export async function runSimulator(args: readonly string[], name: string): Promise<number> {
  const parsed = parseOptions(args, name);
  if (parsed.kind !== "run") return answer(parsed);
  const replay = parsed.options.replay === undefined ? undefined : readReplay(parsed.options.replay);
  if (replay?.kind === "malformed") return refuse(`--replay ${parsed.options.replay}: ${replay.problem}`);
  // Without flaky builds, a replay has no randomness: one seed is enough.
  const once = replay && parsed.options.flakes === 0 ? { seeds: parsed.options.seeds.slice(0, 1) } : {};
  const asRecorded = replay && parsed.options.analyzers.length === 0 ? { analyzers: [replay.analyzer] } : {};
  const options = { ...parsed.options, ...once, ...asRecorded };
  const outcome = await simulate(options, jobsFor(options, replay));
  show(options, [...(replay ? notesOnHistory(replay) : []), ...notesOn(options)], outcome);
  for (const problem of outcome.problems) process.stderr.write(`Broken: ${problem}\n`);
  return outcome.problems.length > 0 ? 1 : 0;
}

function refuse(problem: string): number {
  process.stderr.write(`${problem}\n`);
  return 2;
}

function readReplay(file: string): Replay {
  try {
    return parseReplay(readFileSync(file === "-" ? 0 : file, "utf8"));
  } catch (error) {
    return { kind: "malformed", problem: error instanceof Error ? error.message : String(error) };
  }
}
