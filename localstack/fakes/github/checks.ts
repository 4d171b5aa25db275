import type { Identity } from "./identity.ts";
import type { Annotation, CheckRun, CheckSuite } from "./records.ts";
import { notFound, Refusal, unprocessable } from "./refusal.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, type RepositoryState, repositoryOf, timestamp } from "./state.ts";

export const ACTIONS_APP = 15_368;

/** What a caller says of a check run, in the words of the REST API. */
export interface CheckRunWords {
  readonly name?: string;
  readonly status?: CheckRun["status"];
  readonly conclusion?: string;
  readonly started_at?: string;
  readonly completed_at?: string;
  readonly details_url?: string;
  readonly external_id?: string;
  readonly output?: { title?: string; summary?: string; text?: string; annotations?: readonly Annotation[] };
  readonly actions?: readonly object[];
}

const MOST_OF_ONE_NAME = 1_000;

/** Check runs: made and changed by Apps alone. */
export function checkRoutes(hub: Hub, appIdOf: (as: Identity) => number): Routes {
  const runOf = ({ checkRuns }: RepositoryState, id: string | undefined): CheckRun => {
    const run = checkRuns.find((one) => String(one.id) === id);
    if (run === undefined) throw notFound();
    return run;
  };
  return {
    [`post ${R}/check-runs`]: {
      needs: "checks:write",
      answer: async ({ repository, body, as }) => {
        const { head_sha: sha, ...words } = body as CheckRunWords & { head_sha: string };
        if ((await repository.git.commitOf(sha)) === undefined || !/^[0-9a-f]{40}$/.test(sha))
          throw unprocessable(`No commit found for SHA: ${sha}`);
        return ok(bodyOf(hub, repository, createCheckRun(hub, repository, { sha, appId: appIdOf(as), words })), 201);
      },
    },
    [`patch ${R}/check-runs/{check_run_id}`]: {
      needs: "checks:write",
      answer: ({ repository, body, as, params }) => {
        const run = runOf(repository, params["check_run_id"]);
        if (run.suite.appId !== appIdOf(as))
          throw new Refusal(403, "Invalid app_id: check run can only be modified by the GitHub App that created it.");
        return ok(bodyOf(hub, repository, updateCheckRun(hub, repository, run, body)));
      },
    },
    [`get ${R}/check-runs/{check_run_id}`]: {
      needs: "checks:read",
      answer: ({ repository, params }) => ok(bodyOf(hub, repository, runOf(repository, params["check_run_id"]))),
    },
    [`get ${R}/check-runs/{check_run_id}/annotations`]: {
      needs: "checks:read",
      answer: ({ repository, params, page }) => ok(page(runOf(repository, params["check_run_id"]).annotations)),
    },
    [`post ${R}/check-runs/{check_run_id}/rerequest`]: {
      needs: "checks:write",
      answer: ({ repository, params }) => {
        hub.emit(repository, "check_run.rerequested", {
          check_run: bodyOf(hub, repository, runOf(repository, params["check_run_id"])),
        });
        return ok({}, 201);
      },
    },
    [`get ${R}/commits/{ref}/check-runs`]: {
      needs: "checks:read",
      answer: async ({ repository, query, page, params: { ref = "" } }) => {
        const sha = await repository.git.commitOf(ref);
        if (sha === undefined) throw unprocessable(`No commit found for SHA: ${ref}`);
        const [name, app, status] = ["check_name", "app_id", "status"].map((field) => query.get(field));
        const all = repository.checkRuns
          .filter((run) => run.sha === sha)
          .filter((run) => query.get("filter") === "all" || isLatest(run, repository))
          .filter((run) => (name === null || run.name === name) && (status === null || run.status === status))
          .filter((run) => app === null || String(run.suite.appId) === app)
          .toReversed();
        return ok({ total_count: all.length, check_runs: page(all).map((run) => bodyOf(hub, repository, run)) });
      },
    },
  };
}

/** GitHub counts a suite's last run of each name as its latest. */
const isLatest = (run: CheckRun, { checkRuns }: RepositoryState): boolean =>
  checkRuns.findLast(({ suite, name }) => suite === run.suite && name === run.name) === run;

interface NewCheckRun {
  readonly sha: string;
  readonly appId: number;
  readonly words: CheckRunWords;
  /** Absent: the App's suite about the commit, made when there is none. */
  readonly suite?: CheckSuite;
}

export function createCheckRun(
  hub: Hub,
  repository: RepositoryState,
  { sha, appId, words, suite: given }: NewCheckRun,
): CheckRun {
  const suite = given ?? suiteFor(hub, repository, sha, appId);
  const {
    name = "",
    status = "queued",
    started_at: startedAt,
    details_url: detailsUrl = null,
    external_id: externalId = "",
  } = words;
  if (repository.checkRuns.filter((one) => one.suite === suite && one.name === name).length >= MOST_OF_ONE_NAME)
    throw unprocessable("This check suite has reached the maximum number of check runs of this name.");
  const run: CheckRun = {
    id: hub.nextId(),
    suite,
    sha,
    name,
    status: words.conclusion === undefined && status !== "completed" ? status : "queued",
    conclusion: null,
    startedAt: startedAt === undefined ? hub.now() : Date.parse(startedAt),
    completedAt: null,
    detailsUrl,
    externalId,
    title: null,
    summary: null,
    text: null,
    annotations: [],
    actions: [],
  };
  repository.checkRuns.push(run);
  hub.emit(repository, "check_run.created", { check_run: bodyOf(hub, repository, run) });
  return updateCheckRun(hub, repository, run, words);
}

export function updateCheckRun(hub: Hub, repository: RepositoryState, run: CheckRun, words: CheckRunWords): CheckRun {
  const { conclusion, output, status = run.status, completed_at: completedAt } = words;
  const completes = conclusion !== undefined || status === "completed";
  if (completes && (conclusion ?? run.conclusion) === null)
    throw unprocessable("A completed check run must have a conclusion.");
  const wasCompleted = run.status === "completed";
  run.name = words.name ?? run.name;
  run.detailsUrl = words.details_url ?? run.detailsUrl;
  run.externalId = words.external_id ?? run.externalId;
  run.actions = words.actions ?? run.actions;
  run.startedAt = words.started_at === undefined ? run.startedAt : Date.parse(words.started_at);
  run.title = output?.title ?? run.title;
  run.summary = output?.summary ?? run.summary;
  run.text = output?.text ?? run.text;
  run.annotations.push(...(output?.annotations ?? []));
  run.status = completes ? "completed" : status;
  if (completes) {
    run.conclusion = conclusion ?? run.conclusion;
    run.completedAt = completedAt === undefined ? (run.completedAt ?? hub.now()) : Date.parse(completedAt);
  } else {
    run.conclusion = null;
    run.completedAt = null;
  }
  if (completes && !wasCompleted) {
    hub.emit(repository, "check_run.completed", { check_run: bodyOf(hub, repository, run) });
    tellOfSuite(hub, repository, run);
  }
  return run;
}

/** A suite is complete once all of its runs are. */
function tellOfSuite(hub: Hub, repository: RepositoryState, { suite, conclusion }: CheckRun): void {
  if (repository.checkRuns.some((run) => run.suite === suite && run.status !== "completed")) return;
  const about = repository.pulls.filter(({ head, state }) => head === suite.sha && state === "open");
  hub.emit(repository, "check_suite.completed", {
    check_suite: {
      id: suite.id,
      head_branch: suite.branch ?? about[0]?.headBranch ?? null,
      head_sha: suite.sha,
      status: "completed",
      conclusion,
      app: hub.appOf(suite.appId),
      pull_requests: about.map(({ number, headBranch, head, base }) => ({
        id: number,
        number,
        url: `${hub.url}/repos/${repository.fullName}/pulls/${number}`,
        head: { ref: headBranch, sha: head },
        base: { ref: base, sha: head },
      })),
    },
  });
}

function suiteFor(hub: Hub, repository: RepositoryState, sha: string, appId: number): CheckSuite {
  const found = repository.checkSuites.find((suite) => suite.sha === sha && suite.appId === appId);
  return found ?? createSuite(hub, repository, { sha, appId, branch: null });
}

export function createSuite(hub: Hub, repository: RepositoryState, suite: Omit<CheckSuite, "id">): CheckSuite {
  const made = { id: hub.nextId(), ...suite };
  repository.checkSuites.push(made);
  return made;
}

/** A check run as answers and payloads show it. */
function bodyOf(hub: Hub, repository: RepositoryState, run: CheckRun): object {
  const url = `${hub.url}/repos/${repository.fullName}/check-runs/${run.id}`;
  const web = `${hub.url}/${repository.fullName}/runs/${run.id}`;
  const { suite, title, summary, text } = run;
  return {
    id: run.id,
    name: run.name,
    head_sha: run.sha,
    status: run.status,
    conclusion: run.conclusion,
    started_at: timestamp(run.startedAt),
    completed_at: run.completedAt === null ? null : timestamp(run.completedAt),
    details_url: run.detailsUrl ?? web,
    html_url: web,
    url,
    external_id: run.externalId,
    output: { title, summary, text, annotations_count: run.annotations.length, annotations_url: `${url}/annotations` },
    check_suite: {
      id: suite.id,
      head_branch: suite.branch,
      head_sha: suite.sha,
      app: hub.appOf(suite.appId),
      repository: minimal(hub, repository),
    },
    app: hub.appOf(suite.appId),
    pull_requests: [],
  };
}

const minimal = (hub: Hub, repository: RepositoryState): object => repositoryOf(repository, hub.url);
