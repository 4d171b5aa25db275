import type { HistoryPage } from "../../../contracts/api.ts";
import { sqidOf } from "../../../contracts/ids.ts";
import { inHistoryOrder } from "../../../domain/request-log.ts";
import type { Route } from "../../http.ts";
import { type Gateway, requestOf, unknownLand } from "../gateway.ts";
import { shownEntry } from "../shown.ts";

/** Everything that was logged of a request, oldest first. One strongly consistent Query per megabyte; a GetItem more when nothing was logged. */
export const history = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/requests/{n}/history",
  answer: async (call) => {
    const { queue, n } = requestOf(gateway, call);
    const sqid = sqidOf(queue, n);
    const entries = await gateway.entries.entries(sqid);
    // The first entry may lag behind the summary by a crash and a sweep.
    if (entries.length === 0 && (await gateway.view.summary(queue, n)) === undefined) unknownLand(gateway, queue, n);
    const body: HistoryPage = { sqid, events: inHistoryOrder(entries).map(shownEntry) };
    return { status: 200, body };
  },
});
