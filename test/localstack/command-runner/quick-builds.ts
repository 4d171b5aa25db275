import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Repository } from "../../../functions/contracts/queues.ts";
import { filesOfBuild } from "../../../localstack/command-runner/build-files.ts";
import { commandRunner } from "../../../localstack/command-runner/index.ts";
import { sandboxPaths } from "../../../localstack/command-runner/sandbox-directory.ts";
import { startSupervisor } from "../../../localstack/command-runner/start-supervisor.ts";
import { finish } from "../../adapters/build-runner/contract.ts";
import { aTask } from "../../adapters/build-runner/tasks.ts";

/** How many builds are started at once: more than there are cores, so that their ends are noticed late. */
const AT_ONCE = 6;

/** Runs builds that end at once, each in an empty sandbox, and returns what became of each: its result, or why it did not start. */
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
      results.push((await finish(runner, task)).result);
    } catch (error) {
      results.push(String(error));
    }
  };
  const worker = async () => {
    while (count-- > 0) await one();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
