import type { LogEvent } from "../../contracts/log-event.ts";
import { flakyBuildsIn } from "../../domain/flakes.ts";
import type { Summary } from "../../domain/request-log.ts";
import type { Gateway } from "./gateway.ts";

/**
 * Counts the failed builds of a request whose repeat has passed, once the log holds both. A repeat counts nothing. No call for most entries;
 * for a request with a repeated and a passed build, a Query of its log, a GetItem and a PutItem when an entry about either is new.
 */
export async function countFlakes(
  { entries: log, view }: Pick<Gateway, "entries" | "view">,
  news: readonly LogEvent[],
  { sqid, queue, progress }: Summary,
): Promise<void> {
  const isAbout = news.some(
    (entry) => entry.kind === "event" && (entry.event === "built" || entry.event === "retrying"),
  );
  const has = (state: string) => progress.builds.some((build) => build.state === state);
  if (!isAbout || !has("retried") || !has("passed")) return;
  const found = flakyBuildsIn(await log.entries(sqid)).filter(({ names }) => names.length > 0);
  if (found.length > 0) await view.countFlaky(queue, found);
}
