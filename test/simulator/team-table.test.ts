import { describe, expect, it } from "vitest";
import { breakdownOf } from "../../simulator/breakdown.ts";
import { cellOf, type Measured } from "../../simulator/cell.ts";
import { boundOf, entropy } from "../../simulator/group-testing.ts";
import { type Job, runJob } from "../../simulator/job.ts";
import { line } from "../../simulator/policies/line.ts";
import { parseOptions } from "../../simulator/simulator-options.ts";
import { teamTable, whereMinutesGo } from "../../simulator/team-table.ts";
import { inOneLine, makeWorkload } from "../../simulator/workload.ts";
import { settings, workloadOf } from "./sketches.ts";

const team = { name: "team", rate: 20, changes: 40, seed: 1, cancellations: 0 } as const;

const measured = (job: Job): Measured => {
  const result = runJob(job, () => 0);
  if (result.kind === "broken") throw new Error(result.problem);
  return result;
};

const jobFor = (policy: Job["policy"], builders: number): Job => ({
  source: { spec: team },
  rate: 20,
  policy,
  predictor: "history",
  settings: settings({ tests: "everything", analyzer: "all", flakes: 0.02, retries: 1, builders }),
  breaksDown: policy === "ours",
});

describe("the workload of a team", () => {
  it("fails one change in ten, builds for ten minutes in the median, and has conflicts in a third of the pairs", () => {
    const { changes } = makeWorkload({ ...team, changes: 2_000 });
    const share = (count: number, of: number) => count / of;
    expect(share(changes.filter(({ passes }) => !passes).length, 2_000)).toBeCloseTo(0.1, 1);
    const times = changes.map(({ buildMs }) => buildMs / 60_000).sort((a, b) => a - b);
    expect(times[1_000]).toBeCloseTo(10, -0.5);
    const pairs = changes.reduce((sum, { conflictsAhead }) => sum + conflictsAhead.length, 0);
    expect(share(pairs, (2_000 * 1_999) / 2)).toBeCloseTo(0.35, 2);
  });

  it("is one line under analyzer all: each change conflicts with all before it, and the same changes clash", () => {
    const workload = makeWorkload(team);
    const all = inOneLine(workload);
    expect(all.changes[3]?.conflictsAhead).toEqual([0, 1, 2]);
    expect(all.changes.map(({ clashes }) => clashes)).toEqual(workload.changes.map(({ clashes }) => clashes));
  });

  it("sets the conditions that are not given: a working day, small budgets, whole-tree builds, retries", () => {
    const parsed = parseOptions(["--workload", "team", "--builders", "7"]);
    expect(parsed.kind === "run" && parsed.options).toMatchObject({
      rates: [10, 20, 60],
      builders: [7],
      tests: "everything",
      predictor: "history",
      flakes: 0.02,
      retries: 1,
      analyzers: ["all", "paths"],
    });
    expect(parsed.kind === "run" && parsed.options.changes).toBeUndefined();
    expect(parseOptions(["--workload", "team,eurosys"])).toMatchObject({ kind: "refused" });
  });
});

describe("the bound by group testing", () => {
  it.each([
    [0, 0],
    [0.1, 0.469],
    [0.5, 1],
    [1, 0],
  ])("takes an event with probability %d for %d bits", (p, bits) => {
    expect(entropy(p)).toBeCloseTo(bits, 3);
  });

  it("is at least the entropy in builds per landed change, and what the builders can do of those in an hour", () => {
    const tenth = workloadOf(...Array.from({ length: 10 }, (_, n) => ({ at: n, takes: 10, passes: n !== 4 })));
    const bound = boundOf(tenth, settings({ builders: 4 }));
    expect(bound.buildsPerLanded).toBeCloseTo(0.469 / 0.9, 3);
    expect(bound.landedPerHour).toBeCloseTo((24 * 0.9) / 0.469, 1);
  });
});

describe("where the minutes go", () => {
  const run = (workload: Parameters<typeof line>[0], under: Parameters<typeof line>[1]) => line(workload, under, {});

  it("is the change's own build, and what order, budget and failures add", () => {
    // With one builder, 0 is built until minute 30, 1 until 40. With every budget 1 waits for 0, since 0 is ahead and slow.
    const slow = workloadOf({ at: 0, takes: 30, passes: false }, { at: 0, takes: 10 });
    const one = settings({ builders: 1, tests: "everything" });
    const { p50 } = breakdownOf(slow, one, run(slow, one), run);
    expect(p50).toEqual({ own: 10, order: 20, budget: 10, failures: 0 });
    const two = settings({ builders: 2, tests: "everything" });
    // 1 is built on 0 first. When 0 fails at minute 30, 1 is built again.
    expect(breakdownOf(slow, two, run(slow, two), run).p50).toEqual({ own: 10, order: 20, budget: 0, failures: 10 });
  });

  it("adds up to the time to land", () => {
    const result = measured(jobFor("ours", 4));
    for (const quantile of ["p50", "p95"] as const) {
      const parts = result.breakdown?.[quantile];
      expect(Object.values(parts ?? {}).reduce((sum, part) => sum + part, 0)).toBeCloseTo(
        result.measures.landing[quantile],
      );
    }
  });
});

it("the tables of a team fit into 80 columns and name the policies, the bound and the parts", () => {
  const cells = ([10, 4] as const).flatMap((builders) =>
    (["ours", "github-head", "no-queue"] as const).map((policy) => {
      const job = jobFor(policy, builders);
      return cellOf({ jobs: [job], results: [measured(job)] });
    }),
  );
  const text = `${teamTable(cells)}\n${whereMinutesGo(cells)}`;
  for (const row of text.split("\n")) expect(row.length, row).toBeLessThanOrEqual(80);
  expect(text).toMatch(/^20\/h, 10 +ours /m);
  expect(text).toMatch(/^ +group testing /m);
  expect(text).toMatch(/^all +20\/h, 4 +P95 /m);
});
