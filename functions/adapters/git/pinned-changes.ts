import { type ChangeUri, changeOf } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { Reason } from "../../contracts/reasons.ts";
import type { GitObject } from "./object-reader.ts";
import { taggedCommit } from "./objects.ts";
import { seenRef } from "./refs.ts";
import { refusals } from "./refusals.ts";
import type { Repository } from "./repository.ts";
import { troubleWith } from "./trouble.ts";

/** A change as git knows it: the pinned commit, and the ref that it was announced under. */
export interface PinnedChange {
  readonly uri: ChangeUri;
  readonly sha: GitSha;
  readonly ref: string;
}

/**
 * The ref and commit of a change URI. Undefined for a kind of change that is not in a git repository. Host and path of the URI only name the
 * change; they are not used as an address.
 */
export function pinned(uri: ChangeUri): PinnedChange | undefined {
  const change = changeOf(uri);
  if (change.scheme === "git") return { uri, sha: change.sha, ref: change.ref };
  if (change.scheme === "github") return { uri, sha: change.sha, ref: `refs/pull/${change.pull}/head` };
  return undefined;
}

/** The trunk's commit, and the refs and objects that were found, by name. */
export interface RemoteRefs {
  readonly trunk: GitSha;
  readonly seen: ReadonlyMap<string, GitObject>;
}

/**
 * Reads the trunk, the refs and commits of changes, and the refs and objects of `also`. The refs come in one fetch. A commit that the refs
 * did not bring is fetched by its id, in a second fetch; only for changes for which `needs` is true. One fetch and one `cat-file`, or two of
 * each.
 */
export async function readRemote(
  repository: Repository,
  changes: readonly PinnedChange[],
  also: { readonly refs?: readonly string[]; readonly objects?: readonly string[] } = {},
  needs: (change: PinnedChange, seen: RemoteRefs["seen"]) => boolean = () => true,
): Promise<RemoteRefs> {
  const refs = [...new Set([repository.trunkRef, ...(also.refs ?? []), ...changes.map(({ ref }) => ref)])];
  const names = changes.flatMap(({ sha, ref }) => [sha, tipOf(ref)]);
  const seen = await repository.see(refs, [...names, ...(also.objects ?? [])]);
  const trunk = repository.trunkIn(seen);
  const missing = changes.filter((change) => !seen.has(change.sha) && needs(change, seen)).map(({ sha }) => sha);
  if (missing.length === 0) return { trunk, seen };
  return { trunk, seen: new Map([...seen, ...(await fetchCommits(repository, missing))]) };
}

/** The name of the object that a ref of the remote leads to, behind any number of annotated tags. */
export const tipOf = (ref: string): string => `${seenRef(ref)}^{}`;

/**
 * Why the change can't be used. Undefined when it can be used: also when the remote has deleted the change's ref, as long as the commit was
 * found. With `checkStaleness`, a ref that leads to another commit is a reason. Throws repository.unavailable when the ref exists and its
 * object can't be read: then nothing is known about the change.
 */
export function faultOf({ seen }: RemoteRefs, change: PinnedChange, checkStaleness: boolean): Reason | undefined {
  const [named, tip, object] = [seen.get(change.ref), seen.get(tipOf(change.ref)), seen.get(change.sha)];
  if (named && !tip) throw new CodedError("repository.unavailable", `${change.ref} could not be read after its fetch`);
  if (object?.type === "tag") return refusals.aTag(change, named?.sha === change.sha ? tip?.sha : taggedCommit(object));
  if (object && object.type !== "commit") return refusals.notACommit(change, object.type);
  if (checkStaleness && tip && tip.sha !== change.sha) return refusals.stale(change, tip.sha);
  return object ? undefined : refusals.notFound(change);
}

/** present: the commits of all changes are in the local repository. refused: one change can't be used, now or ever. */
export type Ensured =
  | { readonly kind: "present"; readonly trunk: GitSha; readonly changes: readonly PinnedChange[] }
  | { readonly kind: "refused"; readonly uri: ChangeUri; readonly reason: Reason };

/** Fetches the trunk and the commits of all changes. Costs as `readRemote`. `refused` names the first change that can't be used (`faultOf`). */
export async function ensureCommits(
  repository: Repository,
  uris: readonly ChangeUri[],
  { checkStaleness = true }: { checkStaleness?: boolean } = {},
): Promise<Ensured> {
  const changes = uris.map((uri) => ({ uri, change: pinned(uri) }));
  const known = changes.flatMap(({ change }) => change ?? []);
  const foreign = changes.find(({ change }) => change === undefined);
  if (foreign) return { kind: "refused", uri: foreign.uri, reason: refusals.unsupported(foreign.uri) };
  const remote = await readRemote(repository, known);
  for (const change of known) {
    const reason = faultOf(remote, change, checkStaleness);
    if (reason) return { kind: "refused", uri: change.uri, reason };
  }
  return { kind: "present", trunk: remote.trunk, changes: known };
}

/**
 * Fetches commits by their ids: all at once, or one by one when that fails, because a server refuses a whole fetch for one commit that it
 * does not have.
 */
async function fetchCommits(repository: Repository, shas: readonly string[]): Promise<ReadonlyMap<string, GitObject>> {
  return repository.exclusively(async () => {
    const rounds = (await fetchable(repository, shas)) || shas.length === 1 ? [] : shas;
    for (const sha of rounds) await fetchable(repository, [sha]);
    return repository.opened.objects.readAll(shas);
  });
}

/**
 * Fetches commits. False when the remote answered that it does not have one of them. Throws repository.unavailable when the remote did not
 * answer.
 */
async function fetchable(repository: Repository, shas: readonly string[]): Promise<boolean> {
  const { exitCode, stderr } = await repository.tryFetch(shas);
  if (exitCode === 0) return true;
  if (/not our ref|unadvertised object|couldn't find remote ref|no such remote ref/i.test(stderr)) return false;
  throw troubleWith(repository.remote, "fetched", stderr);
}
