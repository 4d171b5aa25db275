#!/usr/bin/env node
import { runCommandLine } from "../client/cli/program.ts";

const interruption = new AbortController();
process.once("SIGINT", () => interruption.abort());
process.once("SIGTERM", () => interruption.abort());
// `submitqueue list | head`: the reader has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const { stdin, stdout, stderr, env } = process;
process.exitCode = await runCommandLine(process.argv.slice(2), {
  terminal: {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    isTTY: stdout.isTTY ?? false,
    colours: (stdout.isTTY ?? false) && !env["NO_COLOR"],
    columns: stdout.columns ?? 120,
    rows: stdout.rows ?? 40,
    ...(stdout.isTTY ? { live: { output: stdout, input: stdin.isTTY ? stdin : undefined } } : {}),
  },
  environment: env,
  interrupted: interruption.signal,
  // Loaded when it is needed: the simulator takes a while.
  simulator: {
    simulate: async (flags) =>
      (await import("../simulator/run-simulator.ts")).runSimulator(flags, "submitqueue simulate"),
    history: async function* (queue, window) {
      yield* (await import("../simulator/queue-history.ts")).historyOf(queue, window);
    },
  },
});
