import type { EndEvent } from "../../contracts/log-event.ts";
import { foldProgress, MOST_BUILDS, NO_PROGRESS, type Progress } from "../../domain/progress.ts";
import type { Summary } from "../../domain/request-log.ts";
import { endOfRequest } from "../../domain/trends.ts";
import type { Stores } from "./gateway.ts";

/** The end of a request, and the request's summary with this end. */
export interface RecordedEnd {
  readonly end: EndEvent;
  readonly summary: Summary;
}

/**
 * Counts the ends of requests, which the log holds already, for the trends of their queues. A repeat counts nothing. One UpdateItem per queue
 * and hour; one GetItem and one UpdateItem more when some of the ends were counted before; one Query of the request's log for a request with
 * more builds than its summary keeps.
 */
export async function countEnds(
  { entries: log, view }: Pick<Stores, "entries" | "view">,
  ends: readonly RecordedEnd[],
): Promise<void> {
  for (const [queue, ofQueue] of Map.groupBy(ends, ({ end }) => end.queue)) {
    const facts = await Promise.all(
      ofQueue.map(async ({ end, summary }) =>
        endOfRequest(end, { receivedAt: summary.receivedAt, builds: await buildsOf(log, summary) }),
      ),
    );
    await view.countEnds(queue, facts);
  }
}

async function buildsOf(log: Stores["entries"], { sqid, progress }: Summary): Promise<Progress["builds"]> {
  if (progress.builds.length < MOST_BUILDS) return progress.builds;
  return (await log.entries(sqid)).reduce(foldProgress, NO_PROGRESS).builds;
}
