import type { Batch, Path } from "../batch.ts";
import { probabilityTier } from "../speculation/candidates.ts";
import type { BuildProposal } from "../speculation/heads.ts";
import type { Speculation } from "../speculation/speculation.ts";
import type { Draft } from "./draft.ts";

/** A running build is given up only for a proposal that is worth at least this many times as much. */
const MARGIN = 1.5;

/** A running build, and what it is worth. */
interface RunningBuild {
  readonly batch: Batch;
  readonly path: Path;
  /** The probability that its assumptions come true. */
  readonly probability: number;
  /** The probability, raised by up to its double the nearer the build is to its end. */
  readonly worth: number;
}

/**
 * Gives up the running build that is worth least, when the proposal is worth more by MARGIN. Also, the proposal must be in a likelier tier
 * than that build: else the build that was given up would be the first to start when the slot is free. True when a build was given up.
 *
 * Example: a build whose assumptions come true with 0.1 is half done: it is worth 0.1 · 1.5 = 0.15. A proposal with 0.9 replaces it. One
 * with 0.2 does not, since 0.2 < 0.15 · 1.5.
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
 * Bundles are left out, because they serve several heads. Builds of batches that prove themselves are left out, because their verdict can
 * be used whether or not the assumptions come true.
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
