import { happeningEvent, type LogEvent, statusEvent } from "../../contracts/log-event.ts";
import type { Batch } from "../batch.ts";
import { clashOf } from "../speculation/history.ts";
import { scorerFor, tellsApart } from "../speculation/scorer.ts";
import { announce, type Draft } from "./draft.ts";

/**
 * Of the failures that are due to conflicts, the share that a build during probation finds. The others are conflicts with batches that
 * arrive later. Measured: doc/rfc/speculation.md.
 */
const SHARE_FOUND_ON_PROBATION = 0.125;

/**
 * True when a batch that joins the queue starts on probation. `conflicts`: the unfinished batches that conflict with it. Always false when the
 * queue lands in order of arrival. Otherwise true in either of two cases:
 * - The scorer predicts that the batch passes with less than the threshold of the configuration. A flat scorer does not count, because it
 *   predicts the same of every batch.
 * - Giving the batch a position at once is expected to spoil more than one build, which is what probation costs. Other batches would be built
 *   on top of the batch: about as many as there are conflicts that have been built at least once. When the batch fails, all those builds are
 *   spoilt.
 *
 * Example: a batch passes with 0.9 and conflicts with 12 batches that have been built, and the clash rate is almost 0. Its failure is
 * expected to spoil 0.1 · 12 = 1.2 builds, so the batch starts on probation. With 8 such batches it gets a position at once.
 */
export function needsProbation(draft: Draft, batch: Pick<Batch, "request">, conflicts: readonly Batch[]): boolean {
  const { order, probation, scorer } = draft.config.speculation;
  if (order === "arrival") return false;
  const { success } = scorerFor(scorer, draft.queue.history)(batch);
  const clashes = 1 - (1 - clashOf(draft.queue.history)) ** conflicts.length;
  const built = conflicts.filter(({ paths }) => paths.length > 0).length;
  const spoilt = (1 - success + SHARE_FOUND_ON_PROBATION * clashes) * built;
  return spoilt > 1 || (success < probation.threshold && tellsApart(scorer));
}

/** Gives the batch the next position, which is higher than every other, and tells the log that it is speculating. */
export const takePosition = (draft: Draft, batch: Batch): Batch =>
  positioned(draft, batch, (position) =>
    statusEvent(batch.request.sqid, "speculating", draft.now, {
      occurrence: batch.id,
      metadata: { batch_id: batch.id, position },
    }),
  );

function positioned(draft: Draft, batch: Batch, eventFor: (position: number) => LogEvent): Batch {
  const position = draft.queue.nextPosition;
  draft.queue = { ...draft.queue, nextPosition: position + 1 };
  return announce({ ...batch, position }, [eventFor(position)]);
}

/**
 * Gives a position to each batch on probation that has passed, or that has existed for the `maxHoldSeconds` of the configuration. A batch has
 * passed when it was a head of a build that passed. Where builds test everything, it has also passed when it was in the base of that build:
 * the planner builds it no more then (`needsNoBuild`).
 */
export function endProbation(draft: Draft): void {
  const { tests: now } = draft.config.buildRunner;
  const paths = draft.batches().flatMap((batch) => batch.paths.filter(({ state }) => state === "passed"));
  const passed = new Set(
    paths.flatMap(({ heads, base, tests = now }) => (tests === "everything" ? [...base, ...heads] : heads)),
  );
  const longest = draft.config.speculation.probation.maxHoldSeconds * 1_000;
  for (const batch of draft.batches()) {
    if (batch.state !== "speculating" || batch.position !== undefined) continue;
    const proven = passed.has(batch.id);
    if (!proven && draft.now - batch.createdAt < longest) continue;
    const joined = (position: number) =>
      happeningEvent(batch.request.sqid, "joined", draft.now, {
        occurrence: batch.id,
        metadata: { batch_id: batch.id, position, proven },
      });
    draft.put(positioned(draft, batch, joined));
  }
}
