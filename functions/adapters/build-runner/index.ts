import type { QueueConfig } from "../../contracts/queues.ts";
import type { BuildRunner } from "./build-runner.ts";
import { commandRunner } from "./command.ts";
import { fakeRunner } from "./fake.ts";

export { type BuildResult, type BuildRunner, type BuildStatus, type BuildTask, MAX_MESSAGE } from "./build-runner.ts";

export interface BuildRunnerOptions {
  /** Where builds keep their worktrees, outputs and results: the same directory finds them again after a restart. */
  readonly workDirectory: string;
  /** For a remote that asks for one. */
  readonly token?: string | undefined;
}

/** The build runner that the queue's configuration names. */
export function buildRunnerFor(queue: QueueConfig, options: BuildRunnerOptions): BuildRunner {
  switch (queue.buildRunner.type) {
    case "command":
      return commandRunner({ ...options, repository: queue.repository, command: queue.buildRunner.command });
    case "fake":
      return fakeRunner(options);
  }
}
