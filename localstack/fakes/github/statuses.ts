import type { CommitStatus } from "./records.ts";
import { notFound, unprocessable } from "./refusal.ts";
import { commitOf } from "./repositories.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, type RepositoryState, repositoryOf, timestamp, userOf } from "./state.ts";

const MOST_PER_CONTEXT = 1_000;

/** Commit statuses: a list per commit and context, of which the last one counts. */
export function statusRoutes(hub: Hub): Routes {
  return {
    [`post ${R}/statuses/{sha}`]: {
      needs: "statuses:write",
      answer: async ({ repository, body, as, params: { sha = "" } }) => {
        const creator = as.kind === "user" ? as.login : "submitqueue[bot]";
        return ok(statusBody(await postStatus(hub, repository, { sha, creator, ...body })), 201);
      },
    },
    [`get ${R}/commits/{ref}/statuses`]: {
      needs: "statuses:read",
      answer: async ({ repository, page, params: { ref = "" } }) =>
        ok(page(await newestFirst(repository, ref)).map(statusBody)),
    },
    [`get ${R}/commits/{ref}/status`]: {
      needs: "statuses:read",
      answer: async ({ repository, page, params: { ref = "" } }) => {
        const sha = await repository.git.commitOf(ref);
        if (sha === undefined) throw notFound();
        const latest = latestPerContext(await newestFirst(repository, ref));
        return ok({
          state: combined(latest),
          sha,
          total_count: latest.length,
          statuses: page(latest).map(statusBody),
          repository: repositoryOf(repository, hub.url),
          commit_url: "",
          url: `${hub.url}/repos/${repository.fullName}/commits/${sha}/status`,
        });
      },
    },
  };
}

interface PostedStatus {
  readonly sha: string;
  readonly state: CommitStatus["state"];
  readonly creator: string;
  readonly context?: string;
  readonly description?: string | null;
  readonly target_url?: string | null;
}

/** Says how something stands about a commit, as any CI system with a token does. Throws 422 for a commit that is not there. */
export async function postStatus(hub: Hub, repository: RepositoryState, posted: PostedStatus): Promise<CommitStatus> {
  const { sha, state, creator, context = "default", description = null, target_url: targetUrl = null } = posted;
  if (!/^[0-9a-f]{40}$/.test(sha) || (await repository.git.commitOf(sha)) === undefined)
    throw unprocessable(`No commit found for SHA: ${sha}`);
  if (repository.statuses.filter((one) => one.sha === sha && one.context === context).length >= MOST_PER_CONTEXT)
    throw unprocessable("Validation Failed", [
      {
        resource: "Status",
        code: "custom",
        message: "This SHA and context has reached the maximum number of statuses.",
      },
    ]);
  const status = { id: hub.nextId(), sha, context, state, description, targetUrl, creator, createdAt: hub.now() };
  repository.statuses.push(status);
  const refs = await repository.git.refs("refs/heads/");
  const branches = [...refs].flatMap(([ref, tip]) =>
    tip === sha ? [{ name: ref.replace("refs/heads/", ""), commit: { sha, url: "" }, protected: false }] : [],
  );
  const { id, createdAt } = status;
  const at = timestamp(createdAt);
  const commit = withEmails(await commitOf(repository, sha, hub.url));
  const payload = {
    id,
    sha,
    name: repository.fullName,
    context,
    state,
    description,
    target_url: targetUrl,
    branches,
    commit,
    created_at: at,
    updated_at: at,
  };
  hub.emit(repository, "status", payload, creator);
  return status;
}

const withEmails = (commit: object): object => ({ ...commit, author: userOf("someone"), committer: userOf("someone") });

const statusBody = ({ id, context, state, description, targetUrl, creator, createdAt }: CommitStatus): object => ({
  id,
  state,
  context,
  description,
  target_url: targetUrl,
  created_at: timestamp(createdAt),
  updated_at: timestamp(createdAt),
  creator: userOf(creator),
});

async function newestFirst({ git, statuses }: RepositoryState, ref: string): Promise<CommitStatus[]> {
  const sha = await git.commitOf(ref);
  if (sha === undefined) throw notFound();
  return statuses.filter((status) => status.sha === sha).toReversed();
}

const latestPerContext = (statuses: readonly CommitStatus[]): CommitStatus[] =>
  statuses.filter((status, index) => statuses.findIndex(({ context }) => context === status.context) === index);

function combined(latest: readonly CommitStatus[]): string {
  if (latest.some(({ state }) => state === "failure" || state === "error")) return "failure";
  return latest.length === 0 || latest.some(({ state }) => state === "pending") ? "pending" : "success";
}
