import { NO_COMMIT, type RefChange } from "./bare-repository.ts";
import { loginOf } from "./identity.ts";
import { notFound, unprocessable } from "./refusal.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, type RepositoryState, repositoryOf, timestamp, userOf } from "./state.ts";

/** Git refs. */
export function refRoutes(hub: Hub, synced: (repository: RepositoryState, by: string) => Promise<void>): Routes {
  const shown = ({ fullName }: RepositoryState, ref: string, sha: string) => ({
    ref,
    url: `${hub.url}/repos/${fullName}/git/${ref}`,
    object: { type: "commit", sha, url: `${hub.url}/repos/${fullName}/git/commits/${sha}` },
  });
  const found = async ({ git }: RepositoryState, ref: string) => (await git.refs(`refs/${ref}`)).get(`refs/${ref}`);
  return {
    [`get ${R}/git/ref/{ref}`]: {
      needs: "contents:read",
      answer: async ({ repository, params: { ref = "" } }) => {
        const sha = await found(repository, ref);
        if (sha === undefined) throw notFound();
        return ok(shown(repository, `refs/${ref}`, sha));
      },
    },
    [`get ${R}/git/matching-refs/{ref}`]: {
      needs: "contents:read",
      answer: async ({ repository, params: { ref = "" } }) => {
        const all = await repository.git.refs();
        const matching = [...all].filter(([name]) => name.startsWith(`refs/${ref}`));
        return ok(matching.map(([name, sha]) => shown(repository, name, sha)));
      },
    },
    [`post ${R}/git/refs`]: {
      needs: "contents:write",
      answer: async ({ repository, body, as }) => {
        const { ref, sha } = body as { ref: string; sha: string };
        if (!/^refs\/\w+\/./.test(ref) || !repository.git.isRefName(ref))
          throw unprocessable("Reference name is invalid");
        if ((await repository.git.commitOf(sha)) === undefined) throw unprocessable("Object does not exist");
        if ((await repository.git.refs(ref)).has(ref)) throw unprocessable("Reference already exists");
        if (!(await repository.git.update(ref, sha))) throw unprocessable("Reference update failed");
        await synced(repository, loginOf(as));
        return ok(shown(repository, ref, sha), 201);
      },
    },
    [`patch ${R}/git/refs/{ref}`]: {
      needs: "contents:write",
      answer: async ({ repository, body, as, params: { ref = "" } }) => {
        const { sha, force = false } = body as { sha: string; force?: boolean };
        const was = await found(repository, ref);
        if (was === undefined) throw unprocessable("Reference does not exist");
        if ((await repository.git.commitOf(sha)) === undefined) throw unprocessable("Object does not exist");
        if (!force && !(await repository.git.holds(sha, was))) throw unprocessable("Update is not a fast forward");
        if (!(await repository.git.update(`refs/${ref}`, sha, was))) throw unprocessable("Reference update failed");
        await synced(repository, loginOf(as));
        return ok(shown(repository, `refs/${ref}`, sha));
      },
    },
    [`delete ${R}/git/refs/{ref}`]: {
      needs: "contents:write",
      answer: async ({ repository, as, params: { ref = "" } }) => {
        if (!(await repository.git.delete(`refs/${ref}`))) throw unprocessable("Reference does not exist");
        await synced(repository, loginOf(as));
        return { status: 204 };
      },
    },
  };
}

/** Tells of a ref that has changed: a push, and for a ref that came or went also create or delete. */
export async function pushed(
  hub: Hub,
  repository: RepositoryState,
  { ref, before, after }: RefChange,
  by: string,
): Promise<void> {
  const kind = ref.startsWith("refs/heads/") ? "branch" : ref.startsWith("refs/tags/") ? "tag" : undefined;
  // GitHub tells of branches and tags alone.
  if (kind === undefined) return;
  const name = ref.replace(/^refs\/(heads|tags)\//, "");
  const [created, deleted] = [before === NO_COMMIT, after === NO_COMMIT];
  const common = { pusher_type: "user", ref: name, ref_type: kind };
  if (created)
    hub.emit(repository, "create", { ...common, master_branch: repository.defaultBranch, description: null }, by);
  if (deleted) hub.emit(repository, "delete", common, by);
  const forced = !created && !deleted && !(await repository.git.holds(after, before));
  const head = deleted ? null : await pushCommit(repository, after);
  const payload = {
    ref,
    before,
    after,
    base_ref: null,
    created,
    deleted,
    forced,
    compare: "https://github.invalid/compare",
    commits: created || head === null ? [] : [head],
    head_commit: head,
    pusher: { name: by, email: null },
    repository: {
      ...repositoryOf(repository, hub.url),
      pushed_at: Math.floor(hub.now() / 1_000),
      created_at: 1_767_225_600,
    },
    sender: userOf(by),
  };
  hub.emit(repository, "push", payload, by);
}

async function pushCommit({ git, fullName }: RepositoryState, sha: string): Promise<object> {
  const { tree, message, author, committer } = await git.commit(sha);
  const person = ({ name, email }: typeof author) => ({ name, email });
  return {
    id: sha,
    tree_id: tree,
    distinct: true,
    message,
    timestamp: timestamp(Date.parse(committer.date)),
    url: `https://github.invalid/${fullName}/commit/${sha}`,
    author: person(author),
    committer: person(committer),
    added: [],
    removed: [],
    modified: [],
  };
}
