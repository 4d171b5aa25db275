import type { BatchId } from "../../contracts/ids.ts";
import { happeningEvent } from "../../contracts/log-event.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { batchHasEnded, type Path } from "../batch.ts";
import { announce, type Draft } from "./draft.ts";

/** Tells the log that each head of the path is built again, and why. Leaves out the batch `except`, and heads that have ended or are not live. */
export function announceRetry(draft: Draft, path: Path, reason: Reason, except?: BatchId): void {
  for (const id of path.heads) {
    const batch = draft.lookup(id);
    if (batch === undefined || id === except || batchHasEnded(batch)) continue;
    const metadata = { batch_id: id, build_key: path.buildKey, attempt: path.attempt };
    const details = { occurrence: path.buildKey, reason, metadata };
    draft.put(announce(batch, [happeningEvent(batch.request.sqid, "retrying", draft.now, details)]));
  }
}
