import { join } from "node:path";
import { defineConfig } from "vitest/config";

// Many tests start programs of ours. With their compiled code at hand, these start in half the time.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules", ".cache", "node");

/** Tests that start many processes: the start of a process takes longer the more memory the starting one holds. */
const PROCESSES = [
  "test/adapters/git",
  "test/adapters/change-provider",
  "test/handlers/runway",
  "test/localstack/command-runner",
  "test/runway",
];
/** Tests that compute, and fill the heap. */
const PURE = ["test/client", "test/contracts", "test/domain", "test/law", "test/simulator"];

/** Tests that replace modules, which files that share a worker would then have too. */
const REPLACING = ["test/handlers/orchestrator/pipeline.test.ts"];

const filesIn = (rooms: readonly string[]) => rooms.map((room) => `${room}/**/*.test.ts`);

interface Room {
  readonly include: string[];
  readonly exclude?: string[];
  readonly isolate?: boolean;
}

const room = (name: string, settings: Room) => ({ extends: true as const, test: { name, ...settings } });

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // Many tests wait for processes: three workers keep two cores busy.
    maxWorkers: 3,
    // A worker loads the sources and packages once, and not for each of its files.
    isolate: false,
    setupFiles: ["test/support/each-file.ts"],
    projects: [
      room("processes", { include: filesIn(PROCESSES) }),
      room("pure", { include: filesIn(PURE) }),
      room("replacing", { include: REPLACING, isolate: true }),
      room("whole", { include: ["test/**/*.test.ts"], exclude: [...filesIn([...PROCESSES, ...PURE]), ...REPLACING] }),
    ],
  },
});
