import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";
import { replaceFile, writeOnce } from "../../../functions/adapters/build-runner/files.ts";
import { buildFiles } from "../../../localstack/command-runner/build-files.ts";
import { markOf } from "../../../localstack/command-runner/build-processes.ts";
import { type Order, Verdict } from "../../../localstack/command-runner/build-records.ts";
import { startOf } from "../../../localstack/command-runner/process-mark.ts";
import { forgetOldBuilds } from "../../../localstack/command-runner/retention.ts";
import { sandboxPaths } from "../../../localstack/command-runner/sandbox-directory.ts";
import { scratch } from "../../adapters/build-runner/tasks.ts";
import { quickBuilds } from "./quick-builds.ts";

const program = fileURLToPath(import.meta.resolve("../../../localstack/command-runner/supervise.ts"));

/** An order to run a command, and its directories. */
async function anOrder(command: string, timeoutMs: number) {
  const root = await scratch();
  const [directory, sandbox] = [join(root, "build"), join(root, "sandbox")];
  const { tree, home } = sandboxPaths(sandbox);
  for (const made of [directory, tree]) await mkdir(made, { recursive: true });
  const environment = { PATH: process.env["PATH"] ?? "", HOME: home };
  const order: Order = { directory, sandbox, command, environment, mark: markOf(home), protocols: "file", timeoutMs };
  return { root, directory, order };
}

it("stops a build that outlives its time, also without a poll", async () => {
  const { directory, order } = await anOrder("echo begun; sleep 1000", 1_000);
  const supervisor = spawn(process.execPath, [program, JSON.stringify(order)], { stdio: "inherit" });
  await new Promise((resolve) => supervisor.once("exit", resolve));
  const verdict = Verdict.parse(JSON.parse(await readFile(buildFiles(directory).verdict, "utf8")));
  expect(verdict).toEqual({ result: "failed", why: "it was stopped after 1 s." });
  // On a machine that is busy, the time may be over before the command has begun.
  expect(await readFile(buildFiles(directory).output, "utf8")).toMatch(/^(begun\n)?$/);
});

it("is never taken for dead because its build ends at once", async () => {
  const results = await quickBuilds(await scratch(), 8);
  expect(results).toEqual(Array.from({ length: 8 }, () => "passed"));
});

it("leaves the build to the one supervisor that claims it", async () => {
  const { root, directory, order } = await anOrder("echo built >> ../../count", 600_000);
  const supervisors = Array.from({ length: 4 }, () => spawn(process.execPath, [program, JSON.stringify(order)]));
  await Promise.all(supervisors.map((supervisor) => new Promise((resolve) => supervisor.once("exit", resolve))));
  expect(await readFile(join(root, "count"), "utf8")).toBe("built\n");
  expect((await readdir(directory)).sort()).toEqual(["claim.json", "output.log", "running.json", "verdict.json"]);
});

it("loads no package, which would take longer than all else that each build starts with", async () => {
  const hooks = `import { registerHooks } from "node:module";
registerHooks({ load: (url, context, next) => (url.includes("/node_modules/") && console.error(url), next(url, context)) });`;
  const { order } = await anOrder("exit 0", 600_000);
  const preload = `--import=data:text/javascript,${encodeURIComponent(hooks)}`;
  const supervised = await execa(process.execPath, [preload, program, JSON.stringify(order)]);
  expect(supervised.stderr).toBe("");
  const other = import.meta.resolve("../../../localstack/command-runner/build-records.ts");
  expect((await execa(process.execPath, [preload, fileURLToPath(other)])).stderr).toContain("zod");
});

it("writes a file once, however many try at the same time", async () => {
  const file = join(await scratch(), "file");
  const tries = await Promise.all(Array.from({ length: 20 }, (_, i) => writeOnce(file, `${i}`)));
  expect(tries.filter((won) => won)).toHaveLength(1);
  expect(await readFile(file, "utf8")).toBe(`${tries.indexOf(true)}`);
});

it("forgets the oldest builds, but none that is running", async () => {
  const builds = await scratch();
  for (const [i, name] of ["running", "oldest", "older", "newer"].entries()) {
    await mkdir(join(builds, name), { recursive: true });
    if (name !== "running")
      await replaceFile(buildFiles(join(builds, name)).verdict, JSON.stringify({ result: "passed" }));
    await utimes(join(builds, name), 1_000 + i, 1_000 + i);
  }
  const supervisor = { pid: process.pid, started: await startOf(process.pid) };
  const claim = { supervisor, sandbox: "x", mark: markOf("x") };
  await replaceFile(buildFiles(join(builds, "running")).claim, JSON.stringify(claim));
  await utimes(join(builds, "running"), 1_000, 1_000);
  await forgetOldBuilds(builds, 2);
  expect((await readdir(builds)).sort()).toEqual(["newer", "older", "running"]);
});
