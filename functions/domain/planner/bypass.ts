import type { Path } from "../batch.ts";
import { agreeWithin } from "../bits.ts";
import type { Belief } from "../speculation/belief.ts";
import { isKnown, likelyOf, type Proposal, type Running, treeOf, type WaitingHead } from "../speculation/proposals.ts";
import type { Draft } from "./draft.ts";

/**
 * What is left of the budget goes to bypasses: a head that has passed on its likeliest guess, and that waits for one batch whose
 * build will take much longer than its own, is also built on the guess without it. Once both ways are proven it need not wait. Heads
 * behind it follow, one after the other. One slow batch at a time: each more doubles the builds, and measured worse per build spent.
 * See Uber, "Bypassing Large Diffs in SubmitQueue" (2023).
 */
export function bypasses(
  draft: Draft,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  free: number,
): Proposal[] {
  const { field } = draft;
  const left = timeLeft(draft);
  const found: Proposal[] = [];
  if (left.size === 0) return found;
  for (const { slot, open } of heads) {
    if (found.length >= free) return found;
    const [around, ...more] = open.filter((other) => left.has(other.slot));
    if (field.batch(slot).order === undefined || around === undefined || more.length > 0) continue;
    // Others hold it up too: it is not yet the slow one that it waits for.
    if (open.some((other) => other !== around && !field.hasPassed(other.slot))) continue;
    const likely = likelyOf(open);
    const main = treeOf(field, { heads: [slot], landing: likely });
    const proof = field.factsOf(slot).find((fact) => fact.passed && agreeWithin(fact.tree, main, field.nearOf(slot)));
    if (proof === undefined || WORTH * durationOf(proof.path) > (left.get(around.slot) ?? 0)) continue;
    const landing = likely.filter((other) => other !== around.slot);
    const bypass = { heads: [slot], landing, logProbability: Math.log(1 - around.lands) };
    if (!isKnown(field, belief, running, bypass)) found.push(bypass);
  }
  return found;
}

/** How many times as long as the head's own build the other must go on: then as much is saved as is spent. Less lands hardly anything earlier. */
const WORTH = 2;

/** How many times the upper quartile of build times makes a build slow whose own time is not known. */
const SLOW = 2;

/** Of the batches that have a place and are being built: for how many milliseconds more, probably. Only those of which that can be told. */
function timeLeft({ field, queue, now }: Draft): ReadonlyMap<number, number> {
  const usual = queue.history?.buildMs?.[2] ?? Number.POSITIVE_INFINITY;
  const left = new Map<number, number>();
  field.batches.forEach(({ state, order, paths }, slot) => {
    if (state !== "speculating" || order === undefined) return;
    const before = Math.max(0, ...paths.filter((path) => path.state === "passed").map(durationOf));
    const running = paths.filter((path) => path.state === "building").map(({ startedAt }) => now - startedAt);
    const longest = Math.max(0, ...running.map((ran) => restOf(ran, before, usual)));
    if (longest > 0) left.set(slot, longest);
  });
  return left;
}

/**
 * What has passed before takes as long again. Of others only the slow ones tell: build times being heavy-tailed, they will probably go
 * on for as long as they have.
 */
function restOf(ran: number, before: number, usual: number): number {
  if (before > ran) return before - ran;
  return ran > SLOW * usual ? ran : 0;
}

/** Of a build that has ended, in milliseconds. */
const durationOf = ({ startedAt, endedAt }: Path): number => (endedAt ?? startedAt) - startedAt;
