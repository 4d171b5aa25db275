import type { Path } from "../batch.ts";
import type { Belief } from "../speculation/belief.ts";
import {
  type BuildProposal,
  likelyToLand,
  needsNoBuild,
  type Running,
  treeOf,
  type WaitingHead,
} from "../speculation/proposals.ts";
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
): BuildProposal[] {
  const { index } = draft;
  const left = timeLeft(draft);
  const found: BuildProposal[] = [];
  if (left.size === 0) return found;
  for (const { index: i, undecided: open } of heads) {
    if (found.length >= free) return found;
    const [around, ...more] = open.filter((other) => left.has(other.index));
    if (index.batch(i).position === undefined || around === undefined || more.length > 0) continue;
    // Others hold it up too: it is not yet the slow one that it waits for.
    if (open.some((other) => other !== around && !index.hasPassed(other.index))) continue;
    const likely = likelyToLand(open);
    const main = treeOf(index, { heads: [i], assumedLanded: likely });
    const proof = index
      .evidenceOf(i)
      .find((build) => build.passed && build.tree.agreesWith(main, index.unbypassedConflicts(i)));
    if (proof === undefined || WORTH * durationOf(proof.path) > (left.get(around.index) ?? 0)) continue;
    const assumedLanded = likely.filter((other) => other !== around.index);
    const bypass = { heads: [i], assumedLanded, logProbability: Math.log(1 - around.landProbability) };
    if (!needsNoBuild(index, belief, running, bypass)) found.push(bypass);
  }
  return found;
}

/** How many times as long as the head's own build the other must go on: then as much is saved as is spent. Less lands hardly anything earlier. */
const WORTH = 2;

/** How many times the upper quartile of build times makes a build slow whose own time is not known. */
const SLOW = 2;

/** Of the batches that have a place and are being built: for how many milliseconds more, probably. Only those of which that can be told. */
function timeLeft({ index, queue, now }: Draft): ReadonlyMap<number, number> {
  const usual = queue.history?.buildMs?.[2] ?? Number.POSITIVE_INFINITY;
  const left = new Map<number, number>();
  index.batches.forEach(({ state, position: order, paths }, i) => {
    if (state !== "speculating" || order === undefined) return;
    const before = Math.max(0, ...paths.filter((path) => path.state === "passed").map(durationOf));
    const running = paths.filter((path) => path.state === "building").map(({ startedAt }) => now - startedAt);
    const longest = Math.max(0, ...running.map((ran) => restOf(ran, before, usual)));
    if (longest > 0) left.set(i, longest);
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
