import { setTimeout as delay } from "node:timers/promises";
import { WaitQuery } from "../../../contracts/api.ts";
import { hasEnded } from "../../../contracts/log-event.ts";
import type { Summary } from "../../../domain/request-log.ts";
import type { Route } from "../../http.ts";
import { type Gateway, summaryOf } from "../gateway.ts";
import { shown } from "../shown.ts";

/** How often a request is looked at while its caller waits. */
const LOOK_EVERY_MS = 500;

/** API Gateway waits for 30 seconds at most. */
const MOST_SECONDS = 25;

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
    let summary: Summary = first;
    for (
      let left = Math.min(wait, MOST_SECONDS) * 1_000;
      left > 0 && isAsBefore(summary, first);
      left -= LOOK_EVERY_MS
    ) {
      await delay(Math.min(left, LOOK_EVERY_MS));
      summary = await summaryOf(gateway, call);
    }
    return { status: 200, body: shown(summary) };
  },
});

const isAsBefore = ({ stamp, status }: Summary, before: Summary): boolean =>
  stamp === before.stamp && !hasEnded(status);
