import type { QueuesConfig } from "../../functions/contracts/queues.ts";
import { synthesize } from "../../lib/app.ts";
import type { Assembly } from "../../lib/cloudformation/template.ts";
import { locate, readLocatedQueues } from "../located.ts";
import type { StateDirectory } from "./state-directory.ts";
import { readAssembly } from "./template.ts";

/** Synthesizes the app for a state directory, in this process. Throws QueuesFileError, and what the app's own checks throw. */
export function synthesizeInto(
  state: StateDirectory,
  queues: string | QueuesConfig,
  apiAuth: "none" | "token",
): Assembly {
  const outdir = state.directory("cdk.out");
  synthesize({
    queues: typeof queues === "string" ? readLocatedQueues(queues, "embedded") : locate(queues, process.cwd()),
    target: "embedded",
    apiAuth,
    outdir,
    workDirectory: state.directory("work"),
    deletionProtection: false,
  });
  return readAssembly(outdir);
}
