import { hasEnded, type LogEvent } from "../../contracts/log-event.ts";
import { endOfRequest } from "../../domain/trends.ts";
import type { Gateway } from "./gateway.ts";

/**
 * Counts the ends of requests among these entries, which the log holds already, for the trends of their queues. A repeat counts nothing. One
 * Query of the request's log per end; one UpdateItem per queue and hour, and one GetItem and one UpdateItem more when some of the ends were
 * counted before.
 */
export async function countEnds(
  { entries: log, view }: Pick<Gateway, "entries" | "view">,
  entries: readonly LogEvent[],
): Promise<void> {
  const ends = entries.filter((entry) => entry.kind === "status" && hasEnded(entry.status));
  for (const [queue, ofQueue] of Map.groupBy(ends, (end) => end.queue)) {
    const facts = await Promise.all(ofQueue.map(async (end) => endOfRequest(end, await log.entries(end.sqid))));
    await view.countEnds(
      queue,
      facts.flatMap((fact) => fact ?? []),
    );
  }
}
