import type { GitSha } from "../../contracts/ids.ts";
import type { Tip } from "./tip.ts";

/** Where a change took a tip, and the commits that this added. */
export interface Placement {
  readonly tip: Tip;
  readonly commits: readonly GitSha[];
}

/** So many are kept of a repository: some hundreds of bytes each. */
const MAX_KEPT = 2_000;

const memos = new Map<string, Map<string, Placement>>();

/**
 * What this process has worked out in a repository's directory, for as long as its objects are there. Composing is deterministic, and the
 * paths of a queue share their beginnings: so each is worked out once.
 */
export const recalled = (directory: string, key: string): Placement | undefined => memos.get(directory)?.get(key);

/** Only what has been written: a placement stands for objects that the next merge needs. */
export function remember(directory: string, key: string, placement: Placement): void {
  const memo = memos.get(directory) ?? new Map<string, Placement>();
  memos.set(directory, memo.set(key, placement));
  const [oldest] = memo.keys();
  if (memo.size > MAX_KEPT && oldest !== undefined) memo.delete(oldest);
}

/** The objects of the directory are gone, or may be. */
export const forget = (directory: string): boolean => memos.delete(directory);
