import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { measure } from "../../simulator/measure.ts";
import { POLICIES } from "../../simulator/policies/index.ts";

const machinery = { startDelayMs: 0, cancelDelayMs: 0, mergeDelayMs: 0, flakes: 0 };
const cell = (policy: string, overrides = {}) =>
  measure({
    workload: "eurosys",
    policy,
    rate: 500,
    builders: 60,
    seeds: [1, 2],
    changes: 60,
    predictor: "told",
    cancellations: 0,
    machinery,
    ...overrides,
  });

describe("the simulator", () => {
  it.each(Object.keys(POLICIES))("%s decides every change, lands nothing unsound, rejects nobody wrongly", (policy) => {
    expect(cell(policy).falseRejections).toBe(0);
  });

  it.each(["told", "blurred", "flat"])("ours keeps its promises whatever it is told: %s", (predictor) => {
    expect(cell("ours", { predictor, workload: "modules" }).falseRejections).toBe(0);
  });

  it("ours keeps them with cancelled changes and slow machinery", () => {
    const slow = { startDelayMs: 30_000, cancelDelayMs: 30_000, mergeDelayMs: 30_000, flakes: 0 };
    expect(cell("ours", { cancellations: 0.1, machinery: slow }).falseRejections).toBe(0);
  });

  it("guessing beats not guessing", () => {
    expect(cell("ours").p50).toBeLessThan(cell("single").p50);
  });

  it("gives the same figures for the same seed", () => {
    const { plannerP95Ms: _, ...first } = cell("ours");
    const { plannerP95Ms: __, ...second } = cell("ours");
    expect(second).toEqual(first);
  });
});

const MAIN = ["simulator/main.ts", "--changes", "20", "--seeds", "1", "--builders", "5", "--policies", "sticky"];

describe("npm run simulate", () => {
  it("prints one JSON document and nothing else", () => {
    const { cells } = JSON.parse(
      execFileSync("node", [...MAIN, "--json"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
    );
    expect(cells).toMatchObject([
      { workload: "eurosys", policy: "sticky", rate: 500, builders: 5, seeds: [1], falseRejections: 0 },
    ]);
  });

  it.each([
    [["--policies", "none"], "no such policy"],
    [["--builders", "0"], "--builders"],
    [["--speed", "9"], "--speed"],
  ])("refuses %j with exit code 2 and its usage", (flags, said) => {
    const { status, stderr } = spawnSync("node", ["simulator/main.ts", ...flags], { encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toContain(said);
    expect(stderr).toContain("Usage:");
  });
});
