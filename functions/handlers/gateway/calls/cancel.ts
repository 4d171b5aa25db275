import { CancelBody } from "../../../contracts/api/request-calls.ts";
import { type Caller, isSameCaller } from "../../../contracts/caller.ts";
import { hasEnded } from "../../../contracts/log-event.ts";
import { epochMs } from "../../../contracts/time.ts";
import { fold, type Summary } from "../../../domain/request-log.ts";
import type { Route } from "../../http.ts";
import { requireRight } from "../access.ts";
import { announceCancel, cancellingEntry, cancelOf } from "../announce.ts";
import { type Gateway, summaryOf } from "../gateway.ts";
import { changeSummary } from "../record.ts";
import { shown } from "../shown.ts";

/**
 * Cancel: asks for a request to end before it lands. It may be too late; the summary tells. The first cancel of a request counts, and
 * a repeat redoes what the first left undone. BatchGetItem, PutItem, BatchWriteItem, two or three SendMessage; of a request that has ended,
 * the read alone.
 */
export const cancel = (gateway: Gateway): Route => ({
  method: "POST",
  path: "/v1/queues/{queue}/requests/{n}/cancel",
  answer: async (call) => {
    const { reason = "" } = call.body(CancelBody, {});
    const summary = await summaryOf(gateway, call);
    requireCancel(gateway, summary, call.caller);
    if (hasEnded(summary.status)) return { status: 202, body: shown(summary) };
    // Not before the request, also when another instance's clock, ahead of ours, received it.
    const at = epochMs(Math.max(gateway.now(), summary.receivedAt));
    const note = reason.trim() === "" ? {} : { note: reason };
    const cancel = { at, ...note, caller: call.caller.name };
    const cancelled = await changeSummary(gateway.view, summary, (before) => cancelledBy(before, cancel));
    await announceCancel(gateway, cancelled);
    return { status: 202, body: shown(cancelled) };
  },
});

/** Throws caller.not_allowed for the request of another caller. Every caller may cancel a request of a queue that is not configured any more. */
function requireCancel({ queues }: Gateway, { queue, caller: owner }: Summary, caller: Caller): void {
  const config = queues.get(queue);
  if (config === undefined || (owner !== undefined && isSameCaller(owner, caller))) return;
  requireRight(config, caller, "cancelOthers");
}

/** The summary with its first cancel. The same object when the request was cancelled before, or has ended. */
function cancelledBy(summary: Summary, cancel: NonNullable<Summary["cancel"]>): Summary {
  if (summary.cancel !== undefined || hasEnded(summary.status)) return summary;
  const next = { ...summary, cancel };
  const message = cancelOf(next);
  return message === undefined ? summary : fold(next, cancellingEntry(message));
}
