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
import type { Cancel, Land } from "../contracts/messages/request-messages.ts";
import type { Reason } from "../contracts/reasons.ts";
import { padded } from "../contracts/tables.ts";
import type { EpochMs } from "../contracts/time.ts";
import { boundedProgress, foldProgress, NO_PROGRESS, type Progress } from "./progress.ts";

/** A value with the stamp (`stampOf`) of the log entry that it comes from. Of two values, the one with the greater stamp is kept. */
interface Stamped<T> {
  readonly stamp: string;
  readonly value: T;
}

/**
 * Where a request stands, folded from its log entries one by one (`fold`). The result does not depend on the order of the entries, nor on repeats.
 */
export interface Summary extends Omit<Land, "v" | "kind"> {
  readonly number: RequestNumber;
  readonly status: Status;
  /** The time of the entry that the status comes from. */
  readonly at: EpochMs;
  /** The stamp of that entry. */
  readonly stamp: string;
  /** The reason of that entry. */
  readonly reason?: Reason;
  /** True once the log holds an entry of the orchestrator (`isAnswer`): the orchestrator has received the request. */
  readonly answered: boolean;
  /** The first cancel of the request, which is the one that counts. */
  readonly cancel?: Omit<Cancel, "v" | "kind" | "queue" | "sqid">;
  /** The last change of the priority. Absent when no caller has changed the priority; `priority` is then that of the Land call. */
  readonly prioritized?: PriorityChange;
  /** The reason that the caller gave for cancelling the request. */
  readonly cancelReason?: Stamped<Reason>;
  /** By key: the value from the entry with the greatest stamp that sets the key. */
  readonly metadata: Readonly<Record<string, Stamped<Metadata[string]>>>;
  /** The builds of the request, and what it waits for. */
  readonly progress: Progress;
  /** Hashes of the ids of the entries that were folded, by which a repeat is recognised: at most 300. */
  readonly seen: readonly string[];
  /** True once the request has ended and its summary was moved away from those in flight. */
  readonly archived?: true;
  /** Counts writes, from 1. */
  readonly version: number;
}

/** A change of a request's priority by a caller. */
export interface PriorityChange {
  /** Counts the changes of the request's priority, from 1. */
  readonly count: number;
  readonly at: EpochMs;
  readonly caller: string;
  /** The caller's note on the change. */
  readonly note?: string;
}

const rankOf = (status: Status): number => STATUSES.indexOf(status);

/**
 * Of two statuses, a request has the one with the greater weight. Their times do not count. An end has weight 3, `cancelling` 2, every other
 * status 1, and `accepted` 0.
 */
function weightOf(status: Status): number {
  if (hasEnded(status)) return 3;
  if (status === "cancelling") return 2;
  return status === "accepted" ? 0 : 1;
}

/**
 * The stamp of a status entry: a string that orders the status entries of a request. The entry with the greatest stamp tells the status. Stamps
 * compare by weight, then (among ends) by the version of the request, then by time, by the order of the statuses, and by id, so no two entries
 * have the same stamp. The version goes before the time because the clocks of two writers may differ.
 *
 * Example: an `error` of version 4 at 10:00:01 has a greater stamp than a `landed` of version 3 at 10:00:02.
 */
export function stampOf(entry: Extract<LogEvent, { kind: "status" }>): string {
  const version = hasEnded(entry.status) ? entry.version : 0;
  return [weightOf(entry.status), padded(version), padded(entry.at), padded(rankOf(entry.status), 2), entry.id].join(
    "#",
  );
}

/** The first summary of a request, from its Land message and its `accepted` entry. Throws when the entry is not about a status. */
export function openingOf({ v: _v, kind: _kind, ...land }: Land, number: RequestNumber, accepted: LogEvent): Summary {
  if (accepted.kind !== "status") throw new Error(`${accepted.id} is not a status`);
  return {
    ...land,
    number,
    status: accepted.status,
    at: accepted.at,
    stamp: stampOf(accepted),
    answered: false,
    metadata: stampedBy(stampOf(accepted), accepted.metadata),
    progress: NO_PROGRESS,
    // The call that makes the summary writes this entry.
    seen: [hashOfId(accepted.id)],
    version: 1,
  };
}

/**
 * The summary after one more log entry. The same object when the summary knows that it has folded the entry (`hasSeen`). Entries may be folded
 * in any order, and repeatedly: only `version`, which counts the changes, differs then. There is one exception: of a request with more than 20
 * builds, the order may decide which builds `progress` keeps. A happening changes `progress`, and neither the status nor the metadata.
 */
export function fold(summary: Summary, entry: LogEvent): Summary {
  if (hasSeen(summary, entry)) return summary;
  return {
    ...(entry.kind === "status" ? foldStatus(summary, entry) : summary),
    answered: summary.answered || isAnswer(entry),
    progress: boundedProgress(foldProgress(summary.progress, entry)),
    seen: [...summary.seen, hashOfId(entry.id)].toSorted().slice(-MOST_SEEN),
    version: summary.version + 1,
  };
}

/** A summary recognises a repeat of at most this many entries. Another repeat is folded again, and changes only the summary's version. */
const MOST_SEEN = 300;

const hashOfId = (id: string): string => hashOf("entry", id).slice(0, 10);

/** True when the summary knows that the entry was folded into it. False for some entries of a log of more than 300, although they were folded. */
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

/**
 * The entries that the gateway itself adds to the log because of new entries. There is one: `cancel_too_late`, when a request landed although its
 * caller had cancelled it. Empty otherwise. `summary` holds the cancel.
 */
export function consequencesOf({ sqid, cancel }: Summary, added: readonly LogEvent[]): LogEvent[] {
  const landed = added.find((entry) => entry.kind === "status" && entry.status === "landed");
  if (landed === undefined || cancel === undefined) return [];
  const metadata = cancel.caller === undefined ? {} : { caller: cancel.caller };
  return [happeningEvent(sqid, "cancel_too_late", landed.at, { occurrence: "landed", metadata })];
}

/** The metadata with the stamp of their entry, without `caller`: the entry's caller need not be the one who asked for the request. */
const stampedBy = (stamp: string, { caller: _, ...metadata }: Metadata): Summary["metadata"] =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, { stamp, value }]));

/**
 * Why the request ended, or is being cancelled. For a cancelled request whose last entry gives no reason: the reason that the caller gave.
 * Undefined when no reason was given.
 */
export const endReasonOf = (summary: Summary): Reason | undefined =>
  summary.reason ?? (summary.status === "cancelled" ? summary.cancelReason?.value : undefined);

/** The metadata of the request, without the stamps. */
export const metadataOf = (summary: Summary): Metadata =>
  Object.fromEntries(Object.entries(summary.metadata).map(([key, { value }]) => [key, value]));

/** The Land message of the request, with its present priority. */
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

/**
 * True for an entry that shows that the orchestrator has received the request: any entry but those that the gateway writes for its callers
 * (`accepted`, `cancelling`, `prioritized`).
 */
export const isAnswer = (entry: LogEvent): boolean =>
  entry.kind === "event" ? entry.event !== "prioritized" : entry.status !== "accepted" && entry.status !== "cancelling";

/**
 * The statuses of admission. Their entries may have a later time than the request's end, because admission may still run then, on a machine
 * with another clock.
 */
const ADMISSION: ReadonlySet<Status> = new Set(["started", "validating", "validated"]);

/**
 * The entries of one request, oldest first, in a new array. Entries of the same millisecond are in the order of a request's life: `landing` before
 * `landed`. A status of admission comes before the request's end, also when its time is later.
 *
 * Example: `validating` at 12 ms and `cancelled` at 10 ms are in the order validating, cancelled.
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

/** A number that orders entries by a request's life. Happenings come between `speculating` and the status after it. */
const lifeOrderOf = (entry: LogEvent): number =>
  entry.kind === "status"
    ? rankOf(entry.status)
    : rankOf("speculating") + (1 + Happening.options.indexOf(entry.event)) / (1 + Happening.options.length);
