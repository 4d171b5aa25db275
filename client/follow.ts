import type { HistoryEntry, RequestSummary } from "../functions/contracts/api.ts";
import { hasEnded } from "../functions/contracts/log-event.ts";
import { MOST_WAIT_SECONDS, type QueueClient } from "./client.ts";

/**
 * The entries of a request's history as they come, each once, oldest first, until the request has ended; then its summary. The API waits for
 * news: one call per piece of news, two per 25 seconds without any, and one at the end.
 */
export async function* follow(
  queue: QueueClient,
  number: number,
  signal: AbortSignal,
): AsyncGenerator<HistoryEntry, RequestSummary, void> {
  const seen = new Set<string>();
  for (;;) {
    const { events } = await queue.history(number, { wait: MOST_WAIT_SECONDS, known: seen.size, signal });
    const news = events.filter(({ id }) => !seen.has(id));
    for (const entry of news) {
      seen.add(entry.id);
      yield entry;
    }
    const isEnd = events.some(({ status }) => status !== undefined && hasEnded(status));
    // Without news the request may have ended too: the API does not wait then.
    if (news.length > 0 && !isEnd) continue;
    const summary = await queue.request(number);
    if (summary.ended) return summary;
  }
}
