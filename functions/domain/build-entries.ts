import { batchLabel, partsOfSqid } from "../contracts/ids.ts";
import { happeningEvent, type LogEvent } from "../contracts/log-event.ts";
import type { MergeUnit } from "../contracts/messages/merge-unit.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import type { BuildOrder } from "../contracts/workflows.ts";

/** How many batches of a build's base its log entries name: the last. */
const MOST_NAMED = 20;

/** How long after its end a build is seen to have ended for the entry to name the end (`ended_at`, epoch milliseconds). */
const SEEN_LATE_MS = 60_000;

/**
 * What happened to a build, told of each request that it is for. `batch_id` is the batch whose path it is. `base`: the batches that it is
 * built on, without those of the other requests that it is for, which are named by `with`.
 */
export function buildHappened(
  { sqids, batchId, buildKey, attempt }: Pick<BuildOrder, "sqids" | "batchId" | "buildKey" | "attempt">,
  event: "building" | "built" | "build_failed" | "build_stopped",
  at: EpochMs,
  { url, reason, base = [], endedAt = at }: BuildDetails,
): readonly LogEvent[] {
  const heads = new Set(sqids);
  const under = base.filter(({ steps }) => !steps.some(({ sqid }) => heads.has(sqid)));
  const labels = under.slice(-MOST_NAMED).map((unit) => batchLabel(unit.batchId));
  const metadata = {
    batch_id: batchId,
    build_key: buildKey,
    attempt,
    ...(url === undefined ? {} : { build_url: url }),
    ...(labels.length === 0 ? {} : { base: labels.join(" ") }),
    ...(at - endedAt < SEEN_LATE_MS ? {} : { ended_at: endedAt }),
  };
  return sqids.map((sqid) => {
    const others = sqids.filter((other) => other !== sqid).map((other) => String(partsOfSqid(other).n));
    const shared = others.length === 0 ? {} : { with: others.slice(0, MOST_NAMED).join(" ") };
    return happeningEvent(sqid, event, at, { occurrence: buildKey, metadata: { ...metadata, ...shared }, reason });
  });
}

interface BuildDetails {
  readonly url?: string | undefined;
  readonly reason?: Reason | undefined;
  readonly base?: readonly MergeUnit[];
  /** When the build ended. Absent: at the time of the entry. */
  readonly endedAt?: EpochMs | undefined;
}
