import { loginOf } from "./identity.ts";
import { changePull } from "./pull-requests.ts";
import type { Issue } from "./records.ts";
import { notFound } from "./refusal.ts";
import { commitOf } from "./repositories.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, pullOf, type RepositoryState, timestamp, userOf } from "./state.ts";

/** Issues, which share their numbers with pull requests; the commits of pull requests, and how two commits relate. */
export function issueRoutes(hub: Hub): Routes {
  const body = (repository: RepositoryState, { number, title, state }: Issue, more: object = {}) => {
    const api = `${hub.url}/repos/${repository.fullName}`;
    return {
      id: repository.id * 1_000 + number,
      number,
      title,
      state,
      user: userOf("someone"),
      url: `${api}/issues/${number}`,
      repository_url: api,
      html_url: `${hub.url}/${repository.fullName}/issues/${number}`,
      created_at: timestamp(hub.now()),
      updated_at: timestamp(hub.now()),
      closed_at: state === "closed" ? timestamp(hub.now()) : null,
      ...more,
    };
  };
  const shown = (repository: RepositoryState, number: string | undefined): object => {
    const issue = repository.issues.get(Number(number));
    if (issue !== undefined) return body(repository, issue);
    const pull = pullOf(repository, number);
    const url = `${hub.url}/repos/${repository.fullName}/pulls/${pull.number}`;
    return body(repository, pull, { pull_request: { url, html_url: url, diff_url: url, patch_url: url } });
  };
  return {
    [`get ${R}/issues/{issue_number}`]: {
      needs: "issues:read",
      answer: ({ repository, params }) => ok(shown(repository, params["issue_number"])),
    },
    [`patch ${R}/issues/{issue_number}`]: {
      needs: "issues:write",
      answer: ({ repository, params, body: change, as }) => {
        const issue = repository.issues.get(Number(params["issue_number"]));
        if (issue !== undefined) issue.state = change.state ?? issue.state;
        else changePull(hub, repository, pullOf(repository, params["issue_number"]), change, loginOf(as));
        return ok(shown(repository, params["issue_number"]));
      },
    },
    [`get ${R}/pulls/{pull_number}/commits`]: {
      needs: "pull_requests:read",
      answer: async ({ repository, params, page }) => {
        const { head, base: branch } = pullOf(repository, params["pull_number"]);
        const base = (await repository.git.commitOf(branch)) ?? repository.defaultBranch;
        const shas = (await repository.git.between(base, head)).toReversed();
        return ok(await Promise.all(page(shas).map((sha) => commitOf(repository, sha, hub.url))));
      },
    },
    [`get ${R}/compare/{basehead}`]: {
      needs: "contents:read",
      answer: async ({ repository, params }) => {
        const [from = "", to = ""] = (params["basehead"] ?? "").split("...");
        const [base, head] = [await repository.git.commitOf(from), await repository.git.commitOf(to)];
        if (base === undefined || head === undefined) throw notFound();
        const [ahead, behind] = [await repository.git.between(base, head), await repository.git.between(head, base)];
        const status =
          ahead.length === 0
            ? behind.length === 0
              ? "identical"
              : "behind"
            : behind.length === 0
              ? "ahead"
              : "diverged";
        const commit = await commitOf(repository, base, hub.url);
        return ok({
          status,
          ahead_by: ahead.length,
          behind_by: behind.length,
          total_commits: ahead.length,
          base_commit: commit,
          merge_base_commit: commit,
          commits: [],
          files: [],
        });
      },
    },
  };
}
