import { happeningEvent, type LogEvent } from "../../../contracts/log-event.ts";
import type { Reason } from "../../../contracts/reasons.ts";
import type { EpochMs } from "../../../contracts/time.ts";
import type { BuildOrder } from "../../../contracts/workflows.ts";

/** What happened to a build, told of each request of its head. */
export function buildHappened(
  { head, batchId, buildKey, attempt }: Pick<BuildOrder, "head" | "batchId" | "buildKey" | "attempt">,
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
  return head.steps.map(({ sqid }) => happeningEvent(sqid, event, at, { occurrence: buildKey, metadata, reason }));
}
