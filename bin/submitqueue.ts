#!/usr/bin/env node
import { runProcess } from "../client/cli/process.ts";

await runProcess({
  // Loaded when it is needed: the simulator takes a while.
  simulator: {
    simulate: async (flags) =>
      (await import("../simulator/run-simulator.ts")).runSimulator(flags, "submitqueue simulate"),
    history: async function* (queue, window) {
      yield* (await import("../simulator/queue-history.ts")).historyOf(queue, window);
    },
  },
});
