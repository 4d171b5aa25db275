import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import * as z from "zod";
import { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { GitSha, Sqid } from "../../../functions/contracts/ids.ts";
import { Reason } from "../../../functions/contracts/reasons.ts";
import { totalsOf } from "../../../localstack/demo/how-landed.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { scratch } from "../../adapters/build-runner/tasks.ts";
import { LIMIT_MS } from "../../support/limit.ts";

/** As `npm run demo` does. */
const [, ...PROGRAM]: string[] = JSON.parse(readFileSync("package.json", "utf8")).scripts.demo.split(" ");

const demo = async (...args: string[]) =>
  execa(process.execPath, [...PROGRAM, ...args], { reject: false, extendEnv: true, timeout: 2 * LIMIT_MS });

const Document = z.strictObject({
  requests: z.array(
    z.strictObject({
      sqid: Sqid,
      changes: z.array(ChangeUri).min(1),
      status: z.string(),
      reason: Reason.nullable(),
      elapsedMs: z.number().positive(),
      trail: z.array(z.string()).min(3),
      bypassed: z.array(Sqid),
      landedTogether: z.int(),
    }),
  ),
  totals: z.strictObject({
    requests: z.int(),
    landed: z.int(),
    bypassing: z.int(),
    inSharedPushes: z.int(),
    largestPush: z.int(),
  }),
  trunk: z.strictObject({
    repository: z.string(),
    branch: z.literal("main"),
    commits: z.array(
      z.strictObject({ sha: GitSha, subject: z.string(), point: z.boolean(), passed: z.boolean().nullable() }),
    ),
  }),
});

it("lands what can land, also past a slow change, refuses the second half of the semantic conflict, and proves every commit point", async () => {
  const { exitCode, stdout, stderr } = await demo("--json", "--state", await scratch());
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const { requests, totals, trunk } = Document.parse(JSON.parse(stdout));
  expect(requests.map(({ status }) => status).sort()).toEqual(["error", ...Array<string>(7).fill("landed")]);
  const refused = requests.find(({ status }) => status === "error");
  expect(refused?.changes[0]).toContain("discounts");
  expect(refused?.reason?.code).toBe("build.failed");
  expect(refused?.reason?.message).toMatch(/^Build [0-9a-f]{32}: the command exited with code 1\.\n(FAIL .*price'\n)+/);
  const points = trunk.commits.filter(({ point }) => point);
  expect(points.map(({ passed }) => passed)).toEqual(Array(7).fill(true));
  expect(trunk.commits.filter(({ point }) => !point).every(({ passed }) => passed === null)).toBe(true);
  expect((await git(trunk.repository, ["rev-parse", "main"])).trim()).toBe(trunk.commits[0]?.sha);
  const subjects = trunk.commits.map(({ subject }) => subject);
  expect(new Set(subjects).size).toBe(4 * 2 + 3 * 3);

  const past = requests.filter(({ bypassed }) => bypassed.length > 0);
  expect(past.map(({ changes, bypassed }) => [changes.join(), bypassed])).toEqual([
    [expect.stringContaining("quick-clock"), ["demo/1"]],
  ]);
  expect(requests[0]?.changes.join()).toContain("holds");
  // Which of the changes behind the slow one leave in its push depends on which build ends first.
  expect(requests.map(({ landedTogether }) => landedTogether > 0)).toEqual(
    requests.map(({ status }) => status === "landed"),
  );
  expect(totals).toEqual({ requests: 8, landed: 7, ...totalsOf(requests) });
  expect(totals.bypassing).toBe(1);
});

/** One run for two tests: a stack, through a GitHub on this machine, told as text. */
const stackOnGitHub = (() => {
  let run: Promise<{ readonly repository: string; readonly stdout: string; readonly refs: string }> | undefined;
  return () => {
    run ??= (async () => {
      const state = await scratch();
      const flags = ["--ci", "github", "--count", "5", "--stacked"];
      const { exitCode, stdout, stderr } = await demo(...flags, "--state", state);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      const repository = join(state, "demo-sandbox", "sandbox.git");
      return { repository, stdout, refs: await git(repository, ["for-each-ref", "refs/heads/submitqueue/"]) };
    })();
    return run;
  };
})();

/** The texts of a column of the table, by request. */
function column(stdout: string, name: string): readonly string[] {
  const [head = [], ...rows] = stdout
    .split("\n")
    .filter((line) => /^[│├]/.test(line))
    .map((line) => line.split("│").map((cell) => cell.trim()));
  const at = head.indexOf(name);
  const texts: string[] = [];
  for (const cells of rows) {
    if (cells.length === 1) texts.push("");
    else texts.push(`${texts.pop()} ${cells[at]}`.trim());
  }
  return texts;
}

it("lands a stack as one request and reads well when it is redirected", async () => {
  const { stdout } = await stackOnGitHub();
  expect(stdout).toContain("2 of 3 requests landed, and the check passes at all 2 commit points.");
  expect(stdout).toMatch(/^ +\d+\.\d s {2}demo\/\d {2}.*\(\+2\) .*accepted/m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: nothing that only a terminal understands.
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});

it("lands through a GitHub on this machine, and refuses what its check fails", async () => {
  const { repository, stdout, refs } = await stackOnGitHub();
  // Two that land in one push say so: `landed push of 2`.
  expect(column(stdout, "OUTCOME").map((outcome) => outcome.split(" ")[0])).toEqual(["landed", "landed", "error"]);
  expect(column(stdout, "STAGE").at(-1)).toMatch(
    /build\.failed: The check tests \(github-actions\) ended with failure\. check\.sh:1 FAIL .*price'$/,
  );
  expect(stdout).toContain(`main of ${repository}, newest first:`);
  expect(refs).toBe("");
});

it("refuses wrong flags before it does anything", async () => {
  const state = await scratch();
  const { exitCode, stdout, stderr } = await demo("--count", "none", "--state", state);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toMatch(
    /^option '--count <n>' argument 'none' is invalid\. It is a whole number from 1 to 100\.\n\nUsage: npm run demo/,
  );
});

it("lands pull requests by comments and a label on a GitHub of its own, and shows what became of each", async () => {
  const state = await scratch();
  const { exitCode, stdout, stderr } = await demo("--github", "--json", "--state", state);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const { pulls, wrong, trunk } = JSON.parse(stdout) as {
    trunk: { commits: { subject: string }[] };
    pulls: { number: number; state: string; check: { conclusion: string }; comments: string[]; expected: string }[];
    wrong: string[];
  };
  expect(wrong).toEqual([]);
  expect(pulls.map(({ check }) => check.conclusion)).toEqual([
    ...Array(8).fill("success"),
    "failure",
    "failure",
    "cancelled",
  ]);
  const [, , , , , , , , red, conflicting, pushed] = pulls.map(({ comments }) => comments.at(-1));
  expect(red).toMatch(
    /@ann, this pull request did not land \(`build\.failed`[\s\S]*rooibos\/price: 0 is no price[\s\S]*Next:/,
  );
  expect(conflicting).toMatch(/@ann, this pull request did not land \(`merge\.conflict`[\s\S]*earl-grey\/price/);
  expect(pushed).toMatch(/@ann, this pull request was cancelled[\s\S]*(@ann pushed to|was pushed to)/);
  expect(trunk.commits.map(({ subject }) => subject)).toContain("Sell Sencha (#3)");
  const page = await readFile(join(state, "github.html"), "utf8");
  expect(page.match(/<article /g)).toHaveLength(11);
  expect(page).toContain("Raise the price of Earl Grey");
});
