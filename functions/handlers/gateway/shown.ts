import type { HistoryEntry, RequestSummary } from "../../contracts/api.ts";
import { hasEnded, type LogEvent } from "../../contracts/log-event.ts";
import { metadataOf, reasonOf, type Summary } from "../../domain/request-log.ts";

export const timestamp = (ms: number): string => new Date(ms).toISOString();

/** A summary as the API shows it. */
export function shown(summary: Summary): RequestSummary {
  const { sqid, queue, number, status, changes, strategy } = summary;
  const reason = reasonOf(summary);
  return {
    sqid,
    queue,
    number,
    status,
    ended: hasEnded(status),
    ...(reason === undefined ? {} : { reason }),
    changes,
    strategy,
    receivedAt: timestamp(summary.receivedAt),
    updatedAt: timestamp(summary.at),
    metadata: metadataOf(summary),
  };
}

/** An entry of the log as the API shows it. */
export const shownEntry = (entry: LogEvent): HistoryEntry => ({
  id: entry.id,
  at: timestamp(entry.at),
  kind: entry.kind,
  ...(entry.kind === "status" ? { status: entry.status } : { event: entry.event }),
  ...(entry.reason === undefined ? {} : { reason: entry.reason }),
  metadata: entry.metadata,
});
