import type { OpenedDirectory } from "../adapters/git/bare-repository.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { Tip } from "./tip.ts";

/** The tip after a change was applied, and the commits that were added. */
export interface Placement {
  readonly tip: Tip;
  readonly commits: readonly GitSha[];
}

/** How many placements are kept per repository. Each takes some hundreds of bytes. */
const MAX_KEPT = 2_000;

const caches = new WeakMap<OpenedDirectory, Map<string, Placement>>();

/**
 * The placement that this process has remembered under a key. Undefined when it has not, or when objects of the directory may have been
 * deleted since. Composing is deterministic, and many paths of a queue begin with the same batches, so a placement saves repeated merges.
 */
export const recalled = (opened: OpenedDirectory, key: string): Placement | undefined => caches.get(opened)?.get(key);

/** Remembers a placement, whose objects must have been written. When the cache is full, the oldest placement is forgotten. */
export function remember(opened: OpenedDirectory, key: string, placement: Placement): void {
  const cache = caches.get(opened) ?? new Map<string, Placement>();
  caches.set(opened, cache.set(key, placement));
  const [oldest] = cache.keys();
  if (cache.size > MAX_KEPT && oldest !== undefined) cache.delete(oldest);
}
