import type { Sqid } from "../../contracts/ids.ts";
import { happeningEvent, type LogEvent, statusEvent } from "../../contracts/log-event.ts";
import type { Batch } from "../batch.ts";
import { clashOf } from "../speculation/history.ts";
import { scorerFor, tellsApart } from "../speculation/scorer.ts";
import { announce, type Draft } from "./draft.ts";

/** Of the failures that are due to conflicts, the share that a proof finds: most are with what joins later. Measured: doc/rfc/speculation.md. */
const FOUND = 0.125;

/**
 * Whether the batch has to prove itself before others reckon with it: when it will probably fail, or when it conflicts with so many
 * that its failure is expected to spoil more builds than the one that proving itself costs: as many as it finds built will be built
 * on it.
 */
export function mustProveItself(draft: Draft, batch: Pick<Batch, "members" | "conflicts">): boolean {
  const { order, probation, scorer } = draft.config.speculation;
  if (order === "arrival") return false;
  const { success } = scorerFor(scorer, draft.queue.history)(batch);
  const clashes = 1 - (1 - clashOf(draft.queue.history)) ** batch.conflicts.length;
  const built = batch.conflicts.filter((id) => (draft.lookup(id)?.paths.length ?? 0) > 0).length;
  const spoilt = (1 - success + FOUND * clashes) * built;
  return spoilt > 1 || (success < probation.threshold && tellsApart(scorer));
}

/** Gives the batch its place behind all that have one. */
export const takePosition = (draft: Draft, batch: Batch): Batch =>
  placed(draft, batch, (sqid, place) =>
    statusEvent(sqid, "speculating", draft.now, { occurrence: batch.id, metadata: { batch_id: batch.id, place } }),
  );

function placed(draft: Draft, batch: Batch, say: (sqid: Sqid, place: number) => LogEvent): Batch {
  const place = draft.queue.nextPosition;
  draft.queue = { ...draft.queue, nextPosition: place + 1 };
  const events = batch.members.map(({ sqid }) => say(sqid, place));
  return announce({ ...batch, position: place }, events);
}

/** Ends the probation of those for which a build has passed, alone or in a bundle, and of those that have been held for long enough. */
export function endProbation(draft: Draft): void {
  const paths = draft.batches().flatMap((batch) => batch.paths);
  const passed = new Set(paths.flatMap(({ state, heads }) => (state === "passed" ? heads : [])));
  const longest = draft.config.speculation.probation.maxHoldSeconds * 1_000;
  for (const batch of draft.batches()) {
    if (batch.state !== "speculating" || batch.position !== undefined) continue;
    const proven = passed.has(batch.id);
    if (!proven && draft.now - batch.createdAt < longest) continue;
    const joined = (sqid: Sqid, place: number) =>
      happeningEvent(sqid, "joined", draft.now, {
        occurrence: batch.id,
        metadata: { batch_id: batch.id, place, proven },
      });
    draft.put(placed(draft, batch, joined));
  }
}
