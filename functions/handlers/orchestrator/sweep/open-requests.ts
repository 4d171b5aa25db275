import type { SignalOf } from "../../../contracts/messages/signals.ts";
import { ageOf, type EpochMs } from "../../../contracts/time.ts";
import type { Batch } from "../../../domain/batch.ts";
import type { LandingRequest } from "../../../domain/request.ts";

/**
 * How old a ready request without a batch is when the planner is told of it again. Longer than FIFO topics remember a message, so that the
 * repeat is delivered.
 */
export const LOOK_AFTER_MS = 360_000;

/** The ready requests that no batch carries, of which the planner is to be told again: its signal was lost. */
export function readyUncarried(
  requests: readonly LandingRequest[],
  batches: readonly Batch[],
  now: EpochMs,
): readonly SignalOf<"request-ready">[] {
  const carried = new Set(batches.map((batch) => batch.request.sqid));
  return requests
    .filter(
      ({ state, sqid, receivedAt }) =>
        state === "ready" && !carried.has(sqid) && ageOf(receivedAt, now) >= LOOK_AFTER_MS,
    )
    .toReversed()
    .map(({ queue, sqid }) => ({ v: 1, kind: "request-ready", queue, sqid }));
}
