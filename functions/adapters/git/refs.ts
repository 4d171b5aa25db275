import { refSafe } from "../../contracts/build-refs.ts";
import { hashOf } from "../../contracts/hash.ts";
import type { BatchId, BuildKey } from "../../contracts/ids.ts";

const ROOT = "refs/submitqueue";

/**
 * The one ref that holds the records of all landings on a branch. The branch's name is hashed, since the refs of `a` and `a/b` could not
 * stand side by side.
 */
export const recordsRef = (branch: string): string => `${ROOT}/records/${hashOf(branch).slice(0, 16)}`;

/** The ref, beside each composed commit's own, of a tag object that says which batch is the head and where its commits begin. */
export const composedRef = (head: BatchId, buildKey: BuildKey): string => `${composedPrefix(head)}${buildKey}`;
/** What the refs of all composed commits of one head begin with. */
export const composedPrefix = (head: BatchId): string => `${ROOT}/composed/${refSafe(head)}/`;

/** What the refs of all composed commits begin with. */
export const COMPOSED_ROOT = `${ROOT}/composed/`;

/**
 * The local ref in which this machine keeps its copy of a remote's ref. In a folder of its own, because git can't store the refs `a` and
 * `a/b` side by side.
 */
export const seenRef = (ref: string): string => `${seenRoom(ref)}/${ref}`;
const seenRoom = (ref: string): string => `refs/seen/${hashOf(ref).slice(0, 16)}`;

/**
 * A refspec for a ref that need not exist. git fails a whole fetch when the remote lacks a ref that is named in full, but not when a pattern
 * matches nothing. So the refspec is a pattern: the name with a star before its last character (a whole character, not half a surrogate
 * pair). The pattern may match other refs too, which is harmless. With --prune, the local copy of a deleted ref is removed. The server is
 * asked for the refs with that prefix alone. A name that ends in a slash stands for all refs below it.
 */
export function ifPresent(ref: string): string {
  const characters = [...ref];
  const last = characters.pop() ?? "";
  const pattern = last === "/" ? `${ref}*` : `${characters.join("")}*${last}`;
  return `+${pattern}:${seenRoom(ref)}/${pattern}`;
}
