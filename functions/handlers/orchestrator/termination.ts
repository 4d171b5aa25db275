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

/** ended: by this call. already: the same way before, so announce it again. diverged: another way. elsewhere: in a state that the caller may not end. */
export type Termination =
  | { readonly kind: "ended" | "already" | "diverged" | "elsewhere"; readonly request: LandingRequest }
  | { readonly kind: "missing" };

export interface Ending {
  readonly outcome: Outcome;
  readonly reason?: Reason | undefined;
  readonly now: EpochMs;
  /** The states that the caller may end. */
  readonly from: readonly RequestState[];
  /** What to write when there is no such request: whoever creates it then finds it ended. Absent: nothing. */
  readonly ifMissing?: Pick<LandingRequest, "changes" | "strategy" | "receivedAt">;
}

/** Ends a request once, whoever else tries to. Two calls, more when somebody else writes it meanwhile. Throws store.version_conflict after ten losses. */
export async function terminate(requests: RequestsStore, sqid: Sqid, ending: Ending): Promise<Termination> {
  const { outcome, reason, now, from, ifMissing } = ending;
  const end = { state: outcome, endedAt: now, ...(reason === undefined ? {} : { reason }) };
  return retryOnConflict<Termination>(sqid, async () => {
    const found = await requests.get(sqid);
    if (found === undefined) {
      if (ifMissing === undefined) return { kind: "missing" };
      const { changes, strategy, receivedAt } = ifMissing;
      const request = { queue: partsOfSqid(sqid).queue, sqid, changes, strategy, receivedAt, ...end, version: 1 };
      return (await requests.create(request)) ? { kind: "ended", request } : LOST;
    }
    if (requestHasEnded(found.state)) return { kind: found.state === outcome ? "already" : "diverged", request: found };
    if (!from.includes(found.state)) return { kind: "elsewhere", request: found };
    // What the request touches is of no use any more, and makes room for the reason.
    const { touches: _, ...kept } = found;
    const request = { ...kept, ...end, version: found.version + 1 };
    return (await requests.replace(request)) ? { kind: "ended", request } : LOST;
  });
}

/** The end of a request as the log is told: the same each time it is told. */
export function endOf(request: LandingRequest): StatusEvent {
  const { sqid, state, endedAt, receivedAt, reason, version } = request;
  if (!requestHasEnded(state)) throw new Error(`${sqid} has not ended`);
  return statusEvent(sqid, state, endedAt ?? receivedAt, { version, reason });
}

/** Lets go of the changes. The claims of an ended request are free to take, so this is tidiness: a crash before it harms nobody. One call per change. */
export async function releaseClaims(
  claims: ClaimsStore,
  sqid: Sqid,
  changes: LandingRequest["changes"],
): Promise<void> {
  const { queue } = partsOfSqid(sqid);
  for (const uri of changes) await claims.release(queue, uri, sqid);
}
