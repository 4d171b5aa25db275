import { fork } from "node:child_process";
import { once } from "node:events";
import { getCompileCacheDir } from "node:module";
import { fileURLToPath } from "node:url";
import type { QueuesConfig } from "../../functions/contracts/queues.ts";
import type { Assembly } from "../../lib/cloudformation/template.ts";
import { QueuesFileError } from "../../lib/queues-file.ts";
import type { StateDirectory } from "./state-directory.ts";
import { readAssembly } from "./template.ts";

/** What the app is synthesized from, and the directories that the templates go to or name. Passes as JSON. */
export interface SynthesisOrder {
  readonly queues: QueuesConfig;
  readonly apiAuth: "none" | "token";
  readonly outdir: string;
  readonly workDirectory: string;
}

/** How the synthesis ended. misconfigured: the queues cannot be deployed; a sentence for each reason. */
export type SynthesisEnd =
  | { readonly kind: "done" }
  | { readonly kind: "misconfigured"; readonly problems: readonly string[] }
  | { readonly kind: "failed"; readonly stack: string; readonly code?: string };

/** Makes the templates for a state directory. Throws QueuesFileError, and what the app's own checks throw. */
export type Synthesizer = (
  state: StateDirectory,
  queues: QueuesConfig,
  apiAuth: SynthesisOrder["apiAuth"],
) => Assembly | Promise<Assembly>;

export const orderFor = (
  state: StateDirectory,
  queues: QueuesConfig,
  apiAuth: SynthesisOrder["apiAuth"],
): SynthesisOrder => ({ queues, apiAuth, outdir: state.directory("cdk.out"), workDirectory: state.directory("work") });

/**
 * Synthesizes in a process of its own. So the CDK does not stay in this process's memory, and this process can load what it runs meanwhile.
 */
export async function synthesizeApart(
  state: StateDirectory,
  queues: QueuesConfig,
  apiAuth: SynthesisOrder["apiAuth"],
): Promise<Assembly> {
  const order = orderFor(state, queues, apiAuth);
  const cache = getCompileCacheDir();
  const child = fork(fileURLToPath(new URL("./synthesize.main.ts", import.meta.url)), [], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: [],
    ...(cache === undefined ? {} : { env: { ...process.env, NODE_COMPILE_CACHE: cache } }),
  });
  let end: SynthesisEnd | undefined;
  child.once("message", (message: SynthesisEnd) => {
    end = message;
  });
  child.send(order);
  await once(child, "close");
  if (end?.kind === "done") return readAssembly(order.outdir);
  if (end?.kind === "misconfigured") throw new QueuesFileError(end.problems);
  // The code tells of a full disk.
  const { stack = "the process that synthesizes the stacks ended early", code } = end ?? {};
  throw Object.assign(new Error(stack.split("\n")[0]), { stack }, code === undefined ? {} : { code });
}
