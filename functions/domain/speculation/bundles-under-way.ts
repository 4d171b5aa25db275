import type { Path } from "../batch.ts";
import type { QueueIndex } from "../queue-index.ts";
import { likelyToLand, proposedTreeOf, type WaitingHead } from "./heads.ts";
import { OutsideBundle } from "./outside-bundle.ts";

/** A path with several heads, and those of its heads that have not landed. */
interface LiveBundle {
  /** In landing order. */
  readonly heads: readonly WaitingHead[];
  readonly path: Path;
}

/**
 * The heads whose likeliest path a bundle already covers, so that the path needs no build of its own. A bundle covers its heads when
 * - it is being built, or has passed and waits to land,
 * - its tree is the likeliest one for each of its heads,
 * - no head outside it has to land between two of its heads,
 * - its first head is behind every head of the bundles counted before it: two bundles that overlap could each wait for the other.
 *
 * Example: the bundle [A, B] was built on X, which lands with 0.9. A and B are covered. Once X lands with less than one half, they are not.
 */
export function headsInBundles(index: QueueIndex, heads: readonly WaitingHead[]): ReadonlySet<number> {
  const covered = new Set<number>();
  let last = -1;
  for (const bundle of liveBundles(index, heads)) {
    const [first] = bundle.heads;
    if (first === undefined || first.landingOrder <= last || areSeparated(bundle.heads, heads)) continue;
    if (!isOnLikeliestPath(index, bundle)) continue;
    for (const { index: i, landingOrder } of bundle.heads) {
      covered.add(i);
      last = landingOrder;
    }
  }
  return covered;
}

/** The bundles that may yet land as a whole: each head has landed or is speculating. Sorted by their first heads, in landing order. */
function liveBundles(index: QueueIndex, heads: readonly WaitingHead[]): LiveBundle[] {
  const paths = index.batches.flatMap((batch) => batch.paths.filter(isLive));
  const headOf = new Map(paths.length > 0 ? heads.map((head) => [head.index, head]) : []);
  const found: LiveBundle[] = [];
  for (const path of paths) {
    const notLanded = [...index.bitsOf(path.heads)].filter((i) => !index.landed.has(i));
    const waiting = notLanded.flatMap((i) => headOf.get(i) ?? []);
    if (waiting.length < notLanded.length || index.isOutdated(path)) continue;
    found.push({ path, heads: waiting.sort((a, b) => a.landingOrder - b.landingOrder) });
  }
  return found.sort((a, b) => (a.heads[0]?.landingOrder ?? 0) - (b.heads[0]?.landingOrder ?? 0));
}

const isLive = ({ heads, state }: Path): boolean => heads.length > 1 && (state === "building" || state === "passed");

/** True when the bundle's tree agrees with what is likeliest about the relevant conflicts of each of its heads. */
function isOnLikeliestPath(index: QueueIndex, { heads, path }: LiveBundle): boolean {
  const indexes = heads.map((head) => head.index);
  const assumedLanded = heads.flatMap(({ undecided }) => likelyToLand(undecided));
  const likeliest = proposedTreeOf(index, { heads: indexes, assumedLanded });
  const tree = index.treeOf(path);
  return indexes.every((i) => tree.agreesWith(likeliest, index.relevantConflicts(i)));
}

/** True when a batch outside the bundle lands between two of its heads, so that these cannot land as a whole. */
function areSeparated(bundle: readonly WaitingHead[], heads: readonly WaitingHead[]): boolean {
  const inside = new Set(bundle);
  const outside = new OutsideBundle();
  return heads.some((head) => {
    if (!inside.has(head)) outside.pass(head);
    else if (outside.separates(head)) return true;
    else outside.enter(head);
    return false;
  });
}
