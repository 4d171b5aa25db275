import { CancelBody } from "../../../contracts/api.ts";
import { hasEnded } from "../../../contracts/log-event.ts";
import { type EpochMs, epochMs } from "../../../contracts/time.ts";
import type { Summary } from "../../../domain/request-log.ts";
import type { Route } from "../../http.ts";
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
    if (hasEnded(summary.status)) return { status: 202, body: shown(summary) };
    const standing = await gateway.view.markCancel(messageFor(summary, reason, gateway.now()), gateway.now());
    return { status: 202, body: shown(await announceCancel(gateway, summary, standing)) };
  },
});

const messageFor = ({ queue, sqid, receivedAt }: Summary, reason = "", now: EpochMs) => ({
  v: 1 as const,
  kind: "cancel" as const,
  queue,
  sqid,
  ...(reason.trim() === "" ? {} : { note: reason }),
  // Not before the request, also when another instance's clock, ahead of ours, received it.
  at: epochMs(Math.max(now, receivedAt)),
});
