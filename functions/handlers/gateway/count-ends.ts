import type { EndEvent } from "../../contracts/log-event.ts";
import { flakyBuildsIn } from "../../domain/flakes.ts";
import { type BuildState, foldProgress, MOST_BUILDS, NO_PROGRESS } from "../../domain/progress.ts";
import type { Summary } from "../../domain/request-log.ts";
import { endTallyOf, type RequestFacts } from "../../domain/trends.ts";
import type { Stores } from "./gateway.ts";

/** The end of a request, and the request's summary with this end. */
export interface RecordedEnd {
  readonly end: EndEvent;
  readonly summary: Summary;
}

/**
 * Counts the ends of requests, which the log holds already, for the trends of their queues. A repeat counts nothing. One UpdateItem per queue
 * and hour; one GetItem and one UpdateItem more when some of the ends were counted before; one Query of the request's log when a build was
 * repeated and one has passed, or when there are more builds than the summary keeps.
 */
export async function countEnds(
  { entries: log, view }: Pick<Stores, "entries" | "view">,
  ends: readonly RecordedEnd[],
): Promise<void> {
  for (const [queue, ofQueue] of Map.groupBy(ends, ({ end }) => end.queue)) {
    const facts = await Promise.all(
      ofQueue.map(async ({ end, summary }) =>
        endTallyOf(end, { receivedAt: summary.receivedAt, ...(await buildsOf(log, summary)) }),
      ),
    );
    await view.countEnds(queue, facts);
  }
}

/** The summary tells of all builds unless there are many, and that none was flaky unless a build was repeated and one has passed. */
async function buildsOf(
  log: Stores["entries"],
  { sqid, progress: { builds } }: Summary,
): Promise<Pick<RequestFacts, "builds" | "flaky">> {
  const has = (state: BuildState) => builds.some((build) => build.state === state);
  if (builds.length < MOST_BUILDS && !(has("retried") && has("passed"))) return { builds, flaky: [] };
  const entries = await log.entries(sqid);
  return {
    builds: entries.reduce(foldProgress, NO_PROGRESS).builds,
    flaky: flakyBuildsIn(entries).map(({ buildKey }) => buildKey),
  };
}
