import type { BitSet } from "../bit-set.ts";
import type { QueueIndex } from "../queue-index.ts";
import { Belief } from "./belief.ts";
import { headsInBundles } from "./bundles-under-way.ts";
import { type WaitingHead, waitingHeads } from "./heads.ts";
import type { Prediction } from "./scorer.ts";

/** What one run of the planner knows when it decides what to build. Made once per run, and not changed by the decisions. */
export interface Speculation {
  readonly index: QueueIndex;
  /** How likely each batch is to land. */
  readonly belief: Belief;
  /** By batch: the trees of the builds under way that have the batch as a head. No entry when there are none. */
  readonly running: ReadonlyMap<number, readonly BitSet[]>;
  /** The batches that are speculating, in landing order. Those on probation come last. */
  readonly heads: readonly WaitingHead[];
  /** The heads whose likeliest path needs no build, because a bundle that is being built, or has passed, covers that path (`headsInBundles`). */
  readonly inBundles: ReadonlySet<number>;
}

/**
 * Makes the Speculation of a run. `predict` answers what is expected of batch i before a build of it has passed. `clashRate` is how likely two
 * batches that conflict are to fail together.
 */
export function speculationOn(index: QueueIndex, predict: (i: number) => Prediction, clashRate: number): Speculation {
  const belief = new Belief(index, predict, clashRate);
  const heads = waitingHeads(index, belief);
  return { index, belief, running: treesUnderWay(index), heads, inBundles: headsInBundles(index, heads) };
}

function treesUnderWay(index: QueueIndex): Speculation["running"] {
  const trees = new Map<number, BitSet[]>();
  for (const path of index.batches.flatMap((batch) => batch.paths)) {
    if (path.state !== "building") continue;
    for (const id of path.heads) {
      const i = index.indexOf(id);
      if (i !== undefined) trees.set(i, [...(trees.get(i) ?? []), index.treeOf(path)]);
    }
  }
  return trees;
}
