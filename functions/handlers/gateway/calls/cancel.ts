import { CancelBody } from "../../../contracts/api.ts";
import { type Caller, isSameCaller } from "../../../contracts/caller.ts";
import { hasEnded } from "../../../contracts/log-event.ts";
import type { Cancel } from "../../../contracts/messages.ts";
import { type EpochMs, epochMs } from "../../../contracts/time.ts";
import type { Summary } from "../../../domain/request-log.ts";
import type { Route } from "../../http.ts";
import { requireRight } from "../access.ts";
import { announceCancel } from "../announce.ts";
import { type Gateway, summaryOf } from "../gateway.ts";
import { shown } from "../shown.ts";

/**
 * Cancel: asks for a request to end before it lands. It may be too late; the summary tells. The first cancel of a request counts, and
 * a repeat redoes what the first left undone. GetItem, three PutItem, two or three SendMessage; of a request that has ended, the GetItem alone.
 */
export const cancel = (gateway: Gateway): Route => ({
  method: "POST",
  path: "/v1/queues/{queue}/requests/{n}/cancel",
  answer: async (call) => {
    const { reason } = call.body(CancelBody, {});
    const summary = await summaryOf(gateway, call);
    requireCancel(gateway, summary, call.caller);
    if (hasEnded(summary.status)) return { status: 202, body: shown(summary) };
    const standing = await gateway.view.markCancel(
      messageFor(summary, call.caller, reason, gateway.now()),
      gateway.now(),
    );
    return { status: 202, body: shown(await announceCancel(gateway, summary, standing)) };
  },
});

/** Throws caller.not_allowed for the request of another caller. A request of a queue that is not configured any more is everyone's to cancel. */
function requireCancel({ queues }: Gateway, { queue, caller: owner }: Summary, caller: Caller): void {
  const config = queues.get(queue);
  if (config === undefined || (owner !== undefined && isSameCaller(owner, caller))) return;
  requireRight(config, caller, "cancelOthers");
}

const messageFor = ({ queue, sqid, receivedAt }: Summary, caller: Caller, reason = "", now: EpochMs): Cancel => ({
  v: 1,
  kind: "cancel",
  queue,
  sqid,
  ...(reason.trim() === "" ? {} : { note: reason }),
  caller: caller.name,
  // Not before the request, also when another instance's clock, ahead of ours, received it.
  at: epochMs(Math.max(now, receivedAt)),
});
