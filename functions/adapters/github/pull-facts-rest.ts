import * as z from "zod";
import { GitSha } from "../../contracts/ids.ts";
import type { Opinion, PullFacts } from "../../domain/pull-request.ts";
import type { GitHubClient } from "./client.ts";
import { statusOf } from "./errors.ts";

const Body = z.looseObject({
  number: z.int(),
  state: z.enum(["open", "closed"]),
  draft: z.boolean().nullish(),
  merged_at: z.string().nullish(),
  mergeable: z.boolean().nullish(),
  mergeable_state: z.string().nullish(),
  user: z.looseObject({ login: z.string() }).nullish(),
  labels: z.array(z.looseObject({ name: z.string() })).default([]),
  base: z.looseObject({ ref: z.string() }),
  head: z.looseObject({ ref: z.string(), sha: GitSha }),
});

const MOST_PAGES = 10;

/**
 * What GitHub's REST API says of a pull request: all but GitHub's verdict on reviews. Undefined when there is none of that number. Two
 * calls, more for a pull request with over a hundred reviews. Throws as GitHubClient does.
 */
export async function restFacts(client: GitHubClient, pull: number): Promise<PullFacts | undefined> {
  const { call, owner, repo } = client;
  try {
    const { data } = await call("GET /repos/{owner}/{repo}/pulls/{pull_number}", { owner, repo, pull_number: pull });
    const body = Body.parse(data);
    return {
      number: body.number,
      state: body.merged_at ? "merged" : body.state,
      isDraft: body.draft === true,
      head: body.head.sha,
      headBranch: body.head.ref,
      base: body.base.ref,
      mergeable: body.mergeable === true ? "yes" : body.mergeable === false ? "no" : "unknown",
      isBlocked: ["blocked", "unknown"].includes(body.mergeable_state ?? "unknown"),
      decision: "unknown",
      opinions: await opinionsOn(client, pull),
      author: body.user?.login ?? "ghost",
      labels: body.labels.map(({ name }) => name),
    };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** The last approval or request for changes of each reviewer who belongs to the repository, unless it was dismissed. */
async function opinionsOn({ call, owner, repo }: GitHubClient, pull: number): Promise<readonly Opinion[]> {
  const last = new Map<string, Opinion | undefined>();
  for (let page = 1; page <= MOST_PAGES; page++) {
    const { data } = await call("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", {
      owner,
      repo,
      pull_number: pull,
      per_page: 100,
      page,
    });
    for (const { user, state, commit_id: commit, author_association: association } of data) {
      if (!["OWNER", "MEMBER", "COLLABORATOR"].includes(association)) continue;
      const by = user?.login ?? "ghost";
      const seen = { by, commit: commit ?? undefined };
      if (state === "APPROVED") last.set(by, { ...seen, state: "approved" });
      else if (state === "CHANGES_REQUESTED") last.set(by, { ...seen, state: "changes_requested" });
      else if (state === "DISMISSED") last.set(by, undefined);
    }
    if (data.length < 100) break;
  }
  return [...last.values()].filter((opinion) => opinion !== undefined);
}
