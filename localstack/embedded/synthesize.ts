import { resolve } from "node:path";
import type { QueuesConfig } from "../../functions/contracts/queues.ts";
import { synthesize } from "../../lib/app.ts";
import { readQueuesFile } from "../../lib/queues-file.ts";
import type { Assembly } from "./intrinsics.ts";
import type { StateDirectory } from "./state-directory.ts";
import { readAssembly } from "./template.ts";

/**
 * Synthesizes the app for a state directory, in this process. Relative remotes are relative to `base`. Throws QueuesFileError, and what
 * the app's own checks throw.
 */
export function synthesizeInto(
  state: StateDirectory,
  { queues, base }: { readonly queues: string | QueuesConfig; readonly base: string },
): Assembly {
  const read = typeof queues === "string" ? readQueuesFile(queues) : queues;
  const outdir = state.directory("cdk.out");
  synthesize({
    queues: { queues: read.queues.map((queue) => ({ ...queue, repository: located(queue.repository, base) })) },
    target: "embedded",
    outdir,
    workDirectory: state.directory("work"),
    deletionProtection: false,
  });
  return readAssembly(outdir);
}

const located = <R extends { readonly remote: string }>(repository: R, base: string): R =>
  /^\.\.?\//.test(repository.remote) ? { ...repository, remote: resolve(base, repository.remote) } : repository;
