import { describe, expect, it } from "vitest";
import { BrokenPromise, Ledger } from "../../simulator/ledger.ts";
import { measure } from "../../simulator/measures.ts";
import { POLICY_NAMES, type PolicyName, runPolicy } from "../../simulator/policies/index.ts";
import { oracle } from "../../simulator/policies/oracle.ts";
import { type PredictorName, predictorFor } from "../../simulator/predictor.ts";
import type { Settings } from "../../simulator/settings.ts";
import { makeWorkload, SPEAKS_FOR, type Workload } from "../../simulator/workload.ts";
import { MINUTE, settings, workloadOf } from "./worlds.ts";

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

describe.each(SPEAKS_FOR)("when builds speak for %s", (speaksFor) => {
  // The oracle knows who is to be rejected: it lands nothing that its ledger could hold against that.
  const judged = POLICY_NAMES.filter((name) => name !== "oracle");
  it.each(judged)("%s decides every change, keeps the trunk green and rejects nobody without a fault", (name) => {
    for (const seed of [1, 2]) expect(run(name, small(seed), { speaksFor, builders: 20 }).falseRejections).toBe(0);
    expect(run(name, small(3, "modules"), { speaksFor, builders: 20 }).falseRejections).toBe(0);
  });

  it.each(["told", "blurred", "flat", "history"] as const)("ours keeps its promises on what is %s", (predictor) => {
    expect(run("ours", small(4, "modules"), { speaksFor, builders: 10 }, predictor).falseRejections).toBe(0);
  });
});

it.each(POLICY_NAMES)("%s lives with slow machinery and with authors who give up", (name) => {
  const slow = { startDelayMs: 30_000, cancelDelayMs: 30_000, mergeDelayMs: 30_000, builders: 10 };
  const ledger = run(name, small(5, "eurosys", 0.3), slow);
  expect(ledger.falseRejections).toBe(0);
  expect(ledger.decisions.some((decision) => decision?.outcome === "cancelled")).toBe(true);
});

it.each(POLICY_NAMES)("%s comes to an end though builds fail for no reason", (name) => {
  expect(run(name, small(6), { flakes: 0.1 }).decisions).not.toContain(undefined);
});

describe("by hand: a slow change, and a fast one behind it", () => {
  const both = workloadOf({ at: 0, takes: 30 }, { at: 10, takes: 5 });

  it.each<[PolicyName, number, number]>([
    ["oracle", 30, 30],
    ["single", 30, 35],
    ["optimistic", 30, 30],
    ["2019", 30, 30],
    ["sticky", 30, 30],
    // With builders to spare it builds the fast one with and without the slow one, and need not wait.
    ["speculate-all", 30, 30],
  ])("%s decides them after %d and %d minutes", (name, slow, fast) => {
    expect(minutesOf(run(name, both))).toEqual([slow, fast]);
  });

  it("a failure ahead costs those that guessed otherwise another build", () => {
    const failing = workloadOf({ at: 0, takes: 30, passes: false, latent: 0.9 }, { at: 10, takes: 5 });
    expect(minutesOf(run("optimistic", failing, { builders: 1 }))).toEqual([30, 35]);
    expect(minutesOf(run("oracle", failing))).toEqual([30, 30]);
    expect(minutesOf(run("2019", failing))).toEqual([30, 30]);
  });

  it("real conflicts are found by the pair, whichever the tree", () => {
    const clashing = workloadOf({ at: 0, takes: 10, clashes: [1] }, { at: 0, takes: 10, clashes: [0] });
    for (const name of POLICY_NAMES)
      expect(run(name, clashing).decisions.map((decision) => decision?.outcome)).toEqual(["landed", "rejected"]);
  });
});

describe("what must never happen is noticed", () => {
  const workload = workloadOf(
    { at: 0, takes: 1, passes: false },
    { at: 0, takes: 1, clashes: [2] },
    { at: 0, takes: 1, clashes: [1] },
  );

  it("a change that fails lands", () => {
    expect(() => new Ledger(workload).land(0)).toThrow(BrokenPromise);
  });

  it("two that fail together land", () => {
    const ledger = new Ledger(workload);
    ledger.land(1);
    expect(() => ledger.land(2)).toThrow(BrokenPromise);
  });

  it("one that passes is rejected", () => {
    const ledger = new Ledger(workload);
    for (const n of [0, 1, 2]) ledger.decide(n, { atMs: 0, outcome: "rejected" });
    expect(ledger.falseRejections).toBe(2);
  });
});

describe("measures", () => {
  it("are the oracle's own for the oracle", () => {
    const workload = small(7);
    const best = oracle(workload, settings());
    expect(measure(workload, best, best)).toMatchObject({ ratio: { p50: 1, p95: 1, p99: 1 }, buildsPerChange: 1 });
  });

  it("count what builders did, and what was given up", () => {
    const failing = workloadOf({ at: 0, takes: 30, passes: false, latent: 0.999 }, { at: 0, takes: 60, latent: 0.999 });
    const ledger = run("optimistic", failing);
    // The second is built for half an hour on the first, and again without it.
    expect(measure(failing, ledger, oracle(failing, settings()))).toMatchObject({
      buildsPerChange: 1.5,
      abortedShare: 1 / 3,
      builderHoursPerLanded: 2,
      landed: 1,
    });
  });
});
