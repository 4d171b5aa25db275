import type { Path } from "../batch.ts";
import type { QueueIndex } from "../queue-index.ts";
import { likelyToLand, proposedTreeOf, type WaitingHead } from "./heads.ts";
import { OutsideBundle } from "./outside-bundle.ts";

/** The path of a bundle that may yet land as a whole, and the heads of the path that have not landed. */
interface LiveBundle {
  /** In landing order. */
  readonly heads: readonly WaitingHead[];
  readonly path: Path;
}

/**
 * The heads whose likeliest path a bundle already covers, so that the path needs no build of its own. A bundle covers its heads when all of
 * these hold:
 * - The bundle is being built, or has passed and waits to land.
 * - For each of its heads, its tree and the tree of the likeliest path agree about the relevant conflicts.
 * - No head outside the bundle has to land between two of its heads.
 * - In landing order, its first head comes after all heads of each bundle that counts already.
 *
 * Example: the bundle [A, B] was built on X, which lands with 0.9. A and B are covered. Once X lands with less than one half, they are not.
 *
 * Example of the last condition: B conflicts with D, and A with C, and the landing order is A, B, C, D. Of the bundles [A, D] and [B, C], the
 * first cannot land before B, and the second cannot land before A. Each would wait for the other, so only [A, D] counts.
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

/**
 * The bundles that are being built or have passed, and each of whose heads has landed or is speculating. Sorted by the first head that has not
 * landed, in landing order.
 */
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

/** True for the path of a bundle that is being built or has passed. */
const isLive = ({ heads, state }: Path): boolean => heads.length > 1 && (state === "building" || state === "passed");

/** True when, for each head of the bundle, the bundle's tree and the tree of the likeliest path agree about the head's relevant conflicts. */
function isOnLikeliestPath(index: QueueIndex, { heads, path }: LiveBundle): boolean {
  const indexes = heads.map((head) => head.index);
  const assumedLanded = heads.flatMap(({ undecided }) => likelyToLand(undecided));
  const likeliest = proposedTreeOf(index, { heads: indexes, assumedLanded });
  const tree = index.treeOf(path);
  return indexes.every((i) => tree.agreesWith(likeliest, index.relevantConflicts(i)));
}

/** True when a head outside the bundle has to land between two heads of the bundle, so that the bundle cannot land as a whole. */
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
