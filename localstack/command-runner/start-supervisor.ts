import { type ChildProcess, spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BuildTask } from "../../functions/adapters/build-runner/build-runner.ts";
import { CodedError } from "../../functions/contracts/errors.ts";
import type { Repository } from "../../functions/contracts/queues.ts";
import type { BuildFiles } from "./build-files.ts";
import { markOf } from "./build-processes.ts";
import type { Order } from "./build-records.ts";
import { sandboxPaths } from "./sandbox-directory.ts";
import { readClaim } from "./verdict.ts";

/** A workflow stops a build that takes too long; its supervisor does so a little later, for when there is no workflow any more. */
const SLACK_MS = 60_000;

interface Place {
  readonly files: BuildFiles;
  readonly sandbox: string;
}

/** Starts the supervisor of a build, and returns when the build is claimed. Throws runner.unavailable. */
export async function startSupervisor(
  queue: { readonly command: string; readonly repository: Repository },
  task: BuildTask,
  { files, sandbox }: Place,
): Promise<"claimed" | "claimed by another"> {
  const order: Order = {
    directory: files.directory,
    sandbox,
    command: queue.command,
    environment: environmentOf(task, sandbox),
    mark: markOf(sandboxPaths(sandbox).home),
    protocols: /^(https|ssh):/.test(queue.repository.remote) ? "https:ssh" : "https:ssh:file",
    timeoutMs: task.timeoutSeconds * 1_000 + SLACK_MS,
  };
  const program = fileURLToPath(new URL("./supervise.ts", import.meta.url));
  const output = await open(files.output, "a");
  try {
    const supervisor = spawn(process.execPath, [program, JSON.stringify(order)], {
      cwd: files.directory,
      // A build can read the environment that its supervisor was started with.
      env: { PATH: pathVariable(), ...compileCache() },
      detached: true,
      stdio: ["ignore", "ignore", output.fd, "ipc"],
    });
    const ended = await claimedOrEnded(supervisor);
    supervisor.unref();
    // Its message may come after its end, or not at all: the claim is what counts.
    const claim = await readClaim(files);
    if (claim?.sandbox === sandbox) return "claimed";
    if (claim) return "claimed by another";
    throw new CodedError("runner.unavailable", `The build did not start: ${ended ?? "it was not claimed"}`);
  } finally {
    await output.close();
  }
}

/** Where Node.js keeps compiled code, when the environment says so: a supervisor then starts in half the time. */
const compileCache = ({ NODE_COMPILE_CACHE: directory } = process.env) =>
  directory === undefined ? {} : { NODE_COMPILE_CACHE: directory };

const pathVariable = ({ PATH = "/usr/local/bin:/usr/bin:/bin" } = process.env): string => PATH;

/** All that a build is told of its surroundings. */
function environmentOf({ key, queue, batchId, ref, commit, base }: BuildTask, sandbox: string): Order["environment"] {
  const { home, temporary } = sandboxPaths(sandbox);
  return {
    PATH: pathVariable(),
    HOME: home,
    TMPDIR: temporary,
    SQ_BUILD: key,
    SQ_QUEUE: queue,
    SQ_BATCH: batchId,
    SQ_REF: ref,
    SQ_COMMIT: commit,
    SQ_BASE: base,
  };
}

/** Returns when the supervisor says that the build is claimed, or when the supervisor has ended: then, how. */
const claimedOrEnded = (supervisor: ChildProcess): Promise<string | undefined> =>
  new Promise((resolve) => {
    supervisor.once("message", () => resolve(undefined));
    supervisor.once("error", (error) => resolve(error.message));
    supervisor.once("exit", (code, signal) => resolve(`its supervisor ended with ${signal ?? code}`));
  });
