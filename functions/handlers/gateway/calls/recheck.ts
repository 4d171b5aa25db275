import { RecheckBody } from "../../../contracts/api/request-calls.ts";
import { hasEnded } from "../../../contracts/log-event.ts";
import { epochMs } from "../../../contracts/time.ts";
import type { Route } from "../../http.ts";
import { requireRight } from "../access.ts";
import { type Gateway, summaryOf } from "../gateway.ts";
import { shown } from "../shown.ts";

/**
 * Recheck: has the orchestrator look at once at what a request waits for before it enters the queue. Nothing comes of it for a request that
 * is further on. BatchGetItem, and one SendMessage for a request in admission.
 */
export const recheck = (gateway: Gateway): Route => ({
  method: "POST",
  path: "/v1/queues/{queue}/requests/{n}/recheck",
  answer: async (call) => {
    call.body(RecheckBody, {});
    const summary = await summaryOf(gateway, call);
    const { queue, sqid, status } = summary;
    const config = gateway.queues.get(queue);
    if (config === undefined || hasEnded(status) || !IN_ADMISSION.includes(status))
      return { status: 202, body: shown(summary) };
    requireRight(config, call.caller, "land");
    const at = epochMs(Math.max(gateway.now(), summary.receivedAt));
    await gateway.send({ v: 1, kind: "recheck", queue, sqid, at });
    return { status: 202, body: shown(summary) };
  },
});

const IN_ADMISSION: readonly string[] = ["accepted", "started", "validating"];
