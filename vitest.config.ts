import { existsSync, globSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Many tests start programs of ours. With their compiled code at hand, these start in half the time.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules", ".cache", "node");

const TESTS = "test/**/*.test.ts";

/** Tests that replace modules, which files that share a worker would then have too. */
const REPLACING = globSync(TESTS).filter((file) => readFileSync(file, "utf8").includes("vi.mock("));

/** The files that take longest, those first: a long file that starts last leaves every other worker idle. */
const LONGEST = [
  "topology/kill",
  "localstack/demo/demo",
  "law/types-and-lint",
  "domain/planner/small-worlds",
  "dashboard/page",
  "handlers/orchestrator/build-workflow/github-checks",
  "topology/github",
  "localstack/command-runner/hostile",
].map((name) => join(import.meta.dirname, "test", `${name}.test.ts`));
for (const file of LONGEST) if (!existsSync(file)) throw new Error(`LONGEST in vitest.config.ts: there is no ${file}`);

/** Files with a process of their own, then the longest, then what Vitest would take first. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification) => {
      const at = LONGEST.indexOf(moduleId);
      if (project.name === "replacing") return -1;
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    // A limit ends a test that hangs. It says nothing about how fast a test is, or has to be.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 240_000 } },
    pool: "forks",
    // Many tests wait for processes and for time to pass: with three workers more than there are cores, the cores are busy.
    maxWorkers: availableParallelism() + 3,
    setupFiles: ["test/support/each-file.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      // A worker loads the sources and packages once, and not for each of its files.
      { extends: true, test: { name: "shared", isolate: false, include: [TESTS], exclude: REPLACING } },
      { extends: true, test: { name: "replacing", isolate: true, include: REPLACING } },
    ],
  },
});
