import { runCommandLine } from "./program.ts";
import type { Simulator } from "./simulator-port.ts";

/** Runs the command line of this process: sets the exit code, and ends at Ctrl-C. */
export async function runProcess(more: { readonly simulator?: Simulator } = {}): Promise<void> {
  const interruption = new AbortController();
  process.once("SIGINT", () => interruption.abort());
  process.once("SIGTERM", () => interruption.abort());
  // `submitqueue list | head`: the reader has seen enough.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    process.stderr.write(`Standard output can't be written: ${error.message}\n`);
    process.exit(1);
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
    ...more,
  });
}
