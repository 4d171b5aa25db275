import { agreeWithin } from "../bits.ts";
import type { Belief } from "../speculation/belief.ts";
import { isKnown, likelyOf, type Proposal, type Running, treeOf, type WaitingHead } from "../speculation/proposals.ts";
import type { Draft } from "./draft.ts";

/**
 * What is left of the budget goes to bypasses: a head that has passed on its likeliest guess, and that waits for one batch whose
 * build takes unusually long, is also built on the guess without it. Once both ways are proven it need not wait. Heads behind it
 * follow, one after the other. One slow batch at a time: each more doubles the builds, and measured worse per build spent. See Uber,
 * "Bypassing Large Diffs in SubmitQueue" (2023).
 */
export function bypasses(
  draft: Draft,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  free: number,
): Proposal[] {
  const { field } = draft;
  const slow = slowBatches(draft);
  const found: Proposal[] = [];
  if (slow.size === 0) return found;
  for (const { slot, open } of heads) {
    if (found.length >= free) return found;
    const [around, ...more] = open.filter((other) => slow.has(other.slot));
    if (field.batch(slot).order === undefined || around === undefined || more.length > 0) continue;
    // Others hold it up too: it is not yet the slow one that it waits for.
    if (open.some((other) => other !== around && !field.hasPassed(other.slot))) continue;
    const likely = likelyOf(open);
    const main = treeOf(field, { heads: [slot], landing: likely });
    if (!field.factsOf(slot).some((fact) => fact.passed && agreeWithin(fact.tree, main, field.nearOf(slot)))) continue;
    const landing = likely.filter((other) => other !== around.slot);
    const bypass = { heads: [slot], landing, logProbability: Math.log(1 - around.lands) };
    if (!isKnown(field, belief, running, bypass)) found.push(bypass);
  }
  return found;
}

/** How many times the upper quartile of build times makes a build slow. Less doubles the builds, and lands hardly anything earlier. */
const SLOW = 2;

/** Those whose build has run for so long that, build times being heavy-tailed, it will probably run for much longer. */
function slowBatches({ field, queue, now }: Draft): ReadonlySet<number> {
  const usual = queue.history?.buildMs?.[2];
  const slow = new Set<number>();
  if (usual === undefined) return slow;
  field.batches.forEach((batch, slot) => {
    if (batch.state !== "speculating" || batch.order === undefined) return;
    if (batch.paths.some((path) => path.state === "building" && now - path.startedAt > SLOW * usual)) slow.add(slot);
  });
  return slow;
}
