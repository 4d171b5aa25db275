import { describe, expect, it } from "vitest";
import { pushesUntil } from "../../simulator/breakages.ts";
import { runJob } from "../../simulator/job.ts";
import { rescueTable } from "../../simulator/rescue-table.ts";
import { parseOptions } from "../../simulator/simulator-options.ts";

const HOUR = 3_600_000;

describe("a trunk that is broken past the queue", () => {
  const job = (changes: number, perHour: number) => ({
    source: { spec: { name: "team" as const, rate: 20, changes, seed: 1, cancellations: 0 } },
    rate: 20,
    policy: "ours" as const,
    predictor: "history" as const,
    settings: {
      ...{ builders: 6, seed: 1, tests: "everything" as const, flakes: 0, retries: 0, analyzer: "paths" as const },
      ...{ startDelayMs: 0, cancelDelayMs: 0, mergeDelayMs: 0 },
      ...(perHour > 0 ? { breakages: { perHour, mendedAfterMs: HOUR / 2 } } : {}),
    },
  });

  it("rejects no innocent change, where the queue without the rule rejects many", () => {
    const result = runJob(job(60, 1), () => 0);
    if (result.kind !== "measured") throw new Error(result.problem);
    const { rescue, measures } = result;
    expect(measures.falseRejections).toBe(0);
    expect(rescue).toMatchObject({ innocents: 0 });
    expect(rescue?.breakages).toBeGreaterThan(0);
    expect(rescue?.withoutRule).toBeGreaterThan(3);
    // One build per breakage, and repeats after 5 and 15 minutes while it lasts.
    expect(rescue?.trunkBuilds).toBeLessThanOrEqual(4 * (rescue?.breakages ?? 0));
  });

  it("costs nothing where it is not broken", () => {
    const result = runJob(job(40, 0), () => 0);
    if (result.kind !== "measured") throw new Error(result.problem);
    expect(result.rescue).toBeUndefined();
  });
});

describe("the pushes past the queue", () => {
  it("break and repair the trunk in turn, and are the same for the same seed", () => {
    const pushes = pushesUntil(100 * HOUR, { perHour: 0.5, mendedAfterMs: HOUR }, 7);
    expect(pushes).toEqual(pushesUntil(100 * HOUR, { perHour: 0.5, mendedAfterMs: HOUR }, 7));
    expect(pushes.map(({ breaks }) => breaks)).toEqual(pushes.map((_, i) => i % 2 === 0));
    expect(pushes.map(({ atMs }) => atMs)).toEqual(pushes.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    expect(pushes.length / 2).toBeGreaterThan(20);
    expect(pushes.length / 2).toBeLessThan(50);
  });
});

describe("--breakages", () => {
  it("is for policies that drive the product's planner", () => {
    const options = (args: string[]) => parseOptions(["--workload", "team", ...args]);
    expect(options(["--breakages", "0.5"])).toMatchObject({ options: { policies: ["ours"], breakages: 0.5 } });
    expect(options(["--breakages", "0.5", "--policies", "ours,zuul"])).toMatchObject({
      kind: "refused",
      problem: expect.stringContaining("zuul knows no broken trunk"),
    });
  });

  it("shows how many innocent changes were saved", () => {
    const rescue = { breakages: 6, trunkBuilds: 24, innocents: 1, withoutRule: 23 };
    const row = { analyzer: "all", policy: "ours", rate: 20, builders: 10, rescue };
    expect(rescueTable([row]).join()).toMatch(/20\/h, 10 +ours, all +6 +24 +23 +1 +22$/m);
    expect(rescueTable([{ ...row, rescue: undefined }].map(({ rescue: _, ...rest }) => rest))).toEqual([]);
  });
});
