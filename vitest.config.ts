import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { makeScratch } from "./test/support/scratch.ts";

// Many tests start programs of ours. With their compiled code at hand, these start in half the time.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules", ".cache", "node");

// What a run leaves in the directory for temporary files goes with the run.
const scratch = makeScratch();
process.env["TMPDIR"] = scratch;
process.on("exit", () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));

// Tests know nothing of the user's credentials, proxies, git configuration, or the repository that a git hook runs them for.
for (const name of Object.keys(process.env))
  if (/^(AWS_|GIT_|SUBMITQUEUE_)|_proxy$/i.test(name)) delete process.env[name];
process.env["GIT_CONFIG_NOSYSTEM"] = "1";
process.env["GIT_CONFIG_GLOBAL"] = join(scratch, "gitconfig");
writeFileSync(process.env["GIT_CONFIG_GLOBAL"], "");

const TESTS = "test/**/*.test.ts";

/** Tests that replace modules, which files that share a worker would then have too. */
const REPLACING = globSync(TESTS).filter((file) => readFileSync(file, "utf8").includes("vi.mock("));
/** Tests that start many processes: the start of a process takes longer the more memory the starting one holds. */
const PROCESSES = inRooms(
  "adapters/git",
  "adapters/change-provider",
  "handlers/runway",
  "localstack/command-runner",
  "runway",
);
/** Tests that compute, and fill the heap. */
const PURE = inRooms("client", "contracts", "domain", "law", "simulator");

function inRooms(...rooms: readonly string[]): string[] {
  return rooms.map((room) => `test/${room}/**/*.test.ts`);
}

/** The files that take longest, those first: a long file that starts last leaves every other worker idle. */
const LONGEST = [
  "topology/kill",
  "localstack/demo/demo",
  "law/types-and-lint",
  "dashboard/page",
  "simulator/policies",
  "topology/command-line",
  "handlers/orchestrator/build-workflow/github-checks",
  "topology/github",
  "bin/app",
].map(fileOf);
/** Files that wait for most of their time. Side by side they would leave the cores idle, so others start between them. */
const WAITING = ["hostile", "supervise", "command"].map((name) => fileOf(`localstack/command-runner/${name}`));
/** How many files of the same workers take about as long as one that waits. */
const BETWEEN_WAITING = 8;

function fileOf(name: string): string {
  const file = join(import.meta.dirname, "test", `${name}.test.ts`);
  if (!existsSync(file)) throw new Error(`vitest.config.ts names a test that is not there: ${file}`);
  return file;
}

/** The groups of files, each with workers of its own, in the order in which they start. */
const GROUPS = [
  { name: "replacing", isolate: true, include: REPLACING, exclude: [] },
  { name: "processes", isolate: false, include: PROCESSES, exclude: REPLACING },
  { name: "pure", isolate: false, include: PURE, exclude: REPLACING },
  { name: "whole", isolate: false, include: [TESTS], exclude: [...REPLACING, ...PROCESSES, ...PURE] },
];

/** Group by group, and the longest files of each group first. Files that wait are spread. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const group = ({ project }: TestSpecification) => GROUPS.findIndex(({ name }) => name === project.name);
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.indexOf(moduleId);
      return at < 0 ? LONGEST.length : at;
    };
    const sorted = (await super.sort(files)).sort((a, b) => group(a) - group(b) || place(a) - place(b));
    const waiting = sorted.filter(({ moduleId }) => WAITING.includes(moduleId));
    const spread = sorted.filter((file) => !waiting.includes(file));
    for (const [i, file] of waiting.entries()) spread.splice(i * BETWEEN_WAITING, 0, file);
    return spread;
  }
}

export default defineConfig({
  test: {
    // A limit ends a test that hangs. It says nothing about how fast a test is, or has to be.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 240_000 } },
    pool: "forks",
    // With every core busy, threads that collect garbage together mostly wait for each other.
    execArgv: ["--single-threaded-gc"],
    // Many tests wait for processes: three workers keep two cores busy.
    maxWorkers: availableParallelism() + 1,
    setupFiles: ["test/support/each-file.ts"],
    sequence: { sequencer: LongestFirst },
    // Files of a group share workers, which load the sources and packages once, and not for each file. Node loads them itself, as it does
    // when the product runs: code that Vite has rewritten runs a tenth slower. Only Vite can replace a module.
    projects: GROUPS.map((test) => ({
      extends: true,
      test: { ...test, experimental: { viteModuleRunner: test.name === "replacing" } },
    })),
  },
});
