import { happeningEvent, type LogEvent } from "../../../contracts/log-event.ts";
import type { Reason } from "../../../contracts/reasons.ts";
import type { EpochMs } from "../../../contracts/time.ts";
import type { BuildOrder } from "../../../contracts/workflows.ts";

/** What happened to a build, told of each request that it is for. `batch_id` is the batch whose path it is. */
export function buildHappened(
  { sqids, batchId, buildKey, attempt }: Pick<BuildOrder, "sqids" | "batchId" | "buildKey" | "attempt">,
  event: "building" | "built" | "build_failed",
  at: EpochMs,
  { url, reason }: { readonly url?: string | undefined; readonly reason?: Reason | undefined },
): readonly LogEvent[] {
  const metadata = {
    batch_id: batchId,
    build_key: buildKey,
    attempt,
    ...(url === undefined ? {} : { build_url: url }),
  };
  return sqids.map((sqid) => happeningEvent(sqid, event, at, { occurrence: buildKey, metadata, reason }));
}
