import { sqidOf } from "../../../contracts/ids.ts";
import { hasEnded } from "../../../contracts/log-event.ts";
import { explain } from "../../../domain/explain.ts";
import { estimateOf } from "../../../domain/queue-now.ts";
import type { Route } from "../../http.ts";
import { withAccepted } from "../announce.ts";
import { type Gateway, requestOf, unknownLand } from "../gateway.ts";
import { shownWhy } from "../shown.ts";
import { lastDay } from "./queues.ts";

/**
 * Why a request has not landed yet, or ended as it did, from what the gateway knows: BatchGetItem, two GetItem, Query, and one Query per
 * megabyte of log.
 */
export const why = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/requests/{n}/why",
  answer: async (call) => {
    const { queue, n, config } = requestOf(gateway, call);
    const at = gateway.now();
    const [summary, entries, set, red, day] = await Promise.all([
      gateway.view.summary(queue, n),
      gateway.entries.entries(sqidOf(queue, n)),
      gateway.view.mode(queue),
      gateway.view.redTrunk(queue),
      lastDay(gateway, queue, at),
    ]);
    if (summary === undefined) return unknownLand(gateway, queue, n);
    const estimate = hasEnded(summary.status) ? {} : estimateOf(summary, day, at);
    const facts = { budget: config?.budget, mode: set?.mode ?? "open", note: set?.note, red, ...estimate };
    const explanation = explain(summary, withAccepted(entries, summary), facts);
    return { status: 200, body: shownWhy(summary, explanation) };
  },
});
