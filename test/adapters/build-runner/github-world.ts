import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { githubChecksRunner } from "../../../functions/adapters/build-runner/github-checks.ts";
import { CheckedRepository } from "../../../functions/adapters/build-runner/github-checks-repository.ts";
import type { WantedCheck } from "../../../functions/adapters/build-runner/github-checks-verdict.ts";
import type { BuildId, BuildRunner } from "../../../functions/adapters/build-runner/index.ts";
import { gitHubClient } from "../../../functions/adapters/github/client.ts";
import type { GitHubCredentials } from "../../../functions/adapters/github/credentials.ts";
import { QueueName } from "../../../functions/contracts/ids.ts";
import { type EpochMs, epochMs } from "../../../functions/contracts/time.ts";
import { type Course, FakeCi, type Job } from "../../../localstack/fakes/github/ci.ts";
import { type FakeGitHub, startFakeGitHub } from "../../../localstack/fakes/github/index.ts";
import { GitFiles } from "../../support/git-files.ts";
import { withoutTimeLimits } from "../../support/without-time-limits.ts";
import { aTask } from "./tasks.ts";

export const COURSES = {
  passes: { kind: "ends", conclusion: "success" },
  fails: { kind: "ends", conclusion: "failure", lines: ["expected 1, was 2"] },
  /** A user stops the build in GitHub. */
  breaks: { kind: "ends", conclusion: "cancelled" },
  hangs: { kind: "hangs" },
  overdue: { kind: "ends", conclusion: "timed_out" },
  never: { kind: "never" },
} as const satisfies Record<string, Course>;

export const REPOSITORY = "acme/shop";

/** An App's credentials for the fake, as its key file and settings would give them. */
export const appOn = ({ identities: { app } }: FakeGitHub): GitHubCredentials => ({
  kind: "app",
  appId: app.id,
  privateKey: app.privateKey,
  webhookSecret: app.webhookSecret,
});

export interface GitHubWorldOptions {
  readonly jobs?: readonly Job[];
  readonly wanted?: readonly WantedCheck[];
  readonly startWithinSeconds?: number;
  /** What becomes of a job that the task's own course does not cover. */
  readonly courseOf?: (job: Job, attempt: number) => Course | undefined;
  readonly credentials?: (github: FakeGitHub) => GitHubCredentials;
  /** Called with what ends the world. Default: at the end of the test. */
  readonly ends?: (end: () => Promise<void>) => void;
}

/**
 * A fake GitHub with one repository, a CI behind it, and runners on it. `open` answers a runner with what trigger and poll keep in a
 * build's row around it: the id that a trigger answered and the mark of a stop.
 */
export async function githubWorld(options: GitHubWorldOptions = {}) {
  const { jobs = [{ name: "unit", reports: "check" }], startWithinSeconds = 600 } = options;
  const clock = { now: 1_800_000_000_000 };
  const courses = new Map<string, Course>();
  const directory = await mkdtemp(join(tmpdir(), "submitqueue-test-"));
  const github = await startFakeGitHub({
    directory,
    repositories: [REPOSITORY],
    now: () => clock.now,
  });
  const ci = new FakeCi(github, {
    jobs,
    courseOf: (job, { sha, attempt }) => options.courseOf?.(job, attempt) ?? courses.get(sha) ?? COURSES.passes,
  });
  const limitAgain = withoutTimeLimits();
  (options.ends ?? onTestFinished)(async () => {
    limitAgain();
    await ci.stop();
    await github.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  });
  const repository = github.repository(REPOSITORY);
  const { git } = repository;
  const files = new GitFiles(git.path);
  const ids = new Map<string, string>();
  const stopped = new Map<string, EpochMs>();
  const rowOf = ({ key, commit }: BuildId) => `${key} ${commit}`;
  const credentials = (options.credentials ?? appOn)(github);
  const client = gitHubClient({
    api: github.url,
    owner: "acme",
    repo: "shop",
    credentials,
    now: () => epochMs(clock.now),
  });
  const { app } = github.identities;
  const bare = (stoppedAt = async (build: BuildId): Promise<EpochMs | undefined> => stopped.get(rowOf(build))) =>
    githubChecksRunner({
      queue: QueueName.parse("shop"),
      repository: async () => new CheckedRepository(client),
      wanted: async () => options.wanted ?? jobs.map(({ name }) => ({ name })),
      startWithinSeconds,
      stoppedAt,
      now: () => epochMs(clock.now),
      page: `https://github.invalid/${REPOSITORY}`,
      webhookSecret: async () => app.webhookSecret,
    });
  const withId = <B extends BuildId>(build: B): B => {
    const id = ids.get(rowOf(build));
    return id === undefined ? build : { ...build, id };
  };
  /** `stores`: whether what a trigger answered is kept, as a build's row keeps it. */
  const open = (stores = true): BuildRunner => ({
    trigger: async (task) => {
      const answer = await bare().trigger(withId(task));
      if (stores && answer.id !== undefined) ids.set(rowOf(task), answer.id);
      return answer;
    },
    status: async (build) => {
      await ci.idle();
      return bare().status(withId(build));
    },
    cancel: async (build) => {
      if (!stopped.has(rowOf(build))) stopped.set(rowOf(build), epochMs(clock.now));
      await bare().cancel(withId(build));
    },
  });
  let made = 0;
  const commit = async (message = "one\n") => {
    made += 1;
    return files.commit({ by: "A <a@example.invalid>", at: 1_800_000_000, message, files: { a: `${made}\n` } }, []);
  };
  const task = async (course: Course, message?: string) => {
    const of = aTask({ askedAt: epochMs(clock.now), commit: await commit(message) });
    courses.set(of.commit, course);
    return of;
  };
  const branchOf = ({ key }: BuildId) => `refs/heads/submitqueue/shop/${key}`;
  const branches = () => git.refs("refs/heads/submitqueue/");
  return {
    github,
    ci,
    repository,
    git,
    clock,
    courses,
    stopped,
    ids,
    bare,
    open,
    task,
    commit,
    branchOf,
    branches,
    client,
  };
}
