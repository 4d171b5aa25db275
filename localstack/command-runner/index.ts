import { mkdir, stat } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { WireRunner } from "../../functions/adapters/aws-clients.ts";
import type {
  BuildId,
  BuildRunner,
  BuildStatus,
  BuildTask,
} from "../../functions/adapters/build-runner/build-runner.ts";
import { readIfThere, writeOnce } from "../../functions/adapters/build-runner/files.ts";
import { repositoryToken } from "../../functions/adapters/github/repository-token.ts";
import { secretsOf } from "../../functions/adapters/secrets.ts";
import { need } from "../../functions/adapters/settings.ts";
import { send } from "../../functions/adapters/sqs.ts";
import { ENV } from "../../functions/contracts/environment.ts";
import type { BuildKey } from "../../functions/contracts/ids.ts";
import { looksTopic } from "../../functions/contracts/messages/look-messages.ts";
import { type EpochMs, epochMs } from "../../functions/contracts/time.ts";
import { type BuildFiles, buildsDirectory, filesOfBuild } from "./build-files.ts";
import type { Verdict } from "./build-records.ts";
import { isAlive, signalGroup } from "./process-mark.ts";
import { forgetOldBuilds, removeLeftovers } from "./retention.ts";
import { makeSandbox, type SandboxOptions } from "./sandbox.ts";
import { discard } from "./sandbox-directory.ts";
import { startSupervisor } from "./start-supervisor.ts";
import { endOfOutput, readClaim, verdictOf } from "./verdict.ts";
import { watchForEnd } from "./watch.ts";

export interface CommandRunnerOptions extends SandboxOptions {
  /** What `sh -c` is given. */
  readonly command: string;
  /** Called when a build that this process has triggered is over. Never rejects. */
  readonly report?: (key: BuildKey) => Promise<void>;
}

/** Command runners that keep their files in WORK_DIRECTORY. */
export const commandRunners: WireRunner = (env, clients) => {
  const workDirectory = need(env, ENV.workDirectory);
  const secrets = secretsOf(clients);
  const looks = need(env, ENV.looksTopic);
  const report = (buildKey: BuildKey) =>
    send(clients.sqs, looks, looksTopic, { v: 1, kind: "look-at-build", buildKey }).catch((err: unknown) =>
      clients.log.warn({ err, buildKey }, "a build that is over is seen at its next poll"),
    );
  return (queue) => {
    const { name, repository, buildRunner } = queue;
    if (buildRunner.type !== "command") throw new Error(`queue ${name} is not built by a command`);
    const token = () => repositoryToken(secrets, queue);
    return commandRunner({ workDirectory, repository, token, command: buildRunner.command, report });
  };
};

/**
 * Runs a shell command on this machine, in a clone of its own. A build is a process of its own that keeps all it knows in files
 * (doc/rfc/build-runner.md), so it goes on when this process ends, and any later one can ask about it.
 */
export function commandRunner(options: CommandRunnerOptions): BuildRunner {
  const filesOf = (build: BuildId): BuildFiles => filesOfBuild(options.workDirectory, build);
  return {
    async trigger(task) {
      const files = filesOf(task);
      await onceAtATime(files.directory, () => start(options, task, files));
      if (options.report) watchForEnd(files, () => void options.report?.(task.key));
      return { url: urlOf(files) };
    },

    async status(build) {
      const files = filesOf(build);
      const claim = await readClaim(files);
      const verdict = await verdictOf(files, claim);
      if (verdict === undefined) return { kind: "running" };
      // A supervisor that is there removes the sandbox by itself.
      if (claim && !(await isAlive(claim.supervisor))) await discard(claim.sandbox);
      return finished(build.key, verdict, files);
    },

    async cancel(build) {
      const files = filesOf(build);
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
  const sandbox = await makeSandbox(options, task);
  try {
    const answer = await startSupervisor(options, task, { files, sandbox });
    if (answer === "claimed by another") await discard(sandbox);
  } catch (error) {
    await discard(sandbox);
    throw error;
  }
  await forgetOldBuilds(buildsDirectory(options.workDirectory));
  await removeLeftovers(options.workDirectory);
}

const going = new Map<string, Promise<void>>();

/** Two triggers of one build at the same time share one start. */
function onceAtATime(directory: string, work: () => Promise<void>): Promise<void> {
  const under = going.get(directory) ?? work().finally(() => going.delete(directory));
  going.set(directory, under);
  return under;
}

async function finished(key: BuildKey, { result, why }: Verdict, files: BuildFiles): Promise<BuildStatus> {
  const endedAt = await writtenAt(files.verdict);
  const known = { url: urlOf(files), ...(endedAt === undefined ? {} : { endedAt }) };
  if (result === "passed") return { kind: "finished", result, ...known };
  const output = result === "cancelled" ? "" : await endOfOutput(files);
  const message = [`Build ${key}: ${why}`, output].filter((part) => part).join("\n");
  return { kind: "finished", result, message, ...known };
}

/** When the file was written: the supervisor writes the verdict at the end of the build. Undefined when there is no such file. */
const writtenAt = (file: string): Promise<EpochMs | undefined> =>
  stat(file).then(
    ({ mtimeMs }) => epochMs(Math.floor(mtimeMs)),
    () => undefined,
  );

const urlOf = (files: BuildFiles): string => pathToFileURL(files.output).href;
