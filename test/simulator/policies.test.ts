import { describe, expect, it } from "vitest";
import { Ledger, PolicyDefect } from "../../simulator/ledger.ts";
import { measure } from "../../simulator/measures.ts";
import { oracle } from "../../simulator/policies/oracle.ts";
import { POLICY_NAMES, type PolicyName, runPolicy } from "../../simulator/policies/policy-table.ts";
import { type PredictorName, predictorFor } from "../../simulator/predictor.ts";
import type { Settings } from "../../simulator/run-settings.ts";
import { TEST_SCOPES } from "../../simulator/tree-outcome.ts";
import { makeWorkload, type Workload } from "../../simulator/workload.ts";
import { MINUTE, settings, workloadOf } from "./sketches.ts";

const run = (
  name: PolicyName,
  workload: Workload,
  overrides: Partial<Settings> = {},
  predictor: PredictorName = "told",
) =>
  runPolicy(name, workload, settings(overrides), {
    prediction: predictorFor(predictor, workload.changes, 1),
    stopwatch: () => 0,
  });

const small = (seed: number, name: "eurosys" | "modules" = "eurosys", cancellations = 0) =>
  makeWorkload({ name, rate: 500, changes: 30, seed, cancellations });

const minutesOf = (ledger: Ledger): (number | undefined)[] =>
  ledger.decisions.map((decision) => decision && decision.atMs / MINUTE);

describe.each(TEST_SCOPES)("when builds test %s", (tests) => {
  it.each(POLICY_NAMES)("%s decides every change, keeps the trunk green and rejects no change that passes", (name) => {
    for (const seed of [1, 2]) expect(run(name, small(seed), { tests, builders: 20 }).falseRejections).toBe(0);
    expect(run(name, small(3, "modules"), { tests, builders: 20 }).falseRejections).toBe(0);
  });

  it.each(["told", "blurred", "flat", "history"] as const)(
    "ours rejects no change that passes when the predictor is %s",
    (predictor) => {
      expect(run("ours", small(4, "modules"), { tests, builders: 10 }, predictor).falseRejections).toBe(0);
    },
  );
});

it.each(POLICY_NAMES)("%s rejects no change that passes despite delays and cancelled changes", (name) => {
  const slow = { startDelayMs: 30_000, cancelDelayMs: 30_000, mergeDelayMs: 30_000, builders: 10 };
  const ledger = run(name, small(5, "eurosys", 0.3), slow);
  expect(ledger.falseRejections).toBe(0);
  expect(ledger.decisions.some((decision) => decision?.outcome === "cancelled")).toBe(true);
});

it.each(POLICY_NAMES)("%s decides every change although builds fail for no reason", (name) => {
  expect(run(name, small(6), { flakes: 0.1 }).decisions).not.toContain(undefined);
});

describe("a slow change with a fast conflicting change behind it", () => {
  const both = workloadOf({ at: 0, takes: 30 }, { at: 10, takes: 5 });

  it.each<[PolicyName, number, number]>([
    ["oracle", 30, 30],
    ["single", 30, 35],
    ["optimistic", 30, 30],
    ["2019", 30, 30],
    ["sticky", 30, 30],
    // The fast change is built with and without the slow one.
    ["speculate-all", 30, 30],
  ])("%s decides the slow change after %d minutes and the fast one after %d", (name, slow, fast) => {
    expect(minutesOf(run(name, both))).toEqual([slow, fast]);
  });

  it("a change that was built on a change that fails is built again without it", () => {
    const failing = workloadOf({ at: 0, takes: 30, passes: false, successProbability: 0.9 }, { at: 10, takes: 5 });
    expect(minutesOf(run("optimistic", failing, { builders: 1 }))).toEqual([30, 35]);
    expect(minutesOf(run("oracle", failing))).toEqual([30, 30]);
    expect(minutesOf(run("2019", failing))).toEqual([30, 30]);
  });

  it("every policy rejects the second of two changes that fail together", () => {
    const clashing = workloadOf({ at: 0, takes: 10, clashes: [1] }, { at: 0, takes: 10, clashes: [0] });
    for (const name of POLICY_NAMES.filter((one) => one !== "no-queue"))
      expect(run(name, clashing).decisions.map((decision) => decision?.outcome)).toEqual(["landed", "rejected"]);
  });
});

describe("policies with one line", () => {
  const everything = { tests: "everything" } as const;
  const outcomesOf = (ledger: Ledger) => ledger.decisions.map((decision) => decision?.outcome);

  it("github waits for each build of its own, github-head lands up to five when the last has passed", () => {
    const slowFirst = workloadOf({ at: 0, takes: 30 }, { at: 0, takes: 20 }, { at: 0, takes: 10 });
    expect(minutesOf(run("github", slowFirst, everything))).toEqual([30, 30, 30]);
    expect(minutesOf(run("github-head", slowFirst, everything))).toEqual([10, 10, 10]);
    const six = workloadOf(...Array.from({ length: 6 }, (_, n) => ({ at: 0, takes: 60 - n * 10 })));
    expect(minutesOf(run("github-head", six, everything))).toEqual([20, 20, 20, 20, 20, 20]);
  });

  it("keep to one line: a change waits also for an independent change ahead", () => {
    const independent = workloadOf({ at: 0, takes: 30 }, { at: 0, takes: 5, conflictsAhead: [] });
    for (const name of ["github", "github-head", "zuul"] as const)
      expect(minutesOf(run(name, independent)), name).toEqual([30, 30]);
    expect(minutesOf(run("optimistic", independent))).toEqual([30, 5]);
  });

  it("zuul builds fewer changes at once after each failure", () => {
    const failing = { at: 0, takes: 10, passes: false };
    const passing = { at: 0, takes: 10 };
    // 20 → 10 → 5 → 3 after the first three fail at minutes 10, 20 and 30: then the last four are built three at a time.
    const line = workloadOf(failing, failing, failing, ...Array.from({ length: 4 }, () => passing));
    expect(minutesOf(run("github", line, everything)).at(-1)).toBe(40);
    expect(minutesOf(run("zuul", line, everything)).at(-1)).toBe(50);
  });

  it("bors builds what waits as one batch, and cuts a batch that fails into halves", () => {
    const bad = { at: 1, takes: 10, passes: false };
    const ledger = run("bors", workloadOf({ at: 0, takes: 10 }, { at: 1, takes: 10 }, bad), everything);
    // {0}, {1, 2}, {1}, {2}
    expect(outcomesOf(ledger)).toEqual(["landed", "landed", "rejected"]);
    expect(minutesOf(ledger)).toEqual([10, 30, 40]);
    expect(ledger.started).toBe(4);
  });

  it("no-queue lands two changes that fail together, and the trunk breaks", () => {
    const clashing = workloadOf({ at: 0, takes: 10, clashes: [1] }, { at: 0, takes: 10, clashes: [0] });
    const ledger = run("no-queue", clashing, everything);
    expect(outcomesOf(ledger)).toEqual(["landed", "landed"]);
    expect(ledger.trunkBroken).toBe(1);
    expect(run("no-queue", clashing, { ...everything, builders: 1 }).trunkBroken).toBe(0);
  });
});

describe("a repeat of a failed build", () => {
  const line = workloadOf(
    { at: 0, takes: 10, passes: false },
    { at: 0, takes: 10, passes: false },
    { at: 0, takes: 10 },
  );

  it("comes only when the change would be rejected, not for a failure that follows from a change ahead", () => {
    const ledger = run("github", line, { tests: "everything", retries: 1 });
    // Minute 0: all three. 10: all have failed; 0 is repeated, 1 and 2 are built without 0. 20: 0 is rejected, 1 is repeated, 2 is built
    // without 1.
    expect(minutesOf(ledger)).toEqual([20, 30, 30]);
    expect(ledger.started).toBe(8);
  });

  it("saves a change whose build failed for no reason", () => {
    const many = makeWorkload({ name: "team", rate: 20, changes: 60, seed: 3, cancellations: 0 });
    for (const name of ["github", "zuul", "bors", "no-queue", "sticky", "ours"] as const) {
      const lost = (retries: number) => run(name, many, { tests: "everything", flakes: 0.3, retries }).falseRejections;
      expect(lost(1), name).toBeLessThan(lost(0));
    }
  });
});

describe("a ledger", () => {
  const workload = workloadOf(
    { at: 0, takes: 1, passes: false },
    { at: 0, takes: 1, clashes: [2] },
    { at: 0, takes: 1, clashes: [1] },
  );

  it("throws when a change lands that fails alone", () => {
    expect(() => new Ledger(workload).land(0)).toThrow(PolicyDefect);
  });

  it("throws when the second of two changes lands that fail together", () => {
    const ledger = new Ledger(workload);
    ledger.land(1);
    expect(() => ledger.land(2)).toThrow(PolicyDefect);
  });

  it("counts a rejected change that passes as a false rejection", () => {
    const ledger = new Ledger(workload);
    for (const n of [0, 1, 2]) ledger.decide(n, { atMs: 0, outcome: "rejected" });
    expect(ledger.falseRejections).toBe(2);
  });
});

describe("the measures", () => {
  it("of the oracle are 1 times the oracle's, at one build per change", () => {
    const workload = small(7);
    const best = oracle(workload, settings());
    expect(measure(workload, best, best)).toMatchObject({ ratio: { p50: 1, p95: 1, p99: 1 }, buildsPerChange: 1 });
  });

  it("count the builder hours of aborted builds, too", () => {
    const failing = workloadOf(
      { at: 0, takes: 30, passes: false, successProbability: 0.999 },
      { at: 0, takes: 60, successProbability: 0.999 },
    );
    const ledger = run("optimistic", failing);
    // The second change is built on the first for half an hour, and then again without the first.
    expect(measure(failing, ledger, oracle(failing, settings()))).toMatchObject({
      buildsPerChange: 1.5,
      abortedShare: 1 / 3,
      builderHoursPerLanded: 2,
      landed: 1,
    });
  });
});
