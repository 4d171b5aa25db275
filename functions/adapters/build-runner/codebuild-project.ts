import { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  BatchGetBuildsCommand,
  type Build,
  CodeBuildClient,
  type EnvironmentVariable,
  ListBuildsForProjectCommand,
  StartBuildCommand,
  type StartBuildCommandInput,
  StopBuildCommand,
} from "@aws-sdk/client-codebuild";
import type { CodeBuildConfig } from "../../contracts/build-runner-config.ts";
import { CodedError } from "../../contracts/errors.ts";
import { hashOf } from "../../contracts/hash.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { CodeBuildClients } from "../aws-clients.ts";
import { isTransient, translated } from "../aws-errors.ts";
import { type BuildId, type BuildTask, type Finding, MAX_MESSAGE } from "./build-runner.ts";
import { failedTestsOf } from "./codebuild-tests.ts";
import { endOfText } from "./output.ts";

/** A build as CodeBuild describes it. One that was started has an id. */
export type StartedBuild = Build & { readonly id: string };

/** By how much CodeBuild's clock may be behind ours. */
const SKEW_MS = 60_000;

const LOG_EVENTS = 100;

/** A CodeBuild that is full is asked again after so long: when a build has ended, it takes another. */
const FULL_MS = 60_000;

/** Clients of the AWS account that the process runs in. */
export function accountClients(): CodeBuildClients {
  const settings = { requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000 } };
  return { codebuild: new CodeBuildClient(settings), logs: new CloudWatchLogsClient(settings) };
}

export interface ProjectOptions extends CodeBuildClients {
  readonly name: string;
  readonly source: CodeBuildConfig["source"];
  readonly now: () => EpochMs;
}

/**
 * One project of CodeBuild. Every method throws runner.unavailable when CodeBuild does not answer, is full, or asks to be called less
 * often, and config.invalid when the project does not exist or may not be used.
 */
export class CodeBuildProject {
  readonly #options: ProjectOptions;

  constructor(options: ProjectOptions) {
    this.#options = options;
  }

  /** Whether the project is there and may be asked. Throws runner.unavailable. One call. */
  async finding(): Promise<Finding> {
    try {
      await this.#list(undefined);
      return { kind: "ok", sentence: `The CodeBuild project ${this.#options.name} is there.` };
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "config.invalid") throw error;
      return { kind: "problem", sentence: error.message };
    }
  }

  /** Starts the build, or finds the one that the same call started within the last five minutes. One call; a search when CodeBuild refuses. */
  async start(task: BuildTask): Promise<StartedBuild> {
    const { codebuild, name, source } = this.#options;
    try {
      const { build } = await codebuild.send(new StartBuildCommand(startInput(task, name, source)));
      return started(build);
    } catch (error) {
      // The same token with other parameters, as after a change of the configuration: CodeBuild has the build, and does not show it.
      const first = named(error, "InvalidInputException") ? await this.find(task) : undefined;
      if (first !== undefined) return first;
      throw this.#failure(error, `starting build ${task.key}`);
    }
  }

  /** Undefined when CodeBuild does not have it. One call. */
  async get(id: string): Promise<StartedBuild | undefined> {
    return (await this.#describe([id]))[0];
  }

  /**
   * The build that was started for this key and commit, the first of several. Undefined when there is none among those that the project
   * started since the build was first asked for. Two calls for each hundred of them.
   */
  async find({ key, commit, askedAt }: Omit<BuildId, "id">): Promise<StartedBuild | undefined> {
    const wanted = [
      ["SQ_BUILD", key],
      ["SQ_COMMIT", commit],
    ] as const;
    let nextToken: string | undefined;
    do {
      const page = await this.#list(nextToken);
      const builds = await this.#describe(page.ids);
      const ours = builds.filter((build) => wanted.every(([name, value]) => variableOf(build, name) === value));
      const [first] = ours.sort((one, other) => startOf(one) - startOf(other));
      if (first !== undefined) return first;
      if (builds.some((build) => startOf(build) < askedAt - SKEW_MS)) return undefined;
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return undefined;
  }

  /** Asks CodeBuild to stop a build. Does nothing to a build that has finished or is gone. One call. */
  async stop(id: string): Promise<void> {
    try {
      await this.#options.codebuild.send(new StopBuildCommand({ id }));
    } catch (error) {
      if (named(error, "ResourceNotFoundException", "InvalidInputException")) return;
      throw this.#failure(error, `stopping build ${id}`);
    }
  }

  /**
   * What people can read of a build that did not pass: a line that names the tests that failed, and the last lines of its log, together at
   * most MAX_MESSAGE characters. Empty when there is neither. That a part can't be had is said in its place: it is no reason to know nothing of
   * the build. One call, and those of failedTestsOf.
   */
  async outputOf(build: StartedBuild): Promise<string> {
    const tests = await failedTestsOf(this.#options.codebuild, build);
    const log = await this.#endOfLog(build, MAX_MESSAGE - tests.length);
    return [tests, log].filter((part) => part !== "").join("\n");
  }

  async #endOfLog({ logs }: StartedBuild, most: number): Promise<string> {
    const { groupName: logGroupName, streamName: logStreamName } = logs ?? {};
    if (logGroupName === undefined || logStreamName === undefined) return "";
    const wanted = { logGroupName, logStreamName, startFromHead: false, limit: LOG_EVENTS };
    try {
      const { events = [] } = await this.#options.logs.send(new GetLogEventsCommand(wanted));
      return endOfText(
        events.map(({ message = "" }) => (message.endsWith("\n") ? message : `${message}\n`)).join(""),
        most,
      );
    } catch (error) {
      return `(the end of the log can't be shown: ${error instanceof Error ? error.name : "no answer"})`;
    }
  }

  async #list(nextToken: string | undefined): Promise<{ ids: readonly string[]; nextToken: string | undefined }> {
    const { codebuild, name } = this.#options;
    const page = { projectName: name, sortOrder: "DESCENDING", nextToken } as const;
    const answer = await codebuild.send(new ListBuildsForProjectCommand(page)).catch((error: unknown) => {
      throw this.#failure(error, `listing the builds of ${name}`);
    });
    return { ids: answer.ids ?? [], nextToken: answer.nextToken };
  }

  async #describe(ids: readonly string[]): Promise<readonly StartedBuild[]> {
    if (ids.length === 0) return [];
    const call = this.#options.codebuild.send(new BatchGetBuildsCommand({ ids: [...ids] }));
    const { builds = [] } = await call.catch((error: unknown) => {
      throw this.#failure(error, `describing ${ids.length === 1 ? ids[0] : `${ids.length} builds`}`);
    });
    return builds.map(started);
  }

  #failure(error: unknown, doing: string): CodedError {
    const { name } = this.#options;
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (named(error, "AccountLimitExceededException"))
      return new CodedError("runner.unavailable", `${doing}: CodeBuild takes no more builds now (${said})`, {
        cause: error,
        detail: { retryAt: this.#options.now() + FULL_MS },
      });
    if (isTransient(error)) return translated(error, "runner.unavailable", doing);
    if (named(error, "ResourceNotFoundException"))
      return new CodedError(
        "config.invalid",
        `${doing}: there is no CodeBuild project ${name} in this account and region (${said}). Create it, or name another in queues.yaml.`,
        { cause: error },
      );
    return new CodedError("config.invalid", `${doing} in the CodeBuild project ${name}: CodeBuild refuses (${said})`, {
      cause: error,
    });
  }
}

/** No buildspec, image or role: what a build may do is the project's business. */
function startInput(task: BuildTask, projectName: string, source: CodeBuildConfig["source"]): StartBuildCommandInput {
  const minutes = Math.ceil(task.timeoutSeconds / 60);
  return {
    projectName,
    // The ref and the commit: CodeBuild fetches that ref alone, and builds the commit even when the ref has moved.
    ...(source === "repository" ? { sourceVersion: `${task.ref}^{${task.commit}}` } : {}),
    environmentVariablesOverride: variablesOf(task),
    // One key with two commits names two builds.
    idempotencyToken: hashOf("codebuild", task.key, task.commit),
    timeoutInMinutesOverride: Math.min(Math.max(minutes, 5), 2_160),
    queuedTimeoutInMinutesOverride: Math.min(Math.max(minutes, 5), 480),
    // Another attempt is the planner's decision, and has a key of its own.
    autoRetryLimitOverride: 0,
  };
}

const variablesOf = (task: BuildTask): EnvironmentVariable[] =>
  Object.entries({
    SQ_BUILD: task.key,
    SQ_QUEUE: task.queue,
    SQ_BATCH: task.batchId,
    SQ_REF: task.ref,
    SQ_COMMIT: task.commit,
    SQ_BASE: task.base,
  }).map(([name, value]) => ({ name, value, type: "PLAINTEXT" }));

const variableOf = ({ environment }: Build, name: string): string | undefined =>
  environment?.environmentVariables?.find((variable) => variable.name === name)?.value;

const startOf = ({ startTime }: Build): number => startTime?.getTime() ?? 0;

const named = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof Error && names.includes(error.name);

function started(build: Build | undefined): StartedBuild {
  if (build?.id === undefined) throw new CodedError("runner.unavailable", "CodeBuild described a build without an id");
  return { ...build, id: build.id };
}
