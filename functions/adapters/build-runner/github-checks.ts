import { branchRef } from "../../contracts/build-refs.ts";
import type { QueueName } from "../../contracts/ids.ts";
import { type EpochMs, epochMs } from "../../contracts/time.ts";
import { retryAtOf } from "../github/errors.ts";
import type { BuildId, BuildRunner, BuildStatus, BuildTask, Triggered } from "./build-runner.ts";
import { baselineFrom, timeBaseline, writtenBaseline } from "./github-checks-baseline.ts";
import { buildsIn } from "./github-checks-deliveries.ts";
import { decided, gone, neverStarted, stoppedByQueue } from "./github-checks-message.ts";
import type { CheckedRepository } from "./github-checks-repository.ts";
import { type CheckResult, resultsOfAttempt, verdictOfChecks, type WantedCheck } from "./github-checks-verdict.ts";

export interface GitHubChecksOptions {
  readonly queue: QueueName;
  /** Throws config.invalid and runner.unavailable. */
  readonly repository: () => Promise<CheckedRepository>;
  /** The checks that a build waits for, one at least. Throws config.invalid when there is none, and what a repository throws. */
  readonly wanted: (repository: CheckedRepository) => Promise<readonly WantedCheck[]>;
  readonly startWithinSeconds: number;
  /** When the build was asked to stop, started or not. Undefined when it was not asked. */
  readonly stoppedAt: (build: BuildId) => Promise<EpochMs | undefined>;
  readonly now: () => EpochMs;
  /** The repository's pages for people: `https://github.com/acme/shop`. */
  readonly page: string;
  /** What GitHub signs deliveries with. Undefined: no delivery is believed. */
  readonly webhookSecret?: () => Promise<string | undefined>;
}

/**
 * Pushes the composed commit as a branch, and waits for what CI systems report to GitHub about it. The branch is the build: it is made
 * once for a key, and deleted when the build is over. A rate limit is a wait: `status` says running, `cancel` does nothing (both come
 * again), and `trigger` throws runner.unavailable with `retryAt` in its detail.
 *
 * Calls of GitHub: trigger 3, status 2 to 4, cancel 3 and one per run of Actions. What is wanted costs two every five minutes. Reads of
 * the mark of a stop: trigger 2, status 1.
 */
export function githubChecksRunner(options: GitHubChecksOptions): BuildRunner {
  const { repository: open, wanted, stoppedAt, now, page, queue } = options;
  const branchOf = ({ key }: BuildId) => branchRef(queue, key).replace("refs/heads/", "");
  const urlOf = ({ commit }: BuildId) => `${page}/commit/${commit}/checks`;

  /** Tells the CI systems, as far as they can be told, that the build is not needed any more. */
  async function stop(repository: CheckedRepository, build: BuildId): Promise<void> {
    const branch = branchOf(build);
    await repository.cancelRuns(branch, build.commit);
    // Last: while the branch is there, the stop is not done.
    if ((await repository.branch(branch)) === build.commit) await repository.deleteBranch(branch);
  }

  /**
   * What is left to do when a build is over. The branch stays until the answer of `trigger` is stored: a repeat of the trigger must find it.
   * A branch that can't be deleted is no reason to withhold a verdict.
   */
  async function tidy(repository: CheckedRepository, build: BuildId, open: boolean): Promise<void> {
    if (build.id === undefined) return;
    try {
      await repository.deleteBranch(branchOf(build));
      if (open) await repository.cancelRuns(branchOf(build), build.commit);
    } catch (error) {
      if (!isFinal(error) && retryAtOf(error) === undefined) throw error;
    }
  }

  async function statusOf(build: BuildId): Promise<BuildStatus> {
    const repository = await open();
    const [checks, { results, at }] = await Promise.all([wanted(repository), repository.results(build.commit)]);
    const clock = { github: at, ours: now() };
    const baseline = build.id === undefined ? timeBaseline(build, clock) : baselineFrom(build.id);
    const stopped = await stoppedAt(build);
    const inTime = stopped === undefined ? results : results.map((result) => asOf(result, stopped + at - clock.ours));
    const attempt = resultsOfAttempt(baseline, inTime);
    const verdict = verdictOfChecks(checks, attempt, baseline);
    if (verdict.kind === "finished") {
      // Cancelled, but not by the queue: that says nothing about the tree.
      const result = verdict.result === "cancelled" && stopped === undefined ? "infrastructure" : verdict.result;
      const status = await decided(repository, { ...verdict, result }, urlOf(build));
      await tidy(repository, build, verdict.open);
      return { ...status, ...endOf(verdict.by, clock) };
    }
    if (stopped === undefined && verdict.missing.length === 0) return { kind: "running" };
    const isThere = (await repository.branch(branchOf(build))) === build.commit;
    if (stopped !== undefined) {
      if (isThere) return { kind: "running" };
      // A run that began while the branch was being deleted.
      await repository.cancelRuns(branchOf(build), build.commit);
      return stoppedByQueue(build, urlOf(build));
    }
    if (!isThere) return gone(build, branchOf(build), urlOf(build));
    const { missing, quietSince } = verdict;
    if (quietSince === undefined || at - quietSince < options.startWithinSeconds * 1_000) return { kind: "running" };
    const status = await neverStarted(repository, { build, missing, attempt, ...options }, urlOf(build));
    await tidy(repository, build, true);
    return status;
  }

  return {
    async trigger(task) {
      if (task.id !== undefined) return { id: task.id };
      const repository = await open();
      await wanted(repository);
      if ((await stoppedAt(task)) !== undefined) return {};
      const id = await start(repository, task, branchOf(task), now);
      // A stop that came between the mark's first read and the start found no branch to delete.
      if ((await stoppedAt(task)) !== undefined) await stop(repository, task);
      return { id, url: urlOf(task) } satisfies Triggered;
    },

    async status(build) {
      try {
        return await statusOf(build);
      } catch (error) {
        if (retryAtOf(error) === undefined) throw error;
        return { kind: "running" };
      }
    },

    async cancel(build) {
      try {
        await stop(await open(), build);
      } catch (error) {
        if (retryAtOf(error) === undefined) throw error;
      }
    },

    async report(body, headers) {
      const secret = await options.webhookSecret?.();
      return secret === undefined ? undefined : buildsIn(queue, secret, body, headers);
    },
  };
}

/** Makes the branch unless it is there, and answers where the results of this attempt begin, as an id. */
async function start(
  repository: CheckedRepository,
  task: BuildTask,
  branch: string,
  now: () => EpochMs,
): Promise<string> {
  const { results, at } = await repository.results(task.commit);
  const fromHere = writtenBaseline({ since: at, ids: greatestIds(results) });
  if (await repository.createBranch(branch, task.commit)) return fromHere;
  const held = await repository.branch(branch);
  // An earlier trigger whose answer was lost made it: some of the results may be of this attempt already.
  if (held === undefined || held === task.commit)
    return writtenBaseline(timeBaseline(task, { github: at, ours: now() }));
  await repository.moveBranch(branch, task.commit);
  return fromHere;
}

function greatestIds(results: readonly CheckResult[]): { check: number; status: number } {
  const greatest = (kind: CheckResult["kind"]) =>
    Math.max(0, ...results.filter((one) => one.kind === kind).map(({ id }) => id));
  return { check: greatest("check"), status: greatest("status") };
}

/** When the last of the checks ended that decided a build, by our clock. */
function endOf(by: readonly CheckResult[], { github, ours }: { readonly github: EpochMs; readonly ours: EpochMs }) {
  const ends = by.flatMap(({ end }) => end?.at || []);
  return ends.length === 0 ? {} : { endedAt: epochMs(Math.max(0, Math.max(...ends) + ours - github)) };
}

/** A result as it was at that time, by GitHub's clock: what ended later had not ended. That it was cancelled is what was asked for. */
function asOf(result: CheckResult, time: number): CheckResult {
  if (result.end === undefined || result.end.at <= time || result.end.conclusion === "cancelled") return result;
  return { ...result, end: undefined };
}

const isFinal = (error: unknown): boolean => error instanceof Error && error.name === "config.invalid";
