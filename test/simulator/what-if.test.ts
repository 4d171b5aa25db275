import { Script } from "node:vm";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { type WhatIf, whatIf } from "../../simulator/what-if.ts";

const minute = (n: number) => new Date(Date.UTC(2026, 10, 2, 9, n)).toISOString();

/** A queue with one builder: a change every 5 minutes, builds of 10 minutes, each behind all that are undecided. */
const history = Array.from({ length: 12 }, (_, n) => ({
  id: String(n),
  arrivedAt: minute(5 * n),
  behind: Array.from({ length: Math.ceil(n / 2) }, (_, i) => String(n - 1 - i)),
  buildSeconds: 600,
  outcome: n === 4 ? "error" : "landed",
  endedAt: minute(10 * (n + 1)),
}));
const options = [
  { budget: 1 },
  { budget: 8 },
  { budget: 1, bundle: 4 },
  { budget: 8, order: "arrival" },
  { budget: 8, commitPoints: "pushes" },
] as const;

const answered = (answer: WhatIf) => {
  if (answer.kind === "refused") throw new Error(answer.problem);
  return answer;
};

describe("what if", () => {
  it("answers a row per option, and what happened in the history", () => {
    const { rows, changes, actual, advice } = answered(whatIf(history, options));
    expect([changes, actual.landed, actual.hours]).toEqual([12, 11, 2]);
    expect(advice).toContain("12 changes");
    expect(rows.map(({ option }) => option)).toEqual(options);
    const [one, eight] = rows;
    expect(one?.landed).toBe(11);
    expect(eight?.landing.p50).toBeLessThan(one?.landing.p50 ?? 0);
    expect(eight?.landing.p50).toBeGreaterThanOrEqual(10);
    expect(one?.buildsPerLanded).toBeGreaterThanOrEqual(1);
  });

  it("lands a quick change behind a slow one sooner where only the tip of each push is built", () => {
    const uneven = history.map((change, n) => ({ ...change, buildSeconds: n % 2 === 0 ? 1_800 : 600 }));
    const settings = [{ budget: 8 }, { budget: 8, commitPoints: "pushes" }] as const;
    const [every, pushes] = answered(whatIf(uneven, settings)).rows;
    expect([every?.landing.p50, pushes?.landing.p50]).toEqual([30, 15]);
  });

  it("gives the same answer to the same question, and the rows of one question do not depend on each other", () => {
    const together = answered(whatIf(history, options)).rows;
    expect(options.flatMap((option) => answered(whatIf(history, [option])).rows)).toEqual(together);
  });

  it.each([
    ["no change", [], "Land a few changes"],
    ["a change without a build time", [{ ...history[0], buildSeconds: undefined }], "buildSeconds"],
  ])("refuses a history with %s", (_, given, problem) => {
    expect(whatIf(given, options)).toMatchObject({ kind: "refused", problem: expect.stringContaining(problem) });
  });

  it("runs in a browser's worker: the bundle needs no module of Node.js", async () => {
    const { outputFiles, warnings } = await build({
      stdin: { contents: 'export { whatIf } from "./simulator/what-if.ts";', resolveDir: process.cwd() },
      bundle: true,
      platform: "browser",
      format: "iife",
      globalName: "bundled",
      write: false,
      logLevel: "silent",
    });
    expect(warnings).toEqual([]);
    // The language, and what each browser's worker has: no process, no require, no Buffer.
    const script = new Script(
      `${outputFiles[0]?.text}\nJSON.stringify(bundled.whatIf(JSON.parse(history), JSON.parse(options)))`,
    );
    const answer = script.runInNewContext({
      history: JSON.stringify(history),
      options: JSON.stringify(options),
      ...{ TextEncoder, URL },
    });
    expect(JSON.parse(answer)).toEqual(JSON.parse(JSON.stringify(whatIf(history, options))));
  });
});
