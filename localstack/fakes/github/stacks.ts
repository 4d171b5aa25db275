import { tellOf } from "./pull-requests.ts";
import type { PullRequest } from "./records.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, pullOf, type RepositoryState, timestamp } from "./state.ts";

/** GitHub's own stacks of pull requests. */
export function stackRoutes(hub: Hub): Routes {
  return {
    [`get ${R}/stacks`]: {
      needs: "pull_requests:read",
      answer: ({ repository, query, page }) => {
        const number = query.get("pull_request");
        const found = repository.stacks.filter(({ pulls }) => number === null || pulls.includes(Number(number)));
        return ok(page(found).map((stack) => stackBody(hub, repository, stack)));
      },
    },
  };
}

/** Makes a stack of pull requests, the lowest first, as GitHub's page does. */
export function stackPulls(hub: Hub, repository: RepositoryState, pulls: readonly PullRequest[], by: string): void {
  const base = pulls[0]?.base ?? repository.defaultBranch;
  repository.stacks.push({ id: hub.nextId(), base, pulls: pulls.map(({ number }) => number) });
  for (const pull of pulls) tellOf(hub, repository, pull, { action: "stacked", by });
}

function stackBody(
  hub: Hub,
  repository: RepositoryState,
  { id, base, pulls }: RepositoryState["stacks"][number],
): object {
  const members = pulls.map((number) => pullOf(repository, String(number)));
  return {
    id,
    number: id,
    node_id: "",
    url: `${hub.url}/repos/${repository.fullName}/stacks/${id}`,
    base: { ref: base },
    open: members.some(({ state }) => state === "open"),
    created_at: timestamp(hub.now()),
    pull_requests: members.map(({ number, state, isDraft, mergedAt, headBranch, head }) => ({
      number,
      state,
      draft: isDraft,
      merged_at: mergedAt === null ? null : timestamp(mergedAt),
      head: { ref: headBranch, sha: head },
    })),
  };
}
