import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { BuildId, BuildRunner } from "../../../functions/adapters/build-runner/index.ts";
import { Repository } from "../../../functions/contracts/queues.ts";
import { filesOfBuild } from "../../../localstack/command-runner/build-files.ts";
import { commandRunner } from "../../../localstack/command-runner/index.ts";
import { sandboxPaths } from "../../../localstack/command-runner/sandbox-directory.ts";
import { startSupervisor } from "../../../localstack/command-runner/start-supervisor.ts";
import { aTask } from "../../adapters/build-runner/tasks.ts";
import { keepBusy } from "./busy.ts";

const AT_ONCE = 6;

/**
 * Runs builds that end at once, each in an empty sandbox, while this process is busy, and returns what became of each: its result, or why
 * it did not start.
 */
export async function quickBuilds(workDirectory: string, count: number): Promise<readonly string[]> {
  const queue = { command: "exit 0", repository: Repository.parse({ remote: "/nowhere" }) };
  const runner = commandRunner({ workDirectory, ...queue });
  const results: string[] = [];
  const one = async () => {
    const task = aTask();
    const sandbox = join(workDirectory, "sandboxes", task.key);
    const files = filesOfBuild(workDirectory, task);
    for (const made of [files.directory, sandboxPaths(sandbox).tree]) await mkdir(made, { recursive: true });
    try {
      await startSupervisor(queue, task, { files, sandbox });
      results.push(await resultOf(runner, task));
    } catch (error) {
      results.push(String(error));
    }
  };
  const worker = async () => {
    while (count-- > 0) await one();
  };
  const stop = await keepBusy();
  await Promise.all(Array.from({ length: AT_ONCE }, worker)).finally(stop);
  return results;
}

async function resultOf(runner: BuildRunner, build: BuildId): Promise<string> {
  for (;;) {
    const status = await runner.status(build);
    if (status.kind === "finished") return status.result;
    await pause(20);
  }
}
