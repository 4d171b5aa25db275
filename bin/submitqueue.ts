#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { join } from "node:path";

// A second command finds the code of the first compiled, and starts in half the time.
enableCompileCache(join(import.meta.dirname, "..", "node_modules", ".cache", "compiled"));
const { runProcess } = await import("../client/cli/process.ts");

await runProcess({
  // Loaded when it is needed: the simulator takes a while.
  simulator: {
    simulate: async (flags) => {
      const { runSimulator } = await import("../simulator/run-simulator.ts");
      // The simulator leaves no time in which a listener could be told of Ctrl-C: without one, the signal ends the process.
      for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
      return runSimulator(flags, "submitqueue simulate");
    },
    history: async function* (queue, window, leftOut) {
      yield* (await import("../simulator/queue-history.ts")).historyOf(queue, window, leftOut);
    },
  },
});
