import type { Batch, Path } from "../batch.ts";
import { probabilityTier } from "../speculation/candidates.ts";
import type { BuildProposal } from "../speculation/heads.ts";
import type { Speculation } from "../speculation/speculation.ts";
import type { Draft } from "./draft.ts";

/** A running build is given up only for a proposal whose probability is at least this many times the build's `worth`. */
const MARGIN = 1.5;

/** A running build, and what it is worth. */
interface RunningBuild {
  readonly batch: Batch;
  readonly path: Path;
  /** The probability that its assumptions come true. */
  readonly probability: number;
  /** `probability` · (1 + the share of the median build time that has passed, at most 1). The share is 0.5 when no median is known. */
  readonly worth: number;
}

/**
 * Gives up the running build that is worth least, when the proposal is worth more by MARGIN and is in a likelier tier than the build. Without
 * the rule about tiers, the build that was given up could be the next to start, as soon as its slot is free. True when a build was given up.
 *
 * Example: the assumptions of a build come true with 0.1, and half of the median build time has passed, so it is worth 0.1 · 1.5 = 0.15. A
 * proposal with 0.9 replaces it. A proposal with 0.2 does not, since 0.2 < 0.15 · 1.5.
 */
export function preempt(draft: Draft, speculation: Speculation, proposal: BuildProposal): boolean {
  const least = leastWorthBuild(draft, speculation);
  if (least === undefined || Math.exp(proposal.logProbability) < least.worth * MARGIN) return false;
  if (probabilityTier(proposal.logProbability) >= probabilityTier(Math.log(least.probability))) return false;
  const { batch, path: given } = least;
  const paths = batch.paths.map((path) => (path === given ? { ...path, state: "cancelling" as const } : path));
  draft.put({ ...batch, paths });
  return true;
}

/**
 * The running build that is worth least. Undefined when there is none. Bundles are left out, because they serve several heads. Builds of
 * batches that prove themselves are left out, because their verdict can be used whether or not the assumptions come true.
 */
function leastWorthBuild(draft: Draft, speculation: Speculation): RunningBuild | undefined {
  const { index } = speculation;
  const medianMs = draft.queue.history?.buildMs?.[1];
  let least: RunningBuild | undefined;
  for (const [i, batch] of index.batches.entries()) {
    for (const path of batch.paths) {
      if (path.state !== "building" || path.heads.length > 1 || index.anyPassEndsProbation(i)) continue;
      const done = medianMs === undefined ? 0.5 : Math.min(1, (draft.now - path.startedAt) / medianMs);
      const probability = probabilityOf(speculation, i, path);
      const worth = probability * (1 + done);
      if (least === undefined || worth < least.worth) least = { batch, path, probability, worth };
    }
  }
  return least;
}

/** The probability that the assumptions of a running path come true. */
function probabilityOf({ index, belief }: Speculation, head: number, path: Path): number {
  const tree = index.treeOf(path);
  return index.undecidedAhead(head).reduce((product, other) => {
    const landProbability = belief.landProbability(other);
    return product * (tree.has(other) ? landProbability : 1 - landProbability);
  }, 1);
}
