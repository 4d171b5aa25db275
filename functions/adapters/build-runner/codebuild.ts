import type { CodeBuildConfig } from "../../contracts/build-runner-config.ts";
import { codeBuildProjectOf } from "../../contracts/code-host.ts";
import { ENV } from "../../contracts/environment.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { type EpochMs, epochMs } from "../../contracts/time.ts";
import type { Clients, WireRunner } from "../aws-clients.ts";
import { buildsStore } from "../dynamodb/builds-store.ts";
import { need } from "../settings.ts";
import type { BuildId, BuildRunner, BuildStatus, Finding, Triggered } from "./build-runner.ts";
import { accountClients, CodeBuildProject, type StartedBuild } from "./codebuild-project.ts";
import { pageOf, verdictOf } from "./codebuild-verdict.ts";

/**
 * For so long after a build was first asked for, CodeBuild itself answers a repeat with the first build: its idempotency tokens are good
 * for five minutes. Two minutes are left for calls that are under way.
 */
const TOKEN_COVERS_MS = 180_000;

/** Runners on CodeBuild, each in the project that its queue names, or in the one that the stack created for it. */
export const codebuildRunners: WireRunner = (env, clients) => {
  const projectOf = projectsBy(clients);
  const builds = buildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const isStopped = async ({ key, commit }: BuildId) => {
    const build = await builds.get(key);
    return build?.stop !== undefined && build.composed.commit === commit;
  };
  return (queue) => {
    const { infrastructurePhases } = codebuildOf(queue);
    return codebuildRunner({ project: projectOf(queue), isStopped, infrastructurePhases, now: clients.now });
  };
};

/** Whether a queue's project is there. Throws runner.unavailable. One call. */
export function codebuildPreflight(clients: Clients): (queue: QueueConfig) => Promise<readonly Finding[]> {
  const projectOf = projectsBy(clients);
  return async (queue) => [await projectOf(queue).finding()];
}

function projectsBy(clients: Clients): (queue: QueueConfig) => CodeBuildProject {
  const { codebuild, logs } = clients.codebuild ?? accountClients();
  return (queue) => {
    const { project = codeBuildProjectOf(queue.name), source } = codebuildOf(queue);
    return new CodeBuildProject({ codebuild, logs, name: project, source, now: clients.now });
  };
}

function codebuildOf({ name, buildRunner }: QueueConfig): CodeBuildConfig {
  if (buildRunner.type !== "codebuild") throw new Error(`queue ${name} is not built by CodeBuild`);
  return buildRunner;
}

export interface CodeBuildRunnerOptions {
  readonly project: CodeBuildProject;
  /** True when the build was asked to stop, started or not: CodeBuild can't be told so of a build that it does not have. */
  readonly isStopped: (build: BuildId) => Promise<boolean>;
  readonly infrastructurePhases: CodeBuildConfig["infrastructurePhases"];
  readonly now: () => EpochMs;
}

/**
 * Builds in a project of AWS CodeBuild. A build is found again by its id, or, before that is stored, by the environment variables that it
 * was started with: by the same call within the time that an idempotency token is good for, by a search of the project's builds later.
 * A trigger costs one call and two reads of the mark of a stop, a status one call; for a build that did not pass one for its log
 * and, where it has test reports, some for them; a cancel two. A search costs two calls for each hundred builds that the project started since.
 */
export function codebuildRunner(options: CodeBuildRunnerOptions): BuildRunner {
  const { project, isStopped, infrastructurePhases, now } = options;
  const lookUp = ({ id, ...build }: BuildId) => (id === undefined ? project.find(build) : project.get(id));
  return {
    async trigger(task) {
      if (task.id !== undefined) return { id: task.id };
      const found = now() - task.askedAt < TOKEN_COVERS_MS ? undefined : await project.find(task);
      if (found !== undefined) return triggered(found);
      if (await isStopped(task)) return {};
      const started = await project.start(task);
      // A stop that came between the mark's first read and the start found no build to stop.
      if (await isStopped(task)) await project.stop(started.id);
      return triggered(started);
    },

    async status(build) {
      const found = await lookUp(build);
      if (found === undefined) return missing(build, await isStopped(build));
      const verdict = verdictOf(found, infrastructurePhases);
      if (verdict.kind === "running") return verdict;
      const { result, why } = verdict;
      const url = urlOf(found);
      const endedAt = found.endTime?.getTime();
      const located = {
        ...(url === undefined ? {} : { url }),
        ...(endedAt === undefined ? {} : { endedAt: epochMs(endedAt) }),
      };
      if (result === "passed") return { kind: "finished", result, ...located };
      const output = result === "cancelled" ? "" : await project.outputOf(found);
      const message = [`CodeBuild build ${found.id}: ${why}`, output].filter((part) => part).join("\n");
      return { kind: "finished", result, message, ...located };
    },

    async cancel(build) {
      const found = await lookUp(build);
      if (found !== undefined && verdictOf(found, infrastructurePhases).kind === "running")
        await project.stop(found.id);
    },
  };
}

function triggered(build: StartedBuild): Triggered {
  const url = pageOf(build);
  return url === undefined ? { id: build.id } : { id: build.id, url };
}

/** Where a build can be read: its log, or its page as long as it has no log, since a link to a log leads nowhere before. */
const urlOf = (build: StartedBuild): string | undefined =>
  (build.logs?.streamName === undefined ? undefined : build.logs.deepLink) ?? pageOf(build);

const missing = ({ id }: BuildId, stopped: boolean): BuildStatus =>
  stopped && id === undefined
    ? { kind: "finished", result: "cancelled", message: "The build was cancelled before CodeBuild started it." }
    : {
        kind: "finished",
        result: "infrastructure",
        message:
          id === undefined
            ? "CodeBuild has no build of that key and commit."
            : `CodeBuild does not have the build ${id} any more.`,
      };
