import type { SignalOf } from "../../../contracts/messages.ts";
import type { EpochMs } from "../../../contracts/time.ts";
import type { Batch } from "../../../domain/batch.ts";
import type { LandingRequest } from "../../../domain/request.ts";

/** A request received so long ago is looked after. Longer than FIFO topics remember a message, so that one sent again arrives. */
export const LOOK_AFTER_MS = 360_000;

/** Ready requests that no batch carries: the planner has not heard of them, and is told again. */
export function readyUncarried(
  requests: readonly LandingRequest[],
  batches: readonly Batch[],
  now: EpochMs,
): readonly SignalOf<"request-ready">[] {
  const carried = new Set(batches.map((batch) => batch.request.sqid));
  return requests
    .filter(
      ({ state, sqid, receivedAt }) => state === "ready" && !carried.has(sqid) && now - receivedAt >= LOOK_AFTER_MS,
    )
    .toReversed()
    .map(({ queue, sqid }) => ({ v: 1, kind: "request-ready", queue, sqid }));
}
