import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { QueuesConfig } from "../../functions/contracts/queues.ts";
import { synthesizeInto } from "../../localstack/embedded/synthesize.ts";

/** A runtime in a process of its own, that can be killed. */
export interface Mortal {
  /** Of its HTTP API. */
  readonly url: string;
  /** SIGKILL, and returns when the process is gone. What it had started, git processes and builds, lives on. */
  kill(): Promise<void>;
}

export interface MortalOptions {
  /** Where its state is, and what it starts again from. */
  readonly state: string;
  readonly queues: QueuesConfig;
}

/** Starts it on its state directory, and returns when it answers. Throws what it complained about when it ends before. */
export async function startMortal({ state, queues }: MortalOptions): Promise<Mortal> {
  // Here, where the CDK is loaded, and once: a process of the runtime's own would load it first.
  const [outdir, workDirectory] = [join(state, "cdk.out"), join(state, "work")];
  if (!existsSync(outdir)) synthesizeInto({ queues, apiAuth: "none", outdir, workDirectory });
  const program = join(import.meta.dirname, "mortal-runtime.ts");
  const child = spawn(process.execPath, ["--single-threaded-gc", program, state], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const complaints: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => complaints.push(text));
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  for await (const url of createInterface({ input: child.stdout })) return { url, kill: () => killed(child, exited) };
  await exited;
  throw new Error(`the runtime did not start: ${complaints.join("")}`);
}

function killed(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.kill("SIGKILL");
  return exited;
}
