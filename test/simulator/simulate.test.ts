import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { runSimulator } from "../../simulator/run-simulator.ts";

const home = mkdtempSync(join(tmpdir(), "simulator-"));
afterAll(() => rmSync(home, { recursive: true }));

const simulate = (...flags: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["simulator/simulate.ts", ...flags], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
};

/** The same in this process. */
async function simulateHere(...flags: string[]) {
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    const spy = vi.spyOn(process[name], "write").mockImplementation((text) => {
      printed[name] += text;
      return true;
    });
    onTestFinished(() => spy.mockRestore());
  }
  return { status: await runSimulator(flags, "npm run simulate --"), ...printed };
}

const QUICK = ["--changes", "30", "--seeds", "1,2", "--builders", "10,20", "--threads", "1"];

describe("npm run simulate", () => {
  it("prints one JSON document, the same bytes for the same seeds and any number of threads", () => {
    const first = simulate(...QUICK, "--json");
    expect(first).toMatchObject({ status: 0, stderr: "" });
    expect(simulate(...QUICK.slice(0, -1), "2", "--json").stdout).toBe(first.stdout);
    const { cells } = JSON.parse(first.stdout);
    expect(cells).toHaveLength(6);
    expect(cells[0]).toMatchObject({
      workload: "eurosys",
      policy: "ours",
      rate: 500,
      builders: 10,
      seeds: [1, 2],
      falseRejections: 0,
    });
    for (const name of ["p50", "p95", "p99", "buildsPerChange", "landedPerHour", "abortedShare"])
      expect(cells[0][name], name).toBeTypeOf("number");
  });

  it("prints tables, and says that the workload is made up", () => {
    const { status, stdout } = simulate(...QUICK, "--policies", "oracle,ours-all", "--timings");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^10 +oracle +1\.00 /m);
    expect(stdout).toContain("is known to be Uber's");
    expect(stdout).toContain("planner runs");
  });

  it("writes a chart with a bar per policy and number of builders", () => {
    const file = join(home, "chart.svg");
    expect(simulate(...QUICK, "--policies", "sticky", "--svg", file).status).toBe(0);
    expect(readFileSync(file, "utf8")).toMatch(/^<svg [\s\S]*sticky, 20 builders[\s\S]*<\/svg>\n$/);
  });

  it("replays a history of one request, as export-history writes it", () => {
    const file = join(home, "one.jsonl");
    const line = { id: "1", arrivedAt: "2026-11-23T15:16:39.000Z", behind: [], buildSeconds: 1.5, outcome: "landed" };
    writeFileSync(file, `${JSON.stringify(line)}\n`);
    const { status, stdout, stderr } = simulate("--replay", file, "--builders", "5", "--policies", "ours", "--json");
    expect([status, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout).cells[0]).toMatchObject({ landed: 1, buildsPerChange: 1 });
  });

  it("replays a history from standard input in minutes, and says that one of two changes is short", () => {
    const line = (id: string, endedAt: string) =>
      JSON.stringify({ id, arrivedAt: "2026-11-23T15:00:00.000Z", buildSeconds: 600, outcome: "landed", endedAt });
    const input = [line("1", "2026-11-23T15:10:00.000Z"), line("2", "2026-11-23T15:20:00.000Z")].join("\n");
    const flags = ["simulator/simulate.ts", "--replay", "-", "--builders", "2", "--policies", "ours,github"];
    const { status, stdout } = spawnSync(process.execPath, flags, { encoding: "utf8", input });
    expect(status).toBe(0);
    expect(stdout).toContain("The history has 2 changes");
    expect(stdout).toMatch(/^0\/h, 2 +ours +10 +10 /m);
    const empty = spawnSync(process.execPath, flags, { encoding: "utf8", input: "" });
    expect(empty).toMatchObject({ status: 2, stderr: expect.stringContaining("Land a few changes") });
  });

  it("replays a history with other numbers of builders", () => {
    const file = join(home, "history.jsonl");
    const line = (n: number) =>
      JSON.stringify({
        id: `c${n}`,
        arrivedAt: n * 60_000,
        paths: [`f${n % 3}`],
        buildSeconds: 1_800,
        outcome: "landed",
      });
    writeFileSync(file, Array.from({ length: 20 }, (_, n) => line(n)).join("\n"));
    const { status, stdout } = simulate("--replay", file, "--builders", "1,20", "--policies", "ours", "--json");
    expect(status).toBe(0);
    const [one, twenty] = JSON.parse(stdout).cells;
    expect(one).toMatchObject({ workload: "replay", builders: 1, falseRejections: 0 });
    expect(twenty.minutes.p50).toBeLessThan(one.minutes.p50);
  });

  it.each([
    [["--policies", "none"], "argument 'none' is invalid. It is one of 2019"],
    [["--builders", "0"], "--builders"],
    [["--rate", "fast"], "--rate"],
    [["--seeds", "1,,2"], "--seeds"],
    [["--flakes", "2"], "--flakes"],
    [["--predictor", "oracle"], "--predictor"],
    [["--tests", "heads"], "It is one of everything, affected"],
    [["--speed", "9"], "--speed"],
    [["more"], "more"],
  ])("refuses %j with exit code 2 and prints its usage", async (flags, said) => {
    const { status, stdout, stderr } = await simulateHere(...flags);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(said);
    expect(stderr).toContain("Usage:");
  });

  it("refuses a history file that does not exist", () => {
    expect(simulate("--replay", join(home, "nowhere.json"))).toMatchObject({ status: 2 });
  });
});
