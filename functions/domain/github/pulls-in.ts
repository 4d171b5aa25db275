import { parseChangeUri } from "../../contracts/change-uri.ts";
import { RepositoryName } from "../../contracts/github.ts";
import type { GitSha } from "../../contracts/ids.ts";

/** A pull request that a change URI names, and the commit that the URI pins. */
interface NamedPull {
  readonly repository: RepositoryName;
  readonly pull: number;
  readonly head: GitSha;
}

/**
 * The pull requests that change URIs name, in the order of the URIs. All other changes are left out.
 *
 * Example: `github://github.com/acme/shop/pull/7/<commit>` is pull request 7 of `acme/shop`.
 */
export function pullsIn(changes: readonly string[]): readonly NamedPull[] {
  return changes.flatMap((uri): NamedPull[] => {
    const parsed = parseChangeUri(uri);
    if (!parsed.ok || parsed.change.scheme !== "github") return [];
    const { repo, pull, sha: head } = parsed.change;
    const repository = RepositoryName.safeParse(repo);
    return repository.success ? [{ repository: repository.data, pull, head }] : [];
  });
}
