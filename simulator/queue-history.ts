import type { QueueClient } from "../client/client.ts";
import type { HistoryEntry, RequestSummary } from "../functions/contracts/api/request-views.ts";
import { median } from "./measures.ts";

/** One change of a queue's history, in the format that `--replay` reads. */
export interface ReplayEntry {
  readonly id: string;
  readonly arrivedAt: string;
  /** Ids of the conflicting requests that were undecided when the request was batched: the last twenty, for the log names no more. */
  readonly behind: readonly string[];
  /**
   * The median time of the request's builds that finished. When none finished, the time from the start of the first build to the end of
   * the request, which a build takes at least.
   */
  readonly buildSeconds: number;
  readonly outcome: "landed" | "error" | "cancelled";
  readonly endedAt: string;
}

/** Reads one change out of a request and its history. Undefined when the request has not ended or was never built. */
export function entryOf(request: RequestSummary, events: readonly HistoryEntry[]): ReplayEntry | undefined {
  const { number, receivedAt, status, updatedAt } = request;
  if (!isOutcome(status)) return undefined;
  const builds = buildSecondsOf(events, Date.parse(updatedAt));
  if (builds.length === 0) return undefined;
  const behind = events.find((event) => event.status === "batched")?.metadata["behind"];
  return {
    id: String(number),
    arrivedAt: receivedAt,
    behind: typeof behind === "string" ? behind.split(" ").filter(Boolean) : [],
    buildSeconds: median(builds),
    outcome: status,
    endedAt: updatedAt,
  };
}

const seconds = (durationMs: number): number => Math.max(0.001, durationMs / 1000);

/** The times of the request's finished builds, in seconds. A build of a bundle counts for every request of the bundle. */
function buildSecondsOf(events: readonly HistoryEntry[], ended: number): number[] {
  const begun = new Map<unknown, number>();
  for (const { event, at, metadata } of events)
    if (event === "building") begun.set(metadata["build_key"], Date.parse(at));
  const finished = events.flatMap(({ event, at, metadata }) => {
    const start = begun.get(metadata["build_key"]);
    if ((event !== "built" && event !== "build_failed") || start === undefined) return [];
    return [seconds(Date.parse(at) - start)];
  });
  return finished.length > 0 ? finished : [...begun.values()].slice(0, 1).map((start) => seconds(ended - start));
}

export interface Window {
  /** Only requests received at this time or later. */
  readonly since?: string | undefined;
  /** Only requests received before this time. */
  readonly until?: string | undefined;
}

const isOutcome = (status: string): status is ReplayEntry["outcome"] =>
  status === "landed" || status === "error" || status === "cancelled";

/**
 * The requests of the window that have ended and were built, newest first. `leftOut` is told at the end how many requests
 * are left out because they ended with a status that only a later release knows. Costs one call per 200 requests and one per ended request.
 */
export async function* historyOf(
  queue: Pick<QueueClient, "requests" | "history">,
  window: Window = {},
  leftOut: (notice: string) => void = () => {},
): AsyncGenerator<ReplayEntry, void, void> {
  const unknown = new Map<string, number>();
  for await (const request of queue.requests(window)) {
    if (!request.ended) continue;
    if (!isOutcome(request.status)) {
      unknown.set(request.status, (unknown.get(request.status) ?? 0) + 1);
      continue;
    }
    const { events } = await queue.history(request.number);
    const entry = entryOf(request, events);
    if (entry) yield entry;
  }
  for (const [status, count] of unknown)
    leftOut(`${count} that ended as ${status} left out: this release does not know the status, a newer one does.`);
}
