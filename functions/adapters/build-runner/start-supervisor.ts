import { type ChildProcess, spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { CodedError } from "../../contracts/errors.ts";
import type { BuildFiles, Order } from "./build-files.ts";
import type { BuildTask } from "./build-runner.ts";

/** A workflow stops a build that takes too long; its supervisor does so a little later, for when there is no workflow any more. */
const SLACK_MS = 60_000;

/** Starts the supervisor of a build, and returns when it has claimed the build. Throws runner.unavailable. */
export async function startSupervisor(
  command: string,
  task: BuildTask,
  { files, tree }: { readonly files: BuildFiles; readonly tree: string },
): Promise<"claimed" | "claimed by another"> {
  const order: Order = { directory: files.directory, tree, command, timeoutMs: task.timeoutSeconds * 1_000 + SLACK_MS };
  const program = fileURLToPath(new URL("./supervise.ts", import.meta.url));
  const output = await open(files.output, "a");
  try {
    const supervisor = spawn(process.execPath, [program, JSON.stringify(order)], {
      cwd: files.directory,
      env: environmentOf(task),
      detached: true,
      stdio: ["ignore", "ignore", output.fd, "ipc"],
    });
    const answer = await answerOf(supervisor);
    supervisor.unref();
    return answer;
  } finally {
    await output.close();
  }
}

/** All that a build is told of its surroundings. */
const environmentOf = (
  { key, queue, batchId, ref, commit, base }: BuildTask,
  { PATH = "/usr/local/bin:/usr/bin:/bin" } = process.env,
): Record<string, string> => ({
  PATH,
  HOME: homedir(),
  SQ_BUILD: key,
  SQ_QUEUE: queue,
  SQ_BATCH: batchId,
  SQ_REF: ref,
  SQ_COMMIT: commit,
  SQ_BASE: base,
});

const answerOf = (supervisor: ChildProcess): Promise<"claimed" | "claimed by another"> =>
  new Promise((resolve, reject) => {
    const failed = (why: string) => reject(new CodedError("runner.unavailable", `The build did not start: ${why}`));
    supervisor.once("message", (answer) => resolve(answer === "claimed" ? "claimed" : "claimed by another"));
    supervisor.once("error", (error) => failed(error.message));
    supervisor.once("exit", (code, signal) => failed(`its supervisor ended with ${signal ?? code}`));
  });
