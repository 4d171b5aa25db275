import { readdir } from "node:fs/promises";
import { buildsDirectory } from "../../functions/adapters/build-runner/build-files.ts";
import { commandRunner } from "../../functions/adapters/build-runner/command.ts";
import { BuildKey } from "../../functions/contracts/ids.ts";
import { Repository } from "../../functions/contracts/queues.ts";

/**
 * Asks the builds of a work directory that still run to stop. They outlive the runtime, and the next demo gives its builds the same
 * names.
 */
export async function endBuilds(workDirectory: string): Promise<void> {
  // To cancel takes neither the command nor the repository.
  const runner = commandRunner({
    workDirectory,
    command: "false",
    repository: Repository.parse({ remote: "/nowhere" }),
  });
  const names = await readdir(buildsDirectory(workDirectory)).catch(() => []);
  const keys = names.flatMap((name) => BuildKey.safeParse(name).data ?? []);
  await Promise.all(keys.map((key) => runner.cancel(key)));
}
