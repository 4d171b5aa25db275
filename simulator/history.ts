import type { QueueClient } from "../client/client.ts";
import type { HistoryEntry, RequestSummary } from "../functions/contracts/api.ts";
import { median } from "./measures.ts";

/** One change of a history, as `--replay` reads it. */
export interface HistoryLine {
  readonly id: string;
  readonly arrivedAt: string;
  /** Those that were there when it arrived and that it conflicted with: the last twenty, as the log names them. */
  readonly behind: readonly string[];
  /** Of its builds that finished, the median; else how long the first had run when it ended: at least so long. */
  readonly buildSeconds: number;
  readonly outcome: "landed" | "error" | "cancelled";
  readonly endedAt: string;
}

/** What the request's history says of it; undefined when it has not ended, or was never built. */
export function lineOf(request: RequestSummary, events: readonly HistoryEntry[]): HistoryLine | undefined {
  const { number, receivedAt, status, updatedAt } = request;
  if (status !== "landed" && status !== "error" && status !== "cancelled") return undefined;
  const builds = buildSecondsOf(events, Date.parse(updatedAt));
  if (builds.length === 0) return undefined;
  const behind = events.find((event) => event.status === "batched")?.metadata["behind"];
  return {
    id: String(number),
    arrivedAt: receivedAt,
    behind: typeof behind === "string" ? behind.split(" ").filter(Boolean).map(requestOf) : [],
    buildSeconds: median(builds),
    outcome: status,
    endedAt: updatedAt,
  };
}

/** A batch's label is the number of its request, and after a dot how often the request was batched before. */
const requestOf = (label: string): string => label.replace(/\..*$/, "");

const seconds = (durationMs: number): number => Math.max(0.001, durationMs / 1000);

/** A bundle's build counts for each of its heads. */
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
  /** Received at or after. */
  readonly since?: string | undefined;
  /** Received before. */
  readonly until?: string | undefined;
}

/** The requests of the window that ended and were built, newest first: one call per 200 requests, and one per request. */
export async function* historyOf(
  queue: Pick<QueueClient, "requests" | "history">,
  window: Window = {},
): AsyncGenerator<HistoryLine, void, void> {
  for await (const request of queue.requests(window)) {
    if (!request.ended) continue;
    const { events } = await queue.history(request.number);
    const line = lineOf(request, events);
    if (line) yield line;
  }
}
