import { WaitQuery } from "../../../contracts/api/fields.ts";
import { hasEnded } from "../../../contracts/log-event.ts";
import type { Route } from "../../http.ts";
import { type Gateway, summaryOf } from "../gateway.ts";
import { shown } from "../shown.ts";
import { lookUntil } from "../waiting.ts";

/**
 * Where a request stands. With `wait`, the answer comes once its status has changed, once it has ended, or after so many seconds (25 at
 * most). One strongly consistent BatchGetItem; two more per second of waiting.
 */
export const get = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/requests/{n}",
  takes: Object.keys(WaitQuery.shape),
  answer: async (call) => {
    const { wait } = call.query(WaitQuery);
    const first = await summaryOf(gateway, call);
    const summary = await lookUntil(first, wait, {
      look: () => summaryOf(gateway, call),
      isDone: ({ stamp, status }) => stamp !== first.stamp || hasEnded(status),
    });
    return { status: 200, body: shown(summary) };
  },
});
