import type { Path } from "../batch.ts";
import { type BuildProposal, likelyToLand, proposedTreeOf, type WaitingHead } from "../speculation/heads.ts";
import { needsNoBuild } from "../speculation/proposals.ts";
import type { Speculation } from "../speculation/speculation.ts";
import type { Draft } from "./draft.ts";

/**
 * At most `free` builds that let heads bypass a slow batch. A head gets such a build when it has passed on its likeliest path and every
 * undecided batch ahead has passed too, but for one slow batch, whose build will go on for at least twice as long as the head's own took.
 * The head is then also built without the slow batch. Once both builds have passed, the head need not wait. A head bypasses only one slow
 * batch, since each more doubles the builds, and measured worse per build. See Uber, "Bypassing Large Diffs in SubmitQueue" (2023).
 *
 * Example: S ← H. {S, H} has passed in 5 minutes, and the build of S will run for 20 more. {H} is built. If it passes, H lands before S.
 */
export function bypasses(
  draft: Draft,
  speculation: Speculation,
  heads: readonly WaitingHead[],
  free: number,
): BuildProposal[] {
  const { index } = speculation;
  const left = timeLeft(draft);
  const found: BuildProposal[] = [];
  if (left.size === 0) return found;
  for (const { index: i, undecided } of heads) {
    if (found.length >= free) return found;
    const [slow, ...moreSlow] = undecided.filter((other) => left.has(other.index));
    if (index.batch(i).position === undefined || slow === undefined || moreSlow.length > 0) continue;
    const waitsForOthers = undecided.some((other) => other !== slow && !index.hasPassed(other.index));
    if (waitsForOthers) continue;
    const likely = likelyToLand(undecided);
    const likeliestTree = proposedTreeOf(index, { heads: [i], assumedLanded: likely });
    const passed = index
      .evidenceOf(i)
      .find((build) => build.passed && build.tree.agreesWith(likeliestTree, index.unbypassedConflicts(i)));
    if (passed === undefined || WORTHWHILE_RATIO * durationOf(passed.path) > (left.get(slow.index) ?? 0)) continue;
    const assumedLanded = likely.filter((other) => other !== slow.index);
    const bypass = { heads: [i], assumedLanded, logProbability: Math.log(1 - slow.landProbability) };
    if (!needsNoBuild(speculation, bypass)) found.push(bypass);
  }
  return found;
}

/**
 * The slow build must go on for at least this many times the duration of the head's own build. So a bypass saves at least as much time as its
 * own build takes. With a lower ratio, hardly any batch lands earlier.
 */
const WORTHWHILE_RATIO = 2;

/** A build of a batch that has not passed before is slow when it has run for this many times the upper quartile of build times. */
const SLOW_RATIO = 2;

/**
 * Per speculating batch with a position: the estimated milliseconds until the longest of its running builds ends. Batches are left out when
 * nothing can be estimated (`estimateLeft`).
 */
function timeLeft({ index, queue, now }: Draft): ReadonlyMap<number, number> {
  const upperQuartile = queue.history?.buildMs?.[2] ?? Number.POSITIVE_INFINITY;
  const left = new Map<number, number>();
  index.batches.forEach(({ state, position, paths }, i) => {
    if (state !== "speculating" || position === undefined) return;
    const before = Math.max(0, ...paths.filter((path) => path.state === "passed").map(durationOf));
    const running = paths.filter((path) => path.state === "building").map(({ startedAt }) => now - startedAt);
    const longest = Math.max(0, ...running.map((ran) => estimateLeft(ran, before, upperQuartile)));
    if (longest > 0) left.set(i, longest);
  });
  return left;
}

/**
 * How much longer a build will run that has run for `ran`. All times are milliseconds. `before` is the longest passed build of the same batch,
 * or 0: a build is expected to take as long again. Beyond that, only a slow build can be estimated. Build times are heavy-tailed, so a slow
 * build will probably go on for as long as it has run. 0 when nothing can be estimated.
 *
 * Example: the upper quartile is 10 minutes. A build that has run for 4 minutes goes on for 2 when the batch has passed in 6 before, and for
 * an unknown time (0) when it never passed. A build that has run for 25 minutes goes on for 25.
 */
function estimateLeft(ran: number, before: number, upperQuartile: number): number {
  if (before > ran) return before - ran;
  return ran > SLOW_RATIO * upperQuartile ? ran : 0;
}

/** How many milliseconds a build took. 0 while it has not ended. */
const durationOf = ({ startedAt, endedAt }: Path): number => (endedAt ?? startedAt) - startedAt;
