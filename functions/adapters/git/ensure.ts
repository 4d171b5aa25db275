import { type ChangeUri, changeOf } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { type GitObject, peeled, readObjects } from "./objects.ts";
import { complaint } from "./process.ts";
import type { Repository } from "./repository.ts";

/** A change as git knows it: the pinned commit, and the ref that it was announced under. */
export interface PinnedChange {
  readonly uri: ChangeUri;
  readonly sha: GitSha;
  readonly ref: string;
}

export type Ensured =
  | {
      readonly kind: "present";
      readonly trunk: GitSha;
      readonly changes: readonly PinnedChange[];
      /** Everything that was asked for beside the changes, by name. */
      readonly seen: ReadonlyMap<string, GitObject>;
    }
  | { readonly kind: "refused"; readonly uri: ChangeUri; readonly reason: Reason };

/** The ref and commit of a change; undefined for a kind that lives in no git repository. The host and path of a URI are its identity, not an address. */
export function pinned(uri: ChangeUri): PinnedChange | undefined {
  const change = changeOf(uri);
  if (change.scheme === "git") return { uri, sha: change.sha, ref: change.ref };
  if (change.scheme === "github") return { uri, sha: change.sha, ref: `refs/pull/${change.pull}/head` };
  return undefined;
}

/**
 * Brings the trunk and the commits of all changes here: by their refs, in one fetch; and what the refs did not bring, by commit. A change
 * whose ref now points elsewhere is refused as stale, unless `checkStaleness` is false; a ref that is gone says nothing. `also` names
 * further refs to see in the same fetch. Costs one fetch and one `cat-file`; one more of each when a ref has moved or is gone.
 */
export async function ensureCommits(
  repository: Repository,
  uris: readonly ChangeUri[],
  { checkStaleness = true, also = [] }: { checkStaleness?: boolean; also?: readonly string[] } = {},
): Promise<Ensured> {
  const changes: PinnedChange[] = [];
  for (const uri of uris) {
    const change = pinned(uri);
    if (!change) return { kind: "refused", uri, reason: unsupported(uri) };
    changes.push(change);
  }
  const refs = [...new Set([repository.trunkRef, ...also, ...changes.map(({ ref }) => ref)])];
  const shas = changes.map(({ sha }) => sha);
  const seen = await repository.see(refs, shas);
  const trunk = repository.trunkIn(seen);
  const missing = shas.filter((sha) => !seen.has(sha));
  const fetched = missing.length > 0 ? await fetchCommits(repository, missing) : seen;
  for (const { uri, ref, sha } of changes) {
    const object = seen.get(sha) ?? fetched.get(sha);
    const moved = seen.get(ref);
    if (checkStaleness && moved && peeled(moved) !== sha)
      return { kind: "refused", uri, reason: stale(ref, sha, peeled(moved)) };
    if (!object) return { kind: "refused", uri, reason: notFound(ref, sha) };
    if (object.type !== "commit") return { kind: "refused", uri, reason: notACommit(sha, object.type) };
  }
  return { kind: "present", trunk, changes, seen };
}

/** A server may refuse a commit that it does not have, and refuses all with it: so each is asked for by itself when all at once fail. */
async function fetchCommits(repository: Repository, shas: readonly string[]): Promise<ReadonlyMap<string, GitObject>> {
  return repository.exclusively(async () => {
    const rounds = (await fetchable(repository, shas)) || shas.length === 1 ? [] : shas;
    for (const sha of rounds) await fetchable(repository, [sha]);
    return readObjects(repository, shas);
  });
}

/** False when the remote answered that it does not have them. Throws repository.unavailable when it did not answer. */
async function fetchable(repository: Repository, shas: readonly string[]): Promise<boolean> {
  const { exitCode, stderr } = await repository.tryFetch(shas);
  if (exitCode === 0) return true;
  if (/not our ref|unadvertised object|couldn't find remote ref|no such remote ref/i.test(stderr)) return false;
  throw new CodedError("repository.unavailable", `${repository.remote} could not be fetched: ${complaint(stderr)}`);
}

const short = (sha: string): string => sha.slice(0, 12);

const unsupported = (uri: ChangeUri): Reason => ({
  code: "change.unsupported",
  message: `This queue lands commits of a git repository, and ${uri.slice(0, 300)} names none. Use a git:// or github:// change.`,
});
const stale = (ref: string, sha: string, now: string): Reason => ({
  code: "change.stale",
  message: `${ref} has moved from ${short(sha)} to ${short(now)}. Request ${short(now)} to land what is there now.`,
});
const notFound = (ref: string, sha: string): Reason => ({
  code: "change.not_found",
  message: `Commit ${short(sha)} is not in the queue's repository, neither under ${ref} nor by itself. Push it, then request it again.`,
});
const notACommit = (sha: string, type: string): Reason => ({
  code: "change.not_found",
  message: `${short(sha)} is a ${type}, not a commit. Name the commit.`,
});
