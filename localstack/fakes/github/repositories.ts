import { notFound } from "./refusal.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, type RepositoryState, repositoryOf, userOf } from "./state.ts";

/** Repositories, and commits as the truth of the bare repository. */
export function repositoryRoutes(hub: Hub, repositories: ReadonlyMap<string, RepositoryState>): Routes {
  return {
    [`get ${R}`]: {
      needs: "metadata:read",
      answer: ({ repository, as }) => {
        const push = as.kind === "user" && as.access === "write";
        return ok({
          ...repositoryOf(repository, hub.url),
          delete_branch_on_merge: repository.deletesBranches,
          permissions: { admin: false, push, pull: as.kind === "user" },
        });
      },
    },
    [`get ${R}/collaborators/{username}/permission`]: {
      needs: "metadata:read",
      answer: ({ repository, params }) => {
        const login = params["username"] ?? "";
        const permission = repository.collaborators.get(login) ?? "read";
        return ok({ permission, role_name: permission, user: userOf(login) });
      },
    },
    "get /installation/repositories": {
      only: "installation",
      answer: ({ as, page }) => {
        const seen = as.kind === "installation" ? as.repositories : undefined;
        const all = [...repositories.values()].filter(({ name }) => seen?.includes(name) ?? true);
        return ok({ total_count: all.length, repositories: page(all).map((one) => repositoryOf(one, hub.url)) });
      },
    },
    [`get ${R}/commits`]: {
      needs: "contents:read",
      answer: async ({ repository, query, page }) => {
        const from = await repository.git.commitOf(query.get("sha") ?? repository.defaultBranch);
        if (from === undefined) throw notFound();
        const shas = page(await repository.git.log(from, { count: 1_000 }));
        return ok(await Promise.all(shas.map((sha) => commitOf(repository, sha, hub.url))));
      },
    },
    [`get ${R}/commits/{ref}`]: {
      needs: "contents:read",
      answer: async ({ repository, params: { ref = "" } }) => {
        const sha = await repository.git.commitOf(ref);
        if (sha === undefined) throw notFound();
        return ok(await commitOf(repository, sha, hub.url));
      },
    },
  };
}

export async function commitOf({ git, fullName }: RepositoryState, sha: string, url: string): Promise<object> {
  const { tree, parents, author, committer, message } = await git.commit(sha);
  return {
    sha,
    url: `${url}/repos/${fullName}/commits/${sha}`,
    html_url: `https://github.invalid/${fullName}/commit/${sha}`,
    commit: { author, committer, message, tree: { sha: tree, url: "" } },
    parents: parents.map((parent) => ({ sha: parent, url: "" })),
  };
}
