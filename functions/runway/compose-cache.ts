import type { OpenedDirectory } from "../adapters/git/bare-repository.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { Tip } from "./tip.ts";

/** Where a change took a tip, and the commits that this added. */
export interface Placement {
  readonly tip: Tip;
  readonly commits: readonly GitSha[];
}

/** So many are kept of a repository: some hundreds of bytes each. */
const MAX_KEPT = 2_000;

const caches = new WeakMap<OpenedDirectory, Map<string, Placement>>();

/**
 * The placement that this process has worked out under a key, for as long as the objects of the directory are there. Composing is
 * deterministic, and the paths of a queue share their beginnings, so each placement is worked out once.
 */
export const recalled = (opened: OpenedDirectory, key: string): Placement | undefined => caches.get(opened)?.get(key);

/** Keeps a placement whose objects have been written: the next merge needs them. The oldest placement of a full cache goes. */
export function remember(opened: OpenedDirectory, key: string, placement: Placement): void {
  const cache = caches.get(opened) ?? new Map<string, Placement>();
  caches.set(opened, cache.set(key, placement));
  const [oldest] = cache.keys();
  if (cache.size > MAX_KEPT && oldest !== undefined) cache.delete(oldest);
}
