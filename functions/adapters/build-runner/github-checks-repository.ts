import { CodedError, isRetryable } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import { cut } from "../../contracts/text.ts";
import { type EpochMs, epochMs } from "../../contracts/time.ts";
import type { GitHubClient } from "../github/client.ts";
import { statusOf } from "../github/errors.ts";
import type { CheckResult, WantedCheck } from "./github-checks-verdict.ts";

/** How many pages of a hundred are read of a commit's check runs, and of its statuses. */
const MOST_PAGES = 10;

/**
 * The results about a commit, newest first of each kind, and GitHub's clock when it told them, in whole seconds: our own where GitHub has no
 * such commit or does not tell its time.
 */
export interface Results {
  readonly results: readonly CheckResult[];
  readonly at: EpochMs;
}

/**
 * What the runner asks of a repository on GitHub. Each method throws runner.unavailable when GitHub does not answer or is called too
 * often, then with `retryAt` in its detail, and config.invalid when the repository is not there or the credentials may not do this.
 */
export class CheckedRepository {
  readonly client: GitHubClient;

  constructor(client: GitHubClient) {
    this.client = client;
  }

  /** Two calls, more for a commit with more than a hundred of either kind. */
  async results(commit: GitSha): Promise<Results> {
    const [runs, statuses] = await Promise.all([this.#checkRuns(commit), this.#statuses(commit)]);
    return { results: [...runs.items, ...statuses.items], at: runs.at };
  }

  /** The commit that a branch points at. Undefined when there is no such branch. One call. */
  async branch(branch: string): Promise<string | undefined> {
    const answer = await this.#ask(
      `reading the branch ${branch}`,
      () => this.client.call("GET /repos/{owner}/{repo}/git/ref/{ref}", { ...this.#named, ref: `heads/${branch}` }),
      404,
    );
    return answer?.data.object.sha;
  }

  /** Pushes a commit that the repository has as a branch. False when the branch is there already. One call. */
  async createBranch(branch: string, sha: GitSha): Promise<boolean> {
    try {
      const made = { ...this.#named, ref: `refs/heads/${branch}`, sha };
      await this.#ask(`creating the branch ${branch}`, () =>
        this.client.call("POST /repos/{owner}/{repo}/git/refs", made),
      );
      return true;
    } catch (error) {
      if (/Reference already exists/.test(String(error))) return false;
      throw error;
    }
  }

  async moveBranch(branch: string, sha: GitSha): Promise<void> {
    const moved = { ...this.#named, ref: `heads/${branch}`, sha, force: true };
    await this.#ask(`moving the branch ${branch}`, () =>
      this.client.call("PATCH /repos/{owner}/{repo}/git/refs/{ref}", moved),
    );
  }

  /** Does nothing when there is no such branch. One call. */
  async deleteBranch(branch: string): Promise<void> {
    const ref = { ...this.#named, ref: `heads/${branch}` };
    await this.#ask(
      `deleting the branch ${branch}`,
      () => this.client.call("DELETE /repos/{owner}/{repo}/git/refs/{ref}", ref),
      404,
      422,
    );
  }

  /** Asks Actions to stop what it runs for a branch. One call, and one per run. Does nothing with credentials that may not. */
  async cancelRuns(branch: string, commit: GitSha): Promise<void> {
    try {
      const { data } = await this.client.call("GET /repos/{owner}/{repo}/actions/runs", {
        ...this.#named,
        branch,
        head_sha: commit,
        per_page: 100,
      });
      for (const { id } of data.workflow_runs.filter(({ status }) => status !== "completed"))
        await this.#ask(
          `cancelling the run ${id}`,
          () =>
            this.client.call("POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel", {
              ...this.#named,
              run_id: Number(id),
            }),
          404,
          409,
        );
    } catch (error) {
      if (isRetryable(error)) throw asRunners(error, "cancelling runs of Actions");
    }
  }

  /** The checks that GitHub requires on a branch: of rulesets, and of classic protection. Two calls. */
  async required(branch: string): Promise<readonly WantedCheck[]> {
    const rules = await this.#ask(
      `reading the rules of ${branch}`,
      () =>
        this.client.call("GET /repos/{owner}/{repo}/rules/branches/{branch}", {
          ...this.#named,
          branch,
          per_page: 100,
        }),
      404,
    );
    const found = await this.#ask(`reading the branch ${branch}`, () =>
      this.client.call("GET /repos/{owner}/{repo}/branches/{branch}", { ...this.#named, branch }),
    );
    const ofRules = (rules?.data ?? []).flatMap((rule) =>
      rule.type === "required_status_checks" ? (rule.parameters?.required_status_checks ?? []) : [],
    );
    const { contexts = [], checks = [] } = found?.data.protection?.required_status_checks ?? {};
    const pinned = checks as readonly { readonly context: string; readonly app_id: number | null }[];
    const all: WantedCheck[] = [
      ...ofRules.map(({ context, integration_id }) => ({ name: context, app: integration_id })),
      ...pinned.map(({ context, app_id }) => ({
        name: context,
        app: app_id === null || app_id < 0 ? undefined : app_id,
      })),
      ...contexts.filter((context) => !pinned.some((one) => one.context === context)).map((name) => ({ name })),
    ];
    return all.filter(
      (check, index) => all.findIndex(({ name, app }) => name === check.name && app === check.app) === index,
    );
  }

  /** What a failed check run says about files: at most so many lines, as `path:line message`. One call. */
  async annotations(checkRunId: number, most: number): Promise<readonly string[]> {
    const wanted = { ...this.#named, check_run_id: checkRunId, per_page: most * 2 };
    const answer = await this.#ask(
      `reading the annotations of check run ${checkRunId}`,
      () => this.client.call("GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", wanted),
      404,
    );
    const failures = (answer?.data ?? []).filter(({ annotation_level: level }) => level === "failure");
    return failures
      .slice(0, most)
      .map(({ path, start_line: line, message, title }) => `${path}:${line} ${oneLine(message ?? title ?? "")}`);
  }

  async message(commit: string): Promise<string> {
    const answer = await this.#ask(
      `reading the commit ${commit}`,
      () => this.client.call("GET /repos/{owner}/{repo}/commits/{ref}", { ...this.#named, ref: commit }),
      404,
      422,
    );
    return answer?.data.commit.message ?? "";
  }

  /** The last commits of a branch, newest first. One call. */
  async commits(branch: string, most: number): Promise<readonly string[]> {
    const answer = await this.#ask(
      `reading the commits of ${branch}`,
      () => this.client.call("GET /repos/{owner}/{repo}/commits", { ...this.#named, sha: branch, per_page: most }),
      404,
      409,
    );
    return (answer?.data ?? []).map(({ sha }) => sha);
  }

  /** The branches below a prefix, with the commits that they point at. One call. */
  async branches(prefix: string): Promise<readonly { readonly branch: string; readonly sha: string }[]> {
    const answer = await this.#ask(`reading the branches ${prefix}`, () =>
      this.client.call("GET /repos/{owner}/{repo}/git/matching-refs/{ref}", { ...this.#named, ref: `heads/${prefix}` }),
    );
    return (answer?.data ?? []).map(({ ref, object }) => ({ branch: ref.replace("refs/heads/", ""), sha: object.sha }));
  }

  /** True, false, or undefined when GitHub does not say so. One call; none more for an App, whose token says. */
  async mayPush(): Promise<boolean | undefined> {
    const permissions = await this.#ask("reading what the installation may do", () => this.client.permissions());
    if (permissions !== undefined) return permissions["contents"] === "write";
    const answer = await this.#ask("reading the repository", () =>
      this.client.call("GET /repos/{owner}/{repo}", this.#named),
    );
    return answer?.data.permissions?.push;
  }

  get #named() {
    return { owner: this.client.owner, repo: this.client.repo };
  }

  async #checkRuns(ref: GitSha): Promise<{ items: readonly CheckResult[]; at: EpochMs }> {
    const items: CheckResult[] = [];
    let at = epochMs(0);
    for (let page = 1; page <= MOST_PAGES; page++) {
      const wanted = { ...this.#named, ref, filter: "all" as const, per_page: 100, page };
      const answer = await this.#ask(
        `reading the check runs of ${ref}`,
        () => this.client.call("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", wanted),
        404,
        422,
      );
      if (page === 1) at = timeOf(answer?.headers.date) || this.client.now();
      const runs = answer?.data.check_runs ?? [];
      items.push(...runs.map(resultOfRun));
      if (runs.length < 100) break;
    }
    return { items, at };
  }

  async #statuses(ref: GitSha): Promise<{ items: readonly CheckResult[] }> {
    const all: Status[] = [];
    for (let page = 1; page <= MOST_PAGES; page++) {
      const wanted = { ...this.#named, ref, per_page: 100, page };
      const answer = await this.#ask(
        `reading the statuses of ${ref}`,
        () => this.client.call("GET /repos/{owner}/{repo}/commits/{ref}/statuses", wanted),
        404,
        422,
      );
      all.push(...(answer?.data ?? []));
      if ((answer?.data ?? []).length < 100) break;
    }
    return { items: all.map((status, index) => resultOfStatus(status, all.slice(index + 1))) };
  }

  /** The answer; undefined for an answer with one of these statuses. */
  async #ask<T>(doing: string, ask: () => Promise<T>, ...tolerated: readonly number[]): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (tolerated.includes(statusOf(error) ?? 0)) return undefined;
      throw asRunners(error, doing);
    }
  }
}

/** An error of the client as one that a runner throws. */
function asRunners(error: unknown, doing: string): CodedError {
  const said = error instanceof Error ? error.message : String(error);
  if (isRetryable(error))
    return new CodedError("runner.unavailable", `${doing}: ${said}`, {
      cause: error,
      detail: { ...(error as CodedError).detail },
    });
  const advice = statusOf(error) === 404 ? "The repository is not there, or the credentials may not see it. " : "";
  return new CodedError("config.invalid", `${doing}: ${advice}${said}`, { cause: error });
}

interface Run {
  readonly id: number | bigint;
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly html_url: string | null;
  readonly details_url: string | null;
  readonly output: { readonly title: string | null };
  readonly app: { readonly id: number | bigint; readonly slug?: string } | null;
}

const resultOfRun = (run: Run): CheckResult => ({
  kind: "check",
  id: Number(run.id),
  name: run.name,
  appId: run.app === null ? undefined : Number(run.app.id),
  appSlug: run.app?.slug,
  startedAt: timeOf(run.started_at),
  end: run.status === "completed" ? { conclusion: run.conclusion ?? "stale", at: timeOf(run.completed_at) } : undefined,
  url: run.details_url ?? run.html_url ?? undefined,
  title: run.output.title ?? undefined,
});

interface Status {
  readonly id: number | bigint;
  readonly context: string;
  readonly state: string;
  readonly description: string | null;
  readonly target_url: string | null;
  readonly created_at: string;
  readonly creator: { readonly login: string; readonly avatar_url: string } | null;
}

/**
 * A status as a result. It began with the status before it, when that was pending and told of the same build (the same address): so what
 * the build of an earlier attempt says late is told from what the build of this attempt says. `earlier`: those before it, newest first.
 */
function resultOfStatus(status: Status, earlier: readonly Status[]): CheckResult {
  const { context, target_url: address, state } = status;
  const before = earlier.find((one) => one.context === context && one.target_url === address && address !== null);
  const first = state !== "pending" && before?.state === "pending" ? before : status;
  // The App of a status is in the address of its bot's picture, and in the bot's name.
  const [, appId] = /\/in\/(\d+)(?:\?|$)/.exec(status.creator?.avatar_url ?? "") ?? [];
  const [, appSlug] = /^(.+)\[bot\]$/.exec(status.creator?.login ?? "") ?? [];
  return {
    kind: "status",
    id: Number(first.id),
    name: context,
    appId: appId === undefined ? undefined : Number(appId),
    appSlug,
    startedAt: timeOf(first.created_at),
    end: state === "pending" ? undefined : { conclusion: state, at: timeOf(status.created_at) },
    url: address ?? undefined,
    title: status.description ?? undefined,
  };
}

const timeOf = (text: string | null | undefined): EpochMs => epochMs(Date.parse(text ?? "") || 0);

const oneLine = (text: string): string => cut(text.trim().replaceAll(/\s+/g, " "), 200);
