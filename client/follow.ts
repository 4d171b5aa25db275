import type { HistoryEntry, RequestSummary } from "../functions/contracts/api/request-views.ts";
import { hasEnded } from "../functions/contracts/log-event.ts";
import { MOST_WAIT_SECONDS, type QueueClient } from "./client.ts";
import { type Persistence, persistently } from "./patience.ts";

/** What follows a request, beside the request itself. */
export type FollowOptions = Omit<Persistence, "signal">;

/**
 * The entries of a request's history as they come, each once, oldest first, until the request has ended; then its summary. The API waits for
 * news: one call per piece of news, two per 25 seconds without any, and one at the end. An API that stops answering, as during a deployment, is
 * asked again for two minutes; not by the first call. Throws ApiError.
 */
export async function* follow(
  queue: QueueClient,
  number: number,
  signal: AbortSignal,
  options: FollowOptions = {},
): AsyncGenerator<HistoryEntry, RequestSummary, void> {
  const seen = new Set<string>();
  const history = () => queue.history(number, { wait: MOST_WAIT_SECONDS, known: seen.size, signal });
  const patient = <T>(call: () => Promise<T>): Promise<T> => persistently(call, { ...options, signal });
  let { events } = await history();
  for (;;) {
    const news = events.filter(({ id }) => !seen.has(id));
    for (const entry of news) {
      seen.add(entry.id);
      yield entry;
    }
    const isEnd = events.some(({ status }) => status !== undefined && hasEnded(status));
    // Without news the request may have ended too: the API does not wait then.
    if (news.length === 0 || isEnd) {
      const summary = await patient(() => queue.request(number));
      if (summary.ended) return summary;
    }
    ({ events } = await patient(history));
  }
}
