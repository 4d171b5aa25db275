import { refSafe } from "../../contracts/build-refs.ts";
import { hashOf } from "../../contracts/hash.ts";
import type { BatchId, BuildKey } from "../../contracts/ids.ts";

const ROOT = "refs/submitqueue";

/** The one ref that holds the records of all landings on a branch. The branch's name is hashed, since the refs of `a` and `a/b` could not stand side by side. */
export const recordsRef = (branch: string): string => `${ROOT}/records/${hashOf(branch).slice(0, 16)}`;

/** Beside the ref of each composed commit: a tag object that says of which batch it is and where that batch's own commits begin. */
export const composedRef = (head: BatchId, buildKey: BuildKey): string => `${composedPrefix(head)}${buildKey}`;
export const composedPrefix = (head: BatchId): string => `${ROOT}/composed/${refSafe(head)}/`;

export const COMPOSED_ROOT = `${ROOT}/composed/`;

/** Where this machine keeps its copy of a remote's ref. In a room of its own, since `a` today and `a/b` tomorrow may not share one. */
export const seenRef = (ref: string): string => `${seenRoom(ref)}/${ref}`;
const seenRoom = (ref: string): string => `refs/seen/${hashOf(ref).slice(0, 16)}`;

/**
 * A refspec for a ref that need not exist. git fails a whole fetch when a ref that is named outright is missing, but not when a pattern
 * matches nothing: so the name becomes a pattern, with a star before its last character (a whole one: half a surrogate pair
 * names nothing). It may bring a neighbour along, which is
 * harmless, and with --prune it forgets what is gone. The server is asked for that prefix alone, and not for every ref it has. A name
 * that ends in a slash stands for all refs below it.
 */
export function ifPresent(ref: string): string {
  const characters = [...ref];
  const last = characters.pop() ?? "";
  const pattern = last === "/" ? `${ref}*` : `${characters.join("")}*${last}`;
  return `+${pattern}:${seenRoom(ref)}/${pattern}`;
}
