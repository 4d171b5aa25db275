import type { ModeSet } from "../../adapters/dynamodb/view-items.ts";
import type { FlakeView, QueueView } from "../../contracts/api/queue-views.ts";
import type { HistoryEntry, RequestSummary, Why } from "../../contracts/api/request-views.ts";
import { hasEnded, type LogEvent } from "../../contracts/log-event.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { Explanation } from "../../domain/explain.ts";
import type { FlakeLedger } from "../../domain/flakes.ts";
import { endReasonOf, metadataOf, type Summary } from "../../domain/request-log.ts";

export const timestamp = (ms: number): string => new Date(ms).toISOString();

/** A summary as the API shows it. */
export function shown(summary: Summary): RequestSummary {
  const { sqid, queue, number, status, changes, strategy, priority = 0, caller } = summary;
  const reason = endReasonOf(summary);
  return {
    sqid,
    queue,
    number,
    status,
    ended: hasEnded(status),
    ...(reason === undefined ? {} : { reason }),
    changes,
    strategy,
    priority,
    ...(caller === undefined ? {} : { caller: caller.name }),
    receivedAt: timestamp(summary.receivedAt),
    updatedAt: timestamp(summary.at),
    metadata: metadataOf(summary),
  };
}

/** An explanation as the API shows it. */
export const shownWhy = (
  { sqid, status, caller }: Summary,
  { blocker, on, since, estimateSeconds, builds, sentence }: Explanation,
): Why => ({
  sqid,
  status,
  ended: hasEnded(status),
  ...(caller === undefined ? {} : { caller: caller.name }),
  ...(blocker === undefined ? {} : { blocker }),
  ...(on === undefined ? {} : { on: [...on] }),
  since: timestamp(since),
  ...(estimateSeconds === undefined ? {} : { estimateSeconds }),
  builds: builds.map(({ at, ...build }) => ({ ...build, at: timestamp(at) })),
  sentence,
});

/** A queue as the API shows it: its configuration and its mode. */
export const shownQueue = ({ name, repository, strategy }: QueueConfig, set: ModeSet | undefined): QueueView => ({
  name,
  repository: repository.remote,
  branch: repository.branch,
  strategy,
  mode: set?.mode ?? "open",
  ...(set === undefined ? {} : { since: timestamp(set.since) }),
  ...(set?.note === undefined ? {} : { note: set.note }),
  ...(set?.caller === undefined ? {} : { modeBy: set.caller }),
});

/** The flaky tests of a queue as the API shows them, the one seen last first. */
export const shownFlakes = ({ flakes }: FlakeLedger): FlakeView[] =>
  flakes.map(({ seenIn: _, ...flake }) => ({ ...flake, lastSeen: timestamp(flake.lastSeen) }));

/** An entry of the log as the API shows it. */
export const shownEntry = (entry: LogEvent): HistoryEntry => ({
  id: entry.id,
  at: timestamp(entry.at),
  kind: entry.kind,
  ...(entry.kind === "status" ? { status: entry.status } : { event: entry.event }),
  ...(entry.reason === undefined ? {} : { reason: entry.reason }),
  metadata: entry.metadata,
});
