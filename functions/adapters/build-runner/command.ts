import { mkdir } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { BuildKey } from "../../contracts/ids.ts";
import { type BuildFiles, buildsDirectory, filesOfBuild, type Verdict } from "./build-files.ts";
import type { BuildRunner, BuildStatus, BuildTask } from "./build-runner.ts";
import { readIfThere, writeOnce } from "./files.ts";
import { isAlive, signalGroup } from "./process-mark.ts";
import { forgetOldBuilds } from "./retention.ts";
import { startSupervisor } from "./start-supervisor.ts";
import { endOfOutput, readClaim, verdictOf } from "./verdict.ts";
import { addWorktree, removeWorktree, type WorktreeOptions } from "./worktree.ts";

export interface CommandRunnerOptions extends WorktreeOptions {
  /** What `sh -c` is given. */
  readonly command: string;
}

/**
 * Runs a shell command on this machine, in a worktree of the commit. A build is a process of its own that keeps all it knows in files
 * (doc/rfc/build-runner.md), so it goes on when this process ends, and any later one can ask about it.
 */
export function commandRunner(options: CommandRunnerOptions): BuildRunner {
  const filesOf = (key: BuildKey): BuildFiles => filesOfBuild(options.workDirectory, key);
  return {
    async trigger(task) {
      const files = filesOf(task.key);
      await onceAtATime(files.directory, () => start(options, task, files));
      return { url: urlOf(files) };
    },

    async status(key) {
      const files = filesOf(key);
      const claim = await readClaim(files);
      const verdict = await verdictOf(files, claim);
      if (verdict === undefined) return { kind: "running" };
      if (claim) await removeWorktree(options, claim.tree);
      return finished(key, verdict, files);
    },

    async cancel(key) {
      const files = filesOf(key);
      if ((await readIfThere(files.verdict)) !== undefined) return;
      await mkdir(files.directory, { recursive: true });
      await writeOnce(files.cancelled, "");
      const claim = await readClaim(files);
      if (claim && (await isAlive(claim.supervisor))) signalGroup(claim.supervisor.pid, "SIGTERM");
    },
  };
}

async function start(options: CommandRunnerOptions, task: BuildTask, files: BuildFiles): Promise<void> {
  await mkdir(files.directory, { recursive: true });
  if ((await readIfThere(files.claim)) !== undefined || (await readIfThere(files.cancelled)) !== undefined) return;
  const tree = await addWorktree(options, task, files.directory);
  try {
    if ((await startSupervisor(options.command, task, { files, tree })) === "claimed by another")
      await removeWorktree(options, tree);
  } catch (error) {
    await removeWorktree(options, tree);
    throw error;
  }
  await forgetOldBuilds(buildsDirectory(options.workDirectory), (old) => removeWorktree(options, old));
}

const going = new Map<string, Promise<void>>();

/** Two triggers of one build at the same time share one start. */
function onceAtATime(directory: string, work: () => Promise<void>): Promise<void> {
  const under = going.get(directory) ?? work().finally(() => going.delete(directory));
  going.set(directory, under);
  return under;
}

async function finished(key: BuildKey, { result, why }: Verdict, files: BuildFiles): Promise<BuildStatus> {
  const url = urlOf(files);
  if (result === "passed") return { kind: "finished", result, url };
  const output = result === "cancelled" ? "" : await endOfOutput(files);
  return { kind: "finished", result, message: [`Build ${key}: ${why}`, output].filter((part) => part).join("\n"), url };
}

const urlOf = (files: BuildFiles): string => pathToFileURL(files.output).href;
