import { happeningEvent, type LogEvent, statusEvent } from "../../contracts/log-event.ts";
import { type Batch, neverLands, type Path } from "../batch.ts";
import { clashOf } from "../speculation/history.ts";
import { scorerFor, tellsApart } from "../speculation/scorer.ts";
import { announce, type Draft } from "./draft.ts";

/**
 * Of the failures that are due to conflicts, the share that a build during probation finds. The others are conflicts with batches that
 * arrive later. Measured: doc/rfc/speculation.md.
 */
const SHARE_FOUND_ON_PROBATION = 0.125;

/**
 * True when the batch is to prove itself before another batch is built on it: when it will probably fail, or when its failure is expected
 * to spoil more than one build. One build is what probation costs. As many builds are expected on top of the batch as there are batches
 * that it conflicts with and that are being built.
 *
 * Example: a batch passes with 0.9 and conflicts with 12 batches that are being built, and conflicts are hardly ever real. Its failure is
 * expected to spoil 0.1 · 12 = 1.2 builds, so it goes on probation. With 8 such batches it gets a position at once.
 */
export function needsProbation(draft: Draft, batch: Pick<Batch, "request">, conflicts: readonly Batch[]): boolean {
  const { order, probation, scorer } = draft.config.speculation;
  if (order === "arrival") return false;
  const { success } = scorerFor(scorer, draft.queue.history)(batch);
  const clashes = 1 - (1 - clashOf(draft.queue.history)) ** conflicts.length;
  const beingBuilt = conflicts.filter(({ paths }) => paths.length > 0).length;
  const spoilt = (1 - success + SHARE_FOUND_ON_PROBATION * clashes) * beingBuilt;
  return spoilt > 1 || (success < probation.threshold && tellsApart(scorer));
}

/** Gives the batch the next position, which is behind all others. */
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
 * Gives a position to each batch on probation
 * - that a build has passed for, alone or in a bundle,
 * - that a build has failed for, once no conflicting batch that arrived earlier is on probation. Until then the batch waits, since it may
 *   need one of these. With a position it is rejected, or lands, like any other batch: what lands behind it does not matter to it.
 * - that has waited for long enough.
 *
 * Example: R and H are on probation, R arrived first, and {H} has failed. R passes and gets position 7. H gets position 8, and is built on
 * R. If H needed R, it lands behind R. If not, it is rejected once R has landed.
 */
export function endProbation(draft: Draft): void {
  const paths = draft.batches().flatMap((batch) => batch.paths);
  const passed = new Set(paths.flatMap(({ state, heads }) => (state === "passed" ? heads : [])));
  const longest = draft.config.speculation.probation.maxHoldSeconds * 1_000;
  for (const batch of draft.batches()) {
    if (!isOnProbation(batch)) continue;
    const proven = passed.has(batch.id);
    const disproven =
      batch.paths.some((path) => isOwnFailure(draft, batch, path)) &&
      !draft.earlierConflicts(batch).some(isOnProbation);
    if (!proven && !disproven && draft.now - batch.createdAt < longest) continue;
    const joined = (position: number) =>
      happeningEvent(batch.request.sqid, "joined", draft.now, {
        occurrence: batch.id,
        metadata: { batch_id: batch.id, position, proven },
      });
    draft.put(positioned(draft, batch, joined));
  }
}

const isOnProbation = ({ state, position }: Batch): boolean => state === "speculating" && position === undefined;

/**
 * True when the path has failed, probably because of the batch itself: no batch below it is known to have failed or to be cancelled, and,
 * where builds test everything, each of them has passed.
 */
function isOwnFailure(draft: Draft, batch: Batch, { state, base, unappliable }: Path): boolean {
  if (state !== "failed" || (unappliable !== undefined && unappliable !== batch.id)) return false;
  const below = base.flatMap((id) => draft.lookup(id) ?? []);
  if (below.some(neverLands)) return false;
  const hasPassed = ({ id, state, paths }: Batch) =>
    state === "landed" || paths.some((path) => path.state === "passed" && path.heads.includes(id));
  return draft.config.buildRunner.tests === "affected" || below.every(hasPassed);
}
