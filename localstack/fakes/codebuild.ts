import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import * as z from "zod";
import { ACCOUNT, REGION } from "../../lib/cloudformation/resolver.ts";
import { foreignIn } from "../embedded/loopback.ts";
import { KEPT_CONNECTIONS } from "../kept-connections.ts";
import { type Course, courseFrom, describeBuild, type FakeBuild, isOver, stateChange } from "./codebuild-build.ts";
import { describeReports, describeTests } from "./codebuild-reports.ts";

export type { Course } from "./codebuild-build.ts";

const TOKEN_MS = 300_000;
const PAGE = 100;

const Variable = z.object({ name: z.string(), value: z.string(), type: z.string().default("PLAINTEXT") });
const Start = z.looseObject({
  projectName: z.string(),
  idempotencyToken: z.string().optional(),
  environmentVariablesOverride: z.array(Variable).default([]),
});

/** An answer that the SDK throws under this name. */
class Refused extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

export interface FakeCodeBuildOptions {
  /** The projects that exist. */
  readonly projects: readonly string[];
  /** 0 takes any port that is free. */
  readonly port?: number;
  readonly now?: () => number;
  /** What becomes of a build, by its environment variables. Default: what its variable FAKE_OUTCOME says. */
  readonly courseOf?: (variables: Readonly<Record<string, string>>) => Course;
  /** Gets the event that EventBridge gets when a build ends. Absent: no event is sent. */
  readonly emit?: (event: object) => unknown;
}

type Operations = Readonly<Record<string, (input: unknown) => unknown>>;

/**
 * Speaks as much of CodeBuild's protocol as the queue needs (StartBuild, BatchGetBuilds, StopBuild, ListBuildsForProject,
 * BatchGetReports, DescribeTestCases), and of CloudWatch Logs GetLogEvents, on loopback. Builds nothing. Like CodeBuild it answers a
 * repeated idempotency token with the first build for five minutes, and refuses it with other parameters.
 */
export class FakeCodeBuild {
  /** In the order in which they were started. */
  readonly builds: FakeBuild[] = [];
  /** The operations that were called, oldest first. */
  readonly calls: string[] = [];
  readonly #options: FakeCodeBuildOptions;
  readonly #tokens = new Map<string, { parameters: string; build: FakeBuild; until: number }>();
  readonly #refusals: { readonly operation: string | undefined; readonly error: Refused }[] = [];
  readonly #server: Server;
  readonly #operations: Operations = {
    "CodeBuild_20161006.StartBuild": (input) => this.#start(input),
    "CodeBuild_20161006.BatchGetBuilds": (input) => this.#describe(input),
    "CodeBuild_20161006.StopBuild": (input) => this.#stop(input),
    "CodeBuild_20161006.ListBuildsForProject": (input) => this.#list(input),
    "CodeBuild_20161006.BatchGetReports": (input) => describeReports(this.builds, this.#now, input),
    "CodeBuild_20161006.DescribeTestCases": (input) => this.#tests(input),
    "Logs_20140328.GetLogEvents": (input) => this.#log(input),
  };

  private constructor(options: FakeCodeBuildOptions) {
    this.#options = options;
    this.#server = createServer(KEPT_CONNECTIONS, async (request, response) => {
      const { status, body } = await this.#answer(request);
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
    });
  }

  static async start(options: FakeCodeBuildOptions): Promise<FakeCodeBuild> {
    const fake = new FakeCodeBuild(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    fake.#server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", resolve);
    await promise;
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next call of the operation, or of any, is answered with this error. */
  refuseNext(name: string, { message = "refused", operation }: { message?: string; operation?: string } = {}): void {
    this.#refusals.push({ operation, error: new Refused(name, message) });
  }

  /** The build is gone, as after a year, or with its project. */
  forget(id: string): void {
    const index = this.builds.findIndex((build) => build.id === id);
    if (index >= 0) this.builds.splice(index, 1);
  }

  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  get #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const foreign = foreignIn(request.headers);
    if (foreign !== undefined) return { status: 403, body: { message: foreign.why } };
    const target = String(request.headers["x-amz-target"]);
    try {
      const input = await json(request);
      const called = target.slice(target.indexOf(".") + 1);
      this.calls.push(called);
      const due = this.#refusals.findIndex(({ operation = called }) => operation === called);
      if (due >= 0) throw this.#refusals.splice(due, 1)[0]?.error;
      const operation = this.#operations[target];
      if (operation === undefined) throw new Refused("UnknownOperationException", target);
      return { status: 200, body: operation(input) };
    } catch (error) {
      const name = error instanceof Refused ? error.name : "InvalidInputException";
      return { status: 400, body: { __type: name, message: error instanceof Error ? error.message : String(error) } };
    }
  }

  #start(input: unknown): unknown {
    const { projectName, idempotencyToken, environmentVariablesOverride } = Start.parse(input);
    this.#projectNamed(projectName);
    const known = idempotencyToken === undefined ? undefined : this.#tokens.get(idempotencyToken);
    const parameters = JSON.stringify(input);
    if (known !== undefined && this.#now < known.until) {
      if (known.parameters !== parameters)
        throw new Refused("InvalidInputException", "The idempotency token was used with other parameters.");
      return { build: describeBuild(known.build, this.#now) };
    }
    const variables = Object.fromEntries(environmentVariablesOverride.map(({ name, value }) => [name, value]));
    const build: FakeBuild = {
      id: `${projectName}:${randomUUID()}`,
      project: projectName,
      startedAt: this.#now,
      input: Start.parse(input),
      variables,
      course: (this.#options.courseOf ?? courseFrom)(variables),
    };
    this.builds.push(build);
    const { ms = 0, queuedMs = 0 } = build.course;
    if (Number.isFinite(ms + queuedMs)) setTimeout(() => this.#tell(build), ms + queuedMs).unref();
    if (idempotencyToken !== undefined)
      this.#tokens.set(idempotencyToken, { parameters, build, until: this.#now + TOKEN_MS });
    return { build: describeBuild(build, this.#now) };
  }

  #describe(input: unknown): unknown {
    const { ids } = z.object({ ids: z.array(z.string()).min(1).max(100) }).parse(input);
    const found = this.builds.filter(({ id }) => ids.includes(id));
    return {
      builds: found.map((build) => describeBuild(build, this.#now)),
      buildsNotFound: ids.filter((id) => !found.some((build) => build.id === id)),
    };
  }

  #stop(input: unknown): unknown {
    const { id } = z.object({ id: z.string() }).parse(input);
    const build = this.builds.find((one) => one.id === id);
    if (build === undefined) throw new Refused("ResourceNotFoundException", `there is no build ${id}`);
    if (!isOver(build, this.#now)) {
      build.stoppedAt = this.#now;
      this.#tell(build);
    }
    return { build: describeBuild(build, this.#now) };
  }

  #tell(build: FakeBuild): void {
    const { emit } = this.#options;
    // A build that is stopped may be told of twice, as EventBridge does, too.
    if (emit !== undefined && isOver(build, this.#now)) emit(stateChange(build, this.#now));
  }

  #list(input: unknown): unknown {
    const { projectName, sortOrder, nextToken } = z
      .object({
        projectName: z.string(),
        sortOrder: z.string().default("DESCENDING"),
        nextToken: z.string().optional(),
      })
      .parse(input);
    this.#projectNamed(projectName);
    const all = this.builds.filter(({ project }) => project === projectName).map(({ id }) => id);
    const sorted = sortOrder === "DESCENDING" ? all.reverse() : all;
    const from = Number(nextToken ?? 0);
    const more = from + PAGE < sorted.length ? { nextToken: String(from + PAGE) } : {};
    return { ids: sorted.slice(from, from + PAGE), ...more };
  }

  #log(input: unknown): unknown {
    const { logStreamName } = z.object({ logStreamName: z.string() }).parse(input);
    const build = this.builds.find(({ id }) => id.endsWith(logStreamName));
    if (build === undefined) throw new Refused("ResourceNotFoundException", "The specified log stream does not exist.");
    const lines = build.course.log?.split("\n") ?? [];
    return { events: lines.map((line) => ({ timestamp: build.startedAt, message: `${line}\n` })) };
  }

  #tests(input: unknown): unknown {
    const answer = describeTests(this.builds, this.#now, input);
    if (answer === undefined) throw new Refused("ResourceNotFoundException", "there is no such report");
    return answer;
  }

  #projectNamed(name: string): void {
    if (!this.#options.projects.includes(name))
      throw new Refused(
        "ResourceNotFoundException",
        `Project cannot be found: arn:aws:codebuild:${REGION}:${ACCOUNT}:project/${name}`,
      );
  }
}
