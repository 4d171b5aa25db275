import type { Batch, Path } from "../batch.ts";
import type { Belief } from "../speculation/belief.ts";
import { probabilityTier } from "../speculation/candidates.ts";
import type { BuildProposal } from "../speculation/proposals.ts";
import type { Draft } from "./draft.ts";

/** A build is given up only for one that is at least this much likelier to be needed. */
export const MARGIN = 1.5;

/**
 * Gives up the running build that is worth least, when the proposal is worth more than it and what it has already cost: a build
 * half done counts half as much again. Only for a proposal that goes first when the slot is free: else the build that was given up
 * would be the next to start. True when one was given up.
 */
export function preempt(draft: Draft, belief: Belief, proposal: BuildProposal): boolean {
  const candidate = Math.exp(proposal.logProbability);
  const expected = draft.queue.history?.buildMs?.[1];
  let least:
    | { readonly batch: Batch; readonly path: Path; readonly chance: number; readonly worth: number }
    | undefined;
  draft.index.batches.forEach((batch, i) => {
    for (const path of batch.paths) {
      // A bundle serves several heads, and what proves itself does so whatever becomes of the guess: no single guess is worth more.
      if (path.state !== "building" || path.heads.length > 1 || draft.index.provesItself(i)) continue;
      const done = expected === undefined ? 0.5 : Math.min(1, (draft.now - path.startedAt) / expected);
      const chance = chanceOf(draft, belief, i, path);
      const worth = chance * (1 + done);
      if (least === undefined || worth < least.worth) least = { batch, path, chance, worth };
    }
  });
  if (least === undefined || candidate < least.worth * MARGIN) return false;
  if (probabilityTier(proposal.logProbability) >= probabilityTier(Math.log(least.chance))) return false;
  const { batch, path: given } = least;
  const paths = batch.paths.map((path) => (path === given ? { ...path, state: "cancelling" as const } : path));
  draft.put({ ...batch, paths });
  return true;
}

/** The probability that the assumptions of a path under way come true. */
function chanceOf({ index }: Draft, belief: Belief, i: number, path: Path): number {
  const tree = index.treeOf(path);
  return index.undecidedAhead(i).reduce((chance, other) => {
    const lands = belief.landProbability(other);
    return chance * (tree.has(other) ? lands : 1 - lands);
  }, 1);
}
