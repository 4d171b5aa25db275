import type { ClaimsStore } from "../../adapters/dynamodb/claims-store.ts";
import type { RequestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { LOST, retryOnConflict } from "../../adapters/dynamodb/retry-on-conflict.ts";
import { partsOfSqid, type Sqid } from "../../contracts/ids.ts";
import { type Outcome, type StatusEvent, statusEvent } from "../../contracts/log-event.ts";
import type { Reason } from "../../contracts/reasons.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { type LandingRequest, REQUEST_LIFECYCLE, type RequestState, requestHasEnded } from "../../domain/request.ts";

/** The states that admission owns. From `ready` on a request is the planner's. */
export const IN_ADMISSION: readonly RequestState[] = ["started", "validated"];

export const UNFINISHED = (Object.keys(REQUEST_LIFECYCLE) as RequestState[]).filter((state) => !requestHasEnded(state));

/**
 * ended: this call ended the request. already: the request had ended in the same way, so its end is to be announced again. diverged: it had
 * ended in another way. elsewhere: it is in a state that the caller may not end. missing: there is no such request.
 */
export type Termination =
  | { readonly kind: "ended" | "already" | "diverged" | "elsewhere"; readonly request: LandingRequest }
  | { readonly kind: "missing" };

export interface Ending {
  readonly outcome: Outcome;
  readonly reason?: Reason | undefined;
  readonly now: EpochMs;
  /** The states that the caller may end. */
  readonly from: readonly RequestState[];
  /**
   * The request to write, as ended, when there is no such request, so that a later attempt to create it finds it ended. Absent: none is
   * written.
   */
  readonly ifMissing?: Pick<LandingRequest, "changes" | "strategy" | "receivedAt">;
}

/**
 * Ends a request, once. An end stands, with one exception: `landed` replaces another end, because the trunk holds the change. One call; one or
 * two more when the request is in none of the states `from`; two more each time that another writer was faster. Throws store.version_conflict
 * after ten such losses.
 */
export async function terminate(requests: RequestsStore, sqid: Sqid, ending: Ending): Promise<Termination> {
  const { outcome, reason, now, from, ifMissing } = ending;
  const end = { state: outcome, endedAt: now, ...(reason === undefined ? {} : { reason }) };
  const replaced: readonly RequestState[] = outcome === "landed" ? ["error", "cancelled"] : [];
  // What the request touches is of no use any more, and makes room for the reason.
  const removed = reason === undefined ? (["touches", "reason"] as const) : (["touches"] as const);
  return retryOnConflict<Termination>(sqid, async () => {
    const changed = await requests.change(sqid, [...from, ...replaced], end, removed);
    if (changed !== undefined) return { kind: "ended", request: changed };
    const found = await requests.get(sqid);
    if (found === undefined) {
      if (ifMissing === undefined) return { kind: "missing" };
      const { changes, strategy, receivedAt } = ifMissing;
      const request = { queue: partsOfSqid(sqid).queue, sqid, changes, strategy, receivedAt, ...end, version: 1 };
      return (await requests.create(request)) ? { kind: "ended", request } : LOST;
    }
    if (found.state === outcome) return { kind: "already", request: found };
    if (from.includes(found.state) || replaced.includes(found.state)) return LOST;
    return { kind: requestHasEnded(found.state) ? "diverged" : "elsewhere", request: found };
  });
}

/** The log entry about the end of a request that has ended: the same entry each time. */
export function endOf(request: LandingRequest): StatusEvent {
  const { sqid, state, endedAt, receivedAt, reason, version } = request;
  if (!requestHasEnded(state)) throw new Error(`${sqid} has not ended`);
  return statusEvent(sqid, state, endedAt ?? receivedAt, { version, reason });
}

/**
 * Releases the claims on the changes. Another request may take over the claims of an ended request anyway, so a crash before this call does no
 * harm. One call per change.
 */
export async function releaseClaims(
  claims: ClaimsStore,
  sqid: Sqid,
  changes: LandingRequest["changes"],
): Promise<void> {
  const { queue } = partsOfSqid(sqid);
  for (const uri of changes) await claims.release(queue, uri, sqid);
}
