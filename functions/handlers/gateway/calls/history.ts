import { HistoryQuery } from "../../../contracts/api/request-calls.ts";
import type { HistoryPage } from "../../../contracts/api/request-views.ts";
import { type QueueName, type RequestNumber, sqidOf } from "../../../contracts/ids.ts";
import { hasEnded, type LogEvent } from "../../../contracts/log-event.ts";
import { inHistoryOrder } from "../../../domain/request-log.ts";
import type { Route } from "../../http.ts";
import type { Call } from "../../http-call.ts";
import { isAccepted, withAccepted } from "../announce.ts";
import { type Gateway, requestOf, summaryOf, unknownLand } from "../gateway.ts";
import { shownEntry } from "../shown.ts";
import { lookUntil } from "../waiting.ts";

/**
 * Everything that was logged of a request, oldest first. One strongly consistent Query per megabyte; a BatchGetItem more until the
 * orchestrator has answered. With `wait`, the answer comes once there are more than `known` entries, once the request has ended, or after
 * so many seconds (25 at most): a BatchGetItem and a Query more, and two BatchGetItem per second of waiting.
 */
export const history = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/requests/{n}/history",
  takes: Object.keys(HistoryQuery.shape),
  answer: async (call) => {
    const { queue, n } = requestOf(gateway, call);
    const { wait, known } = call.query(HistoryQuery);
    const sqid = sqidOf(queue, n);
    const read = () => gateway.entries.entries(sqid);
    const logged = wait > 0 ? await moreThan(known, read, { gateway, call, wait }) : await read();
    const entries = logged.some(isAccepted) ? logged : await withFirst(gateway, logged, { queue, n });
    const body: HistoryPage = { sqid, events: inHistoryOrder(entries).map(shownEntry) };
    return { status: 200, body };
  },
});

/** The entries of a request that was not answered when its log was read. Throws queue.unknown, land.unknown. */
async function withFirst(
  gateway: Gateway,
  entries: readonly LogEvent[],
  { queue, n }: { readonly queue: QueueName; readonly n: RequestNumber },
): Promise<readonly LogEvent[]> {
  const summary = await gateway.view.summary(queue, n);
  return summary === undefined ? unknownLand(gateway, queue, n) : withAccepted(entries, summary);
}

/** The summary is read before the log: what comes to the log after it was read changes the summary. */
async function moreThan(
  known: number,
  read: () => Promise<readonly LogEvent[]>,
  { gateway, call, wait }: { readonly gateway: Gateway; readonly call: Call; readonly wait: number },
): Promise<readonly LogEvent[]> {
  const before = await summaryOf(gateway, call);
  const entries = withAccepted(await read(), before);
  if (entries.length > known || hasEnded(before.status)) return entries;
  await lookUntil(before, wait, {
    look: () => summaryOf(gateway, call),
    isDone: ({ version }) => version !== before.version,
  });
  return withAccepted(await read(), before);
}
