import { updateCheckRun } from "./checks.ts";
import type { WorkflowRun } from "./records.ts";
import { notFound, Refusal } from "./refusal.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, type RepositoryState, repositoryOf, timestamp, userOf } from "./state.ts";

const SOMEONE = { name: "Someone", email: "someone@example.invalid" };

/** Runs of workflows: listed, and cancelled. */
export function workflowRunRoutes(hub: Hub): Routes {
  const runOf = ({ workflowRuns }: RepositoryState, id: string | undefined): WorkflowRun => {
    const run = workflowRuns.find((one) => String(one.id) === id);
    if (run === undefined) throw notFound();
    return run;
  };
  return {
    [`get ${R}/actions/runs`]: {
      needs: "actions:read",
      answer: ({ repository, query, page }) => {
        const [branch, sha, status] = ["branch", "head_sha", "status"].map((field) => query.get(field));
        const all = repository.workflowRuns
          .filter((run) => (branch === null || run.branch === branch) && (sha === null || run.sha === sha))
          .filter((run) => status === null || run.status === status || run.conclusion === status)
          .toReversed();
        return ok({ total_count: all.length, workflow_runs: page(all).map((run) => runBody(hub, repository, run)) });
      },
    },
    [`get ${R}/actions/runs/{run_id}`]: {
      needs: "actions:read",
      answer: ({ repository, params }) => ok(runBody(hub, repository, runOf(repository, params["run_id"]))),
    },
    [`post ${R}/actions/runs/{run_id}/cancel`]: {
      needs: "actions:write",
      answer: ({ repository, params }) => {
        const run = runOf(repository, params["run_id"]);
        if (run.status === "completed") throw new Refusal(409, "Cannot cancel a workflow run that is completed.");
        run.stop();
        for (const check of repository.checkRuns)
          if (check.suite === run.suite && check.status !== "completed")
            updateCheckRun(hub, repository, check, { conclusion: "cancelled" });
        endRun(hub, repository, run, "cancelled");
        return ok({}, 202);
      },
    },
  };
}

export function endRun(hub: Hub, repository: RepositoryState, run: WorkflowRun, conclusion: string): void {
  if (run.status === "completed") return;
  run.status = "completed";
  run.conclusion = conclusion;
  const body = runBody(hub, repository, run);
  hub.emit(repository, "workflow_run.completed", { workflow_run: body, workflow: { name: run.name, state: "active" } });
}

function runBody(hub: Hub, repository: RepositoryState, run: WorkflowRun): object {
  const url = `${hub.url}/repos/${repository.fullName}/actions/runs/${run.id}`;
  const shown = repositoryOf(repository, hub.url);
  return {
    id: run.id,
    name: run.name,
    path: ".github/workflows/ci.yml",
    display_title: run.name,
    run_number: 1,
    run_attempt: 1,
    event: "push",
    head_branch: run.branch,
    head_sha: run.sha,
    status: run.status,
    conclusion: run.conclusion,
    workflow_id: 1,
    check_suite_id: run.suite.id,
    check_suite_node_id: "",
    url,
    html_url: `${hub.url}/${repository.fullName}/actions/runs/${run.id}`,
    cancel_url: `${url}/cancel`,
    created_at: timestamp(run.startedAt),
    updated_at: timestamp(hub.now()),
    run_started_at: timestamp(run.startedAt),
    actor: userOf("submitqueue[bot]", "Bot"),
    triggering_actor: userOf("submitqueue[bot]", "Bot"),
    head_commit: {
      id: run.sha,
      tree_id: run.sha,
      message: run.name,
      timestamp: timestamp(run.startedAt),
      author: SOMEONE,
      committer: SOMEONE,
    },
    repository: shown,
    head_repository: shown,
    pull_requests: [],
  };
}
