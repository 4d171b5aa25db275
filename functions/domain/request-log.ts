import type { RequestNumber } from "../contracts/ids.ts";
import { Happening, hasEnded, type LogEvent, type Metadata, STATUSES, type Status } from "../contracts/log-event.ts";
import type { Land } from "../contracts/messages.ts";
import type { Reason } from "../contracts/reasons.ts";
import { padded } from "../contracts/tables.ts";
import type { EpochMs } from "../contracts/time.ts";

/** A value and the stamp of the entry it comes from: the greater stamp stays. */
export interface Stamped<T> {
  readonly stamp: string;
  readonly value: T;
}

/** Where a request stands: what its log entries, folded in any order and any number of times, come to. */
export interface Summary extends Omit<Land, "v" | "kind"> {
  readonly number: RequestNumber;
  readonly status: Status;
  /** The time of the entry that the status comes from. */
  readonly at: EpochMs;
  /** The stamp of that entry. */
  readonly stamp: string;
  /** The reason of that entry. */
  readonly reason?: Reason;
  /** Why it is, or was, to be cancelled. */
  readonly cancelReason?: Stamped<Reason>;
  /** By key: what the winning one of the entries that set it says. */
  readonly metadata: Readonly<Record<string, Stamped<Metadata[string]>>>;
  /** Counts writes, from 1. */
  readonly version: number;
}

const rankOf = (status: Status): number => STATUSES.indexOf(status);

/** What outweighs what, whatever the clocks say: an end, being cancelled, progress, and `accepted` least of all. */
function weightOf(status: Status): number {
  if (hasEnded(status)) return 3;
  if (status === "cancelling") return 2;
  return status === "accepted" ? 0 : 1;
}

/**
 * Orders status entries as strings; the greatest is the request's status. Weight first; among ends the request's version, since clocks
 * of several writers may differ and versions may not; then time, order of life, and id, so that no two entries are equal.
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
    metadata: stampedBy(stampOf(accepted), accepted.metadata),
    version: 1,
  };
}

/**
 * The summary with the entry taken into account; the same object when the entry changes nothing. Commutative, associative and
 * idempotent, so repeats and disorder do no harm. The version counts up with each change.
 */
export function fold(summary: Summary, entry: LogEvent): Summary {
  if (entry.kind === "event") return summary;
  const stamp = stampOf(entry);
  const metadata = stampedBy(stamp, entry.metadata);
  const fresher = Object.entries(metadata).filter(([key]) => stamp > (summary.metadata[key]?.stamp ?? ""));
  const wins = stamp > summary.stamp;
  const explains =
    entry.status === "cancelling" && entry.reason !== undefined && stamp > (summary.cancelReason?.stamp ?? "");
  if (!wins && !explains && fresher.length === 0) return summary;
  const { reason: outweighed, ...rest } = summary;
  const reason = wins ? entry.reason : outweighed;
  return {
    ...rest,
    ...(wins ? { status: entry.status, at: entry.at, stamp } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(explains && entry.reason !== undefined ? { cancelReason: { stamp, value: entry.reason } } : {}),
    metadata: { ...summary.metadata, ...Object.fromEntries(fresher) },
    version: summary.version + 1,
  };
}

const stampedBy = (stamp: string, metadata: Metadata): Summary["metadata"] =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, { stamp, value }]));

/** Why the request ended or is being cancelled: a cancelled one keeps its caller's words when its last entry brings none. */
export const reasonOf = (summary: Summary): Reason | undefined =>
  summary.reason ?? (summary.status === "cancelled" ? summary.cancelReason?.value : undefined);

export const metadataOf = (summary: Summary): Metadata =>
  Object.fromEntries(Object.entries(summary.metadata).map(([key, { value }]) => [key, value]));

/** The Land message that the request began with. */
export const landOf = ({ queue, sqid, changes, strategy, priority, receivedAt }: Summary): Land => ({
  v: 1,
  kind: "land",
  queue,
  sqid,
  changes,
  strategy,
  ...(priority === undefined ? {} : { priority }),
  receivedAt,
});

/** True for an entry that only the orchestrator writes: it has heard of the request. */
export const isAnswer = (entry: LogEvent): boolean =>
  entry.kind === "event" || (entry.status !== "accepted" && entry.status !== "cancelling");

/** Oldest first; what happened in one millisecond stands in the order of a request's life. A new array. */
export const inHistoryOrder = (entries: readonly LogEvent[]): LogEvent[] =>
  entries.toSorted((a, b) => a.at - b.at || placeOf(a) - placeOf(b) || (a.id < b.id ? -1 : Number(a.id > b.id)));

/** Events happen between `speculating` and the status after it. */
const placeOf = (entry: LogEvent): number =>
  entry.kind === "status"
    ? rankOf(entry.status)
    : rankOf("speculating") + (1 + Happening.options.indexOf(entry.event)) / (1 + Happening.options.length);
