import { readdir } from "node:fs/promises";
import { Repository } from "../../functions/contracts/queues.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { buildsDirectory } from "../command-runner/build-files.ts";
import { buildOfDirectory } from "../command-runner/build-records.ts";
import { commandRunner } from "../command-runner/index.ts";

/**
 * Asks the builds of a work directory that still run to stop. They outlive the runtime, and the next demo removes the
 * directories that they work in.
 */
export async function endBuilds(workDirectory: string): Promise<void> {
  // To cancel takes neither the command nor the repository.
  const runner = commandRunner({
    workDirectory,
    command: "false",
    repository: Repository.parse({ remote: "/nowhere" }),
  });
  const names = await readdir(buildsDirectory(workDirectory)).catch(() => []);
  const builds = names.flatMap((name) => buildOfDirectory(name) ?? []);
  // When it was asked for is written in none of its files, and of no use to a runner that finds it by name.
  await Promise.all(builds.map((build) => runner.cancel({ ...build, askedAt: epochMs(0) })));
}
