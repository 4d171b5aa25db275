import { hashOf } from "../contracts/hash.ts";
import type { RequestNumber } from "../contracts/ids.ts";
import {
  Happening,
  happeningEvent,
  hasEnded,
  type LogEvent,
  type Metadata,
  STATUSES,
  type Status,
  type StatusEvent,
} from "../contracts/log-event.ts";
import type { Cancel, Land } from "../contracts/messages.ts";
import type { Reason } from "../contracts/reasons.ts";
import { padded } from "../contracts/tables.ts";
import type { EpochMs } from "../contracts/time.ts";
import { boundedProgress, foldProgress, NO_PROGRESS, type Progress } from "./progress.ts";

/** A value with the stamp of the log entry that it comes from. Of two values, the one with the greater stamp is kept. */
export interface Stamped<T> {
  readonly stamp: string;
  readonly value: T;
}

/** The present status of a request, folded from its log entries. The order of the entries, and repeats of them, make no difference. */
export interface Summary extends Omit<Land, "v" | "kind"> {
  readonly number: RequestNumber;
  readonly status: Status;
  /** The time of the entry that the status comes from. */
  readonly at: EpochMs;
  /** The stamp of that entry. */
  readonly stamp: string;
  /** The reason of that entry. */
  readonly reason?: Reason;
  /** True once the orchestrator has answered: it has received the request. */
  readonly heard: boolean;
  /** The first cancel of the request, which is the one that counts. */
  readonly cancel?: Omit<Cancel, "v" | "kind" | "queue" | "sqid">;
  /** The last change of the priority, which `priority` is. */
  readonly prioritized?: PriorityChange;
  /** The reason that the caller gave for cancelling the request. */
  readonly cancelReason?: Stamped<Reason>;
  /** By key: the value from the entry with the greatest stamp that sets the key. */
  readonly metadata: Readonly<Record<string, Stamped<Metadata[string]>>>;
  readonly progress: Progress;
  /** Hashes of the ids of the entries that were folded, so that a repeat is known. Of a very long log, some of them. */
  readonly seen: readonly string[];
  /** True once the request has ended and its summary was moved away from those in flight. */
  readonly archived?: true;
  /** Counts writes, from 1. */
  readonly version: number;
}

/** A caller has set another priority. */
export interface PriorityChange {
  /** Counts the changes of the request's priority, from 1. */
  readonly count: number;
  readonly at: EpochMs;
  readonly caller: string;
  /** What the caller said about it. */
  readonly note?: string;
}

const rankOf = (status: Status): number => STATUSES.indexOf(status);

/** The status with the greater weight is kept, also when its time is earlier: an end, then `cancelling`, then progress, then `accepted`. */
function weightOf(status: Status): number {
  if (hasEnded(status)) return 3;
  if (status === "cancelling") return 2;
  return status === "accepted" ? 0 : 1;
}

/**
 * A string that orders status entries: the entry with the greatest one tells the request's status. Compared are the weight, then among ends
 * the version of the request, then the time, the order of the statuses, and the id, so that no two entries are equal. The version goes
 * before the time because the clocks of two writers may differ. Example: an `error` of version 4 at 10:00:01 is greater than a `landed` of
 * version 3 at 10:00:02.
 */
export function stampOf(entry: Extract<LogEvent, { kind: "status" }>): string {
  const version = hasEnded(entry.status) ? entry.version : 0;
  return [weightOf(entry.status), padded(version), padded(entry.at), padded(rankOf(entry.status), 2), entry.id].join(
    "#",
  );
}

/** The summary of a request that was just accepted. */
export function openingOf({ v: _v, kind: _kind, ...land }: Land, number: RequestNumber, accepted: LogEvent): Summary {
  if (accepted.kind !== "status") throw new Error(`${accepted.id} is not a status`);
  return {
    ...land,
    number,
    status: accepted.status,
    at: accepted.at,
    stamp: stampOf(accepted),
    heard: false,
    metadata: stampedBy(stampOf(accepted), accepted.metadata),
    progress: NO_PROGRESS,
    // The call that makes the summary writes this entry.
    seen: [hashOfId(accepted.id)],
    version: 1,
  };
}

/**
 * The summary after one more log entry. The same object when the entry was folded before. Entries may be folded in any order and repeatedly:
 * the result is the same, but for the version, which counts up with each change. An event leaves the status and the metadata alone.
 */
export function fold(summary: Summary, entry: LogEvent): Summary {
  if (hasSeen(summary, entry)) return summary;
  return {
    ...(entry.kind === "status" ? foldStatus(summary, entry) : summary),
    heard: summary.heard || isAnswer(entry),
    progress: boundedProgress(foldProgress(summary.progress, entry)),
    seen: [...summary.seen, hashOfId(entry.id)].toSorted().slice(-MOST_SEEN),
    version: summary.version + 1,
  };
}

/** How many entries a summary knows to have been folded. A repeat of an entry that it has forgotten is folded again, to the same result. */
const MOST_SEEN = 300;

const hashOfId = (id: string): string => hashOf("entry", id).slice(0, 10);

/** True when the entry was folded into the summary. */
export const hasSeen = ({ seen }: Summary, { id }: LogEvent): boolean => seen.includes(hashOfId(id));

function foldStatus(summary: Summary, entry: StatusEvent): Summary {
  const stamp = stampOf(entry);
  const metadata = stampedBy(stamp, entry.metadata);
  const fresher = Object.entries(metadata).filter(([key]) => stamp > (summary.metadata[key]?.stamp ?? ""));
  const wins = stamp > summary.stamp;
  const explains =
    entry.status === "cancelling" && entry.reason !== undefined && stamp > (summary.cancelReason?.stamp ?? "");
  const { reason: outweighed, ...rest } = summary;
  const reason = wins ? entry.reason : outweighed;
  return {
    ...rest,
    ...(wins ? { status: entry.status, at: entry.at, stamp } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(explains && entry.reason !== undefined ? { cancelReason: { stamp, value: entry.reason } } : {}),
    metadata: { ...summary.metadata, ...Object.fromEntries(fresher) },
  };
}

/** What follows from entries that are new to the summary: it lands although its caller had cancelled it, so the log says so. */
export function consequencesOf({ sqid, cancel }: Summary, news: readonly LogEvent[]): LogEvent[] {
  const landed = news.find((entry) => entry.kind === "status" && entry.status === "landed");
  if (landed === undefined || cancel === undefined) return [];
  const metadata = cancel.caller === undefined ? {} : { caller: cancel.caller };
  return [happeningEvent(sqid, "cancel_too_late", landed.at, { occurrence: "landed", metadata })];
}

/** Who caused an entry is of that entry alone: the request has a caller of its own. */
const stampedBy = (stamp: string, { caller: _, ...metadata }: Metadata): Summary["metadata"] =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, { stamp, value }]));

/** Why the request ended or is being cancelled. A cancelled request has its caller's reason when its last entry has none. */
export const reasonOf = (summary: Summary): Reason | undefined =>
  summary.reason ?? (summary.status === "cancelled" ? summary.cancelReason?.value : undefined);

/** The metadata without the stamps. */
export const metadataOf = (summary: Summary): Metadata =>
  Object.fromEntries(Object.entries(summary.metadata).map(([key, { value }]) => [key, value]));

/** The Land message that the request began with. */
export const landOf = ({
  queue,
  sqid,
  changes,
  strategy,
  priority,
  targets,
  caller,
  retryReason,
  receivedAt,
}: Summary): Land => ({
  v: 1,
  kind: "land",
  queue,
  sqid,
  changes,
  strategy,
  ...(priority === undefined ? {} : { priority }),
  ...(targets === undefined ? {} : { targets }),
  ...(caller === undefined ? {} : { caller }),
  ...(retryReason === undefined ? {} : { retryReason }),
  receivedAt,
});

/** True for an entry that only the orchestrator writes. It shows that the orchestrator has received the request. */
export const isAnswer = (entry: LogEvent): boolean =>
  entry.kind === "event" ? entry.event !== "prioritized" : entry.status !== "accepted" && entry.status !== "cancelling";

/** The steps of admission: two of them may run when the request ends, and tell of themselves by the clock of another machine. */
const ADMISSION: ReadonlySet<Status> = new Set(["started", "validating", "validated"]);

/**
 * A new array, oldest first. Entries of the same millisecond are in the order of a request's life: `landing` before `landed`. A step of
 * admission stands before the end of its request, also when the step's time is later. Example: `validating` at 12 ms and `cancelled` at
 * 10 ms are in the order validating, cancelled.
 */
export function inHistoryOrder(entries: readonly LogEvent[]): LogEvent[] {
  const ends = entries.flatMap((entry) => (entry.kind === "status" && hasEnded(entry.status) ? [entry.at] : []));
  const end = Math.min(...ends);
  const timeOf = (entry: LogEvent): number =>
    entry.kind === "status" && ADMISSION.has(entry.status) ? Math.min(entry.at, end) : entry.at;
  return entries.toSorted(
    (a, b) => timeOf(a) - timeOf(b) || lifeOrderOf(a) - lifeOrderOf(b) || (a.id < b.id ? -1 : Number(a.id > b.id)),
  );
}

/** The order of an entry in a request's life. Events come between `speculating` and the status after `speculating`. */
const lifeOrderOf = (entry: LogEvent): number =>
  entry.kind === "status"
    ? rankOf(entry.status)
    : rankOf("speculating") + (1 + Happening.options.indexOf(entry.event)) / (1 + Happening.options.length);
