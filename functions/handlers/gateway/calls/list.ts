import type { Pointer } from "../../../adapters/dynamodb/view-items.ts";
import type { PointerPage, Window } from "../../../adapters/dynamodb/view-listings.ts";
import { ListQuery } from "../../../contracts/api/request-calls.ts";
import type { RequestPage } from "../../../contracts/api/request-views.ts";
import type { QueueName } from "../../../contracts/ids.ts";
import { ANSWER_BYTES } from "../../../contracts/limits.ts";
import { bytesInAnswer } from "../../../contracts/text.ts";
import { epochMs } from "../../../contracts/time.ts";
import { metadataOf, type Summary } from "../../../domain/request-log.ts";
import type { Route } from "../../http.ts";
import { type Gateway, listedQueueOf } from "../gateway.ts";
import { pageBefore, tokenAfter } from "../page-token.ts";
import { shown } from "../shown.ts";

/**
 * A queue's requests, or those that named a change, newest first. Two Query and one BatchGetItem per fifty; a Query more per further megabyte
 * that the queue holds, and a GetItem more for a queue that is not configured. All strongly consistent. With a filter, it reads on until the
 * page is full, or 1,000 requests were looked at. A page may then hold fewer than asked for, and still lead on; so may a page of large requests.
 * A request is left out whose summary this release can't read.
 */
export const list = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/requests",
  takes: Object.keys(ListQuery.shape),
  answer: async (call) => {
    const queue = await listedQueueOf(gateway, call);
    const query = call.query(ListQuery);
    const { found, last, more } = await requestsOf(gateway, queue, query);
    const nextPage = more && last !== undefined ? { nextPage: tokenAfter(queue, query, last) } : {};
    const body: RequestPage = { requests: found.map(shown), ...nextPage };
    return { status: 200, body };
  },
});

/** How many pages are looked at for one page of a filtered list. */
const MOST_LOOKS = 5;

interface Found {
  readonly found: readonly Summary[];
  /** The last request that was looked at. */
  readonly last: Pointer | undefined;
  readonly more: boolean;
}

async function requestsOf(gateway: Gateway, queue: QueueName, query: ListQuery): Promise<Found> {
  const window = windowOf(query);
  const isFiltered = [query.status, query.author, query.caller].some((filter) => filter !== undefined);
  const found: Summary[] = [];
  let room = ANSWER_BYTES;
  let last = query.page === undefined ? undefined : pageBefore(query.page, queue, query, window);
  // Read before the lists: a request that is answered meanwhile is in the lists by then.
  const unanswered = (await gateway.view.unanswered(queue)).filter(
    ({ changes }) => query.change === undefined || changes.includes(query.change),
  );
  for (let look = 1; ; look++) {
    const size = isFiltered ? 200 : query.limit;
    const listed =
      query.change === undefined
        ? await gateway.view.received(queue, window, size, last)
        : await gateway.view.naming(queue, query.change, window, size, last);
    const { pointers, more } = withUnanswered(listed, unanswered.filter(isIn(window, last)), size);
    const numbers = pointers.map(({ number }) => number);
    const summaries = await gateway.view.summaries(queue, numbers);
    for (const [index, pointer] of pointers.entries()) {
      const summary = summaries.get(pointer.number);
      if (summary !== undefined && isWanted(summary, query)) {
        room -= bytesInAnswer(shown(summary));
        if (room < 0 && found.length > 0) return { found, last, more: true };
        found.push(summary);
      }
      last = pointer;
      if (found.length === query.limit) return { found, last, more: more || index < pointers.length - 1 };
    }
    if (!more || look === MOST_LOOKS) return { found, last, more };
  }
}

const isIn =
  ({ since, until }: Window, before: Pointer | undefined) =>
  ({ number, receivedAt }: Pointer): boolean =>
    receivedAt >= since && receivedAt < until && (before === undefined || number < before.number);

/** A page of a list with the requests that are in no list yet. Numbers and times of receipt are in the same order. */
function withUnanswered({ pointers, more }: PointerPage, unanswered: readonly Pointer[], size: number): PointerPage {
  const byNumber = new Map([...unanswered, ...pointers].map((pointer) => [pointer.number, pointer]));
  const newestFirst = [...byNumber.values()].sort((a, b) => b.number - a.number);
  return { pointers: newestFirst.slice(0, size), more: more || newestFirst.length > size };
}

function isWanted(summary: Summary, { status, author, caller }: ListQuery): boolean {
  if (status !== undefined && !status.has(summary.status)) return false;
  if (author !== undefined && metadataOf(summary)["author"] !== author) return false;
  return caller === undefined || summary.caller?.name === caller;
}

/** The last moment that fits a sort key: the year 33658. */
const END_OF_TIME = epochMs(999_999_999_999_999);

const windowOf = ({ since, until }: ListQuery): Window => ({
  since: since === undefined ? epochMs(0) : moment(since),
  until: until === undefined ? END_OF_TIME : moment(until),
});

/** Nothing was received before 1970. */
const moment = (timestamp: string) => epochMs(Math.max(0, Date.parse(timestamp)));
