import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { git } from "../../sandbox/git.ts";
import { ACTIONS_APP, createCheckRun, createSuite, updateCheckRun } from "./checks.ts";
import type { FakeGitHub } from "./index.ts";
import type { CheckRun, WorkflowRun } from "./records.ts";
import type { RepositoryState } from "./state.ts";
import { postStatus } from "./statuses.ts";
import { endRun } from "./workflow-runs.ts";

/** What becomes of a job. */
export type Course =
  | { readonly kind: "ends"; readonly conclusion: string; readonly lines?: readonly string[] }
  /** The job goes on until it is cancelled. */
  | { readonly kind: "hangs" }
  /** Nothing is ever reported, as when a filter leaves the branch out. */
  | { readonly kind: "never" }
  /** Runs a shell command in a checkout of the commit; its exit code decides. */
  | { readonly kind: "command"; readonly command: string };

export interface Job {
  /** Of the check run, or of the status. */
  readonly name: string;
  /** check: as Actions does, a check run. status: as Buildkite does, a commit status. */
  readonly reports: "check" | "status";
}

/** A commit that a job is to test. */
interface Tested {
  readonly sha: string;
  readonly branch: string;
  readonly repository: RepositoryState;
  /** How often the job was run for the commit, this time included. */
  readonly attempt: number;
}

export interface CiOptions {
  readonly jobs: readonly Job[];
  /** Branches whose pushes are built, without refs/heads/. */
  readonly branches?: RegExp;
  readonly courseOf: (job: Job, tested: Tested) => Course | Promise<Course>;
}

const SKIP = /\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: *true$/im;
const BUILT = /^submitqueue\//;

export const passes: Course = { kind: "ends", conclusion: "success" };

/** A CI system behind the fake GitHub: it builds what is pushed to branches, and reports. Check runs are the jobs of one run of Actions. */
export class FakeCi {
  /** The jobs that were run, oldest first. */
  readonly ran: { readonly job: string; readonly sha: string; readonly branch: string }[] = [];
  readonly #github: FakeGitHub;
  readonly #options: CiOptions;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(github: FakeGitHub, options: CiOptions) {
    this.#github = github;
    this.#options = options;
    github.onEvent((event, payload, repository) => {
      const { ref, after, deleted } = payload as { ref?: string; after?: string; deleted?: boolean };
      const branch = /^refs\/heads\/(.+)$/.exec(ref ?? "")?.[1];
      if (event !== "push" || branch === undefined || after === undefined || deleted === true) return;
      if ((options.branches ?? BUILT).test(branch)) this.#track(this.#build(repository, branch, after));
    });
  }

  /** Resolves when no job is under way but those that hang. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.idle();
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        this.#github.violations.push(`the fake CI failed: ${String(error)}`);
      })
      .finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  async #build(repository: RepositoryState, branch: string, sha: string): Promise<void> {
    if (SKIP.test((await repository.git.commit(sha)).message)) return;
    const jobs: { job: Job; course: Course }[] = [];
    for (const job of this.#options.jobs) {
      const attempt = this.ran.filter((one) => one.job === job.name && one.sha === sha).length + 1;
      const course = await this.#options.courseOf(job, { sha, branch, repository, attempt });
      if (course.kind === "never") continue;
      this.ran.push({ job: job.name, sha, branch });
      jobs.push({ job, course });
    }
    const checks = jobs.filter(({ job }) => job.reports === "check");
    if (checks.length > 0) this.#track(this.#workflow(repository, branch, sha, checks));
    for (const { job, course } of jobs.filter(({ job: { reports } }) => reports === "status"))
      this.#track(this.#status(repository, sha, job, course));
  }

  async #workflow(
    repository: RepositoryState,
    branch: string,
    sha: string,
    jobs: readonly { job: Job; course: Course }[],
  ): Promise<void> {
    const github = this.#github;
    const suite = createSuite(github, repository, { sha, appId: ACTIONS_APP, branch });
    const cancelled = new AbortController();
    const run: WorkflowRun = {
      id: github.nextId(),
      name: "ci",
      branch,
      sha,
      suite,
      startedAt: github.now(),
      status: "in_progress",
      conclusion: null,
      stop: () => cancelled.abort(),
    };
    repository.workflowRuns.push(run);
    const begun = jobs.map(({ job, course }) => {
      const words = { name: job.name, status: "in_progress" as const };
      return { course, check: createCheckRun(github, repository, { sha, appId: ACTIONS_APP, words, suite }) };
    });
    if (begun.some(({ course }) => course.kind === "hangs"))
      return void (await Promise.all(begun.map((job) => this.#check(repository, sha, job, cancelled.signal))));
    await Promise.all(begun.map((job) => this.#check(repository, sha, job, cancelled.signal)));
    endRun(github, repository, run, begun.some(({ check }) => check.conclusion === "failure") ? "failure" : "success");
  }

  async #check(
    repository: RepositoryState,
    sha: string,
    { course, check }: { course: Course; check: CheckRun },
    signal: AbortSignal,
  ): Promise<void> {
    if (course.kind === "hangs" || course.kind === "never") return;
    const { conclusion, lines } =
      course.kind === "ends" ? { lines: [], ...course } : await this.#command(repository, sha, course.command, signal);
    if (signal.aborted) return;
    const annotations = lines.map((message) => ({
      path: "check.sh",
      start_line: 1,
      end_line: 1,
      annotation_level: "failure",
      message,
    }));
    updateCheckRun(this.#github, repository, check, {
      conclusion,
      output: { title: conclusion, summary: lines.join("\n"), annotations },
    });
  }

  async #status(repository: RepositoryState, sha: string, { name: context }: Job, course: Course): Promise<void> {
    const posted = { sha, context, creator: "buildkite", target_url: `https://ci.invalid/${sha}` };
    await postStatus(this.#github, repository, { ...posted, state: "pending" });
    if (course.kind === "hangs" || course.kind === "never") return;
    const { conclusion, lines = [] } =
      course.kind === "ends" ? course : await this.#command(repository, sha, course.command, this.#stopping.signal);
    const state = conclusion === "success" ? "success" : conclusion === "failure" ? "failure" : "error";
    await postStatus(this.#github, repository, { ...posted, state, description: lines[0] ?? conclusion });
  }

  async #command(
    { git: { path } }: RepositoryState,
    sha: string,
    command: string,
    cancelled: AbortSignal,
  ): Promise<{ conclusion: string; lines: readonly string[] }> {
    const directory = await mkdtemp(join(tmpdir(), "submitqueue-ci-"));
    try {
      await git(directory, ["clone", "--quiet", "--no-checkout", "--shared", path, "tree"]);
      const tree = join(directory, "tree");
      await git(tree, ["checkout", "--quiet", "--detach", sha]);
      const { exitCode, all } = await shell(command, tree, AbortSignal.any([cancelled, this.#stopping.signal]));
      const lines = all.split("\n").filter((line) => line !== "");
      return exitCode === 0 ? { conclusion: "success", lines: [] } : { conclusion: "failure", lines: lines.slice(-5) };
    } finally {
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

/** Runs a command with nothing of this process's environment. When it is cancelled, what it has started ends with it. */
async function shell(
  command: string,
  directory: string,
  cancelled: AbortSignal,
): Promise<{ exitCode: number | undefined; all: string }> {
  if (cancelled.aborted) return { exitCode: undefined, all: "" };
  const { PATH } = process.env;
  const child = execa("/bin/sh", ["-c", command], {
    cwd: directory,
    reject: false,
    all: true,
    detached: true,
    extendEnv: false,
    env: { PATH, HOME: directory, TMPDIR: tmpdir() },
  });
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  };
  cancelled.addEventListener("abort", end, { once: true });
  const { exitCode, all } = await child.finally(() => cancelled.removeEventListener("abort", end));
  return { exitCode, all };
}
