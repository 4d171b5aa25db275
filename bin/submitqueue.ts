#!/usr/bin/env node
import { runProcess } from "../client/cli/process.ts";

await runProcess({
  // Loaded when it is needed: the simulator takes a while.
  simulator: {
    simulate: async (flags) => {
      const { runSimulator } = await import("../simulator/run-simulator.ts");
      // The simulator leaves no time in which a listener could be told of Ctrl-C: without one, the signal ends the process.
      for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
      return runSimulator(flags, "submitqueue simulate");
    },
    history: async function* (queue, window) {
      yield* (await import("../simulator/queue-history.ts")).historyOf(queue, window);
    },
  },
});
