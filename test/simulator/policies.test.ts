import { describe, expect, it } from "vitest";
import { Ledger, PolicyDefect } from "../../simulator/ledger.ts";
import { measure } from "../../simulator/measures.ts";
import { POLICY_NAMES, type PolicyName, runPolicy } from "../../simulator/policies/index.ts";
import { oracle } from "../../simulator/policies/oracle.ts";
import { type PredictorName, predictorFor } from "../../simulator/predictor.ts";
import type { Settings } from "../../simulator/settings.ts";
import { makeWorkload, TEST_SCOPES, type Workload } from "../../simulator/workload.ts";
import { MINUTE, settings, workloadOf } from "./sketches.ts";

const run = (
  name: PolicyName,
  workload: Workload,
  overrides: Partial<Settings> = {},
  predictor: PredictorName = "told",
) => runPolicy(name, workload, settings(overrides), predictorFor(predictor, workload.changes, 1), () => 0);

const small = (seed: number, name: "eurosys" | "modules" = "eurosys", cancellations = 0) =>
  makeWorkload({ name, rate: 500, changes: 50, seed, cancellations });

const minutesOf = (ledger: Ledger): (number | undefined)[] =>
  ledger.decisions.map((decision) => decision && decision.atMs / MINUTE);

describe.each(TEST_SCOPES)("when builds test %s", (tests) => {
  // The oracle puts nothing on the ledger's trunk, so its ledger cannot judge a rejection.
  const judged = POLICY_NAMES.filter((name) => name !== "oracle");
  it.each(judged)("%s decides every change, keeps the trunk green and rejects no change that passes", (name) => {
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
    for (const name of POLICY_NAMES)
      expect(run(name, clashing).decisions.map((decision) => decision?.outcome)).toEqual(["landed", "rejected"]);
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
