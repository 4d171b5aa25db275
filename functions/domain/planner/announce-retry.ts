import type { BatchId, BuildKey } from "../../contracts/ids.ts";
import { happeningEvent } from "../../contracts/log-event.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { batchHasEnded, type Path } from "../batch.ts";
import { announce, type Draft } from "./draft.ts";

interface RetryDetails {
  /** A head of the path that is not built again. */
  readonly except?: BatchId;
  /** The build that repeats the path's build on the same tree. Absent when none was started yet, or when the next tree may be another one. */
  readonly repeat?: BuildKey;
}

/**
 * Tells the log (`retrying`) that each head of the path is built again, and why. Leaves out the batch `except`, and heads that have ended or are
 * not live.
 */
export function announceRetry(draft: Draft, path: Path, reason: Reason, { except, repeat }: RetryDetails = {}): void {
  for (const id of path.heads) {
    const batch = draft.lookup(id);
    if (batch === undefined || id === except || batchHasEnded(batch)) continue;
    const metadata = {
      batch_id: id,
      build_key: path.buildKey,
      attempt: path.attempt,
      ...(repeat === undefined ? {} : { repeated_by: repeat }),
    };
    const occurrence = repeat === undefined ? path.buildKey : `${path.buildKey}/${repeat}`;
    const details = { occurrence, reason, metadata };
    draft.put(announce(batch, [happeningEvent(batch.request.sqid, "retrying", draft.now, details)]));
  }
}
