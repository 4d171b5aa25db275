import type { Window } from "../../../adapters/dynamodb/view-listings.ts";
import { ListQuery, type RequestPage } from "../../../contracts/api.ts";
import { epochMs } from "../../../contracts/time.ts";
import type { Route } from "../../http.ts";
import { type Gateway, listedQueueOf } from "../gateway.ts";
import { pageBefore, tokenAfter } from "../page-token.ts";
import { shown } from "../shown.ts";

/** A queue's requests, or those that named a change, newest first. One Query and one BatchGetItem per hundred; a GetItem more for a queue that is not configured. All strongly consistent. */
export const list = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/requests",
  takes: Object.keys(ListQuery.shape),
  answer: async (call) => {
    const queue = await listedQueueOf(gateway, call);
    const query = call.query(ListQuery);
    const window = windowOf(query);
    const before = query.page === undefined ? undefined : pageBefore(query.page, queue, query, window);
    const { pointers, more } =
      query.change === undefined
        ? await gateway.view.received(queue, window, query.limit, before)
        : await gateway.view.naming(queue, query.change, window, query.limit, before);
    const summaries = await gateway.view.summaries(
      queue,
      pointers.map(({ number }) => number),
    );
    const last = pointers.at(-1);
    const nextPage = more && last !== undefined ? { nextPage: tokenAfter(queue, query, last) } : {};
    const body: RequestPage = { requests: summaries.map(shown), ...nextPage };
    return { status: 200, body };
  },
});

/** The last moment that fits a sort key: the year 33658. */
const END_OF_TIME = epochMs(999_999_999_999_999);

const windowOf = ({ since, until }: ListQuery): Window => ({
  since: since === undefined ? epochMs(0) : moment(since),
  until: until === undefined ? END_OF_TIME : moment(until),
});

/** Nothing was received before 1970. */
const moment = (timestamp: string) => epochMs(Math.max(0, Date.parse(timestamp)));
