import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { buildFiles, type Order, Verdict } from "../../../functions/adapters/build-runner/build-files.ts";
import { replaceFile, writeOnce } from "../../../functions/adapters/build-runner/files.ts";
import { startOf } from "../../../functions/adapters/build-runner/process-mark.ts";
import { forgetOldBuilds } from "../../../functions/adapters/build-runner/retention.ts";
import { scratch } from "./tasks.ts";

const program = fileURLToPath(import.meta.resolve("../../../functions/adapters/build-runner/supervise.ts"));

it("stops a build that outlives its time, though nobody asks", async () => {
  const directory = await scratch();
  const order: Order = { directory, tree: directory, command: "echo begun; sleep 1000", timeoutMs: 300 };
  const supervisor = spawn(process.execPath, [program, JSON.stringify(order)], { stdio: "inherit" });
  await new Promise((resolve) => supervisor.once("exit", resolve));
  const verdict = Verdict.parse(JSON.parse(await readFile(buildFiles(directory).verdict, "utf8")));
  expect(verdict).toEqual({ result: "failed", why: "it was stopped after 0.3 s." });
  expect(await readFile(buildFiles(directory).output, "utf8")).toBe("begun\n");
});

it("leaves the build to the one supervisor that claims it", async () => {
  const directory = await scratch();
  const order: Order = { directory, tree: directory, command: "echo built >> count", timeoutMs: 10_000 };
  const supervisors = Array.from({ length: 4 }, () => spawn(process.execPath, [program, JSON.stringify(order)]));
  await Promise.all(supervisors.map((supervisor) => new Promise((resolve) => supervisor.once("exit", resolve))));
  expect(await readFile(join(directory, "count"), "utf8")).toBe("built\n");
  expect((await readdir(directory)).sort()).toEqual([
    "claim.json",
    "count",
    "output.log",
    "running.json",
    "verdict.json",
  ]);
});

it("writes a file once, however many try at the same time", async () => {
  const file = join(await scratch(), "file");
  const tries = await Promise.all(Array.from({ length: 20 }, (_, i) => writeOnce(file, `${i}`)));
  expect(tries.filter((won) => won)).toHaveLength(1);
  expect(await readFile(file, "utf8")).toBe(`${tries.indexOf(true)}`);
});

it("forgets the oldest builds, and their worktrees, but none that is running", async () => {
  const builds = await scratch();
  for (const [i, name] of ["running", "oldest", "older", "newer"].entries()) {
    await mkdir(join(builds, name, "tree-x"), { recursive: true });
    if (name !== "running")
      await replaceFile(buildFiles(join(builds, name)).verdict, JSON.stringify({ result: "passed" }));
    await utimes(join(builds, name), 1_000 + i, 1_000 + i);
  }
  const supervisor = { pid: process.pid, started: await startOf(process.pid) };
  await replaceFile(buildFiles(join(builds, "running")).claim, JSON.stringify({ supervisor, tree: "x" }));
  await utimes(join(builds, "running"), 1_000, 1_000);
  const removed: string[] = [];
  await forgetOldBuilds(builds, async (tree) => void removed.push(tree), 2);
  expect((await readdir(builds)).sort()).toEqual(["newer", "older", "running"]);
  expect(removed).toEqual([join(builds, "oldest", "tree-x")]);
});
