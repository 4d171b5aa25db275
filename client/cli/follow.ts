import { setTimeout as pause } from "node:timers/promises";
import type { HistoryEntry, RequestSummary } from "../../functions/contracts/api.ts";
import type { QueueClient } from "../client.ts";

const SHORTEST_MS = 300;
const LONGEST_MS = 5_000;

/**
 * The entries of a request's history as they come, each once, oldest first, until the request has ended; then its summary. Two calls per
 * look. Looks are 0.3 s apart while something happens, and up to 5 s apart while nothing does.
 */
export async function* follow(
  queue: QueueClient,
  number: number,
  signal: AbortSignal,
): AsyncGenerator<HistoryEntry, RequestSummary, void> {
  const seen = new Set<string>();
  for (let waitMs = SHORTEST_MS; ; waitMs = Math.min(LONGEST_MS, waitMs * 1.5)) {
    const summary = await queue.request(number);
    // After the summary, so that the history of a request that has ended is whole.
    for (const entry of (await queue.history(number)).events) {
      if (seen.has(entry.id)) continue;
      seen.add(entry.id);
      waitMs = SHORTEST_MS;
      yield entry;
    }
    if (summary.ended) return summary;
    await pause(waitMs, undefined, { signal });
  }
}
