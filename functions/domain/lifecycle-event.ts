import type { ChangeUri } from "../contracts/change-uri.ts";
import {
  EVENT_TYPES,
  type LifecycleEvent,
  type QueueEvent,
  type RequestEvent,
  type TrunkEvent,
} from "../contracts/lifecycle-event.ts";
import { hasEnded, type LogEvent, type Metadata } from "../contracts/log-event.ts";
import type { ModeChanged, TrunkChanged } from "../contracts/messages/log-messages.ts";
import type { QueueMode } from "../contracts/queues.ts";
import { type Reason, reasonOf } from "../contracts/reasons.ts";
import { cut } from "../contracts/text.ts";
import { type EpochMs, isoTimestamp } from "../contracts/time.ts";
import type { Summary } from "./request-log.ts";

/** What an event holds at most: characters (UTF-16 units) of each text, and a number of keys. A few kilobytes altogether. */
const MOST = { reason: 1_000, changes: 2_000, metadataValue: 200, metadataKeys: 16 } as const;

const envelopeOf = (deployment: string, queue: string, id: string, at: EpochMs) => ({
  specversion: "1.0" as const,
  id,
  source: `/submitqueue/${deployment}/queues/${queue}`,
  time: isoTimestamp(at),
  datacontenttype: "application/json" as const,
});

/**
 * The event that tells of a log entry. Its id is the id of the entry, so a receiver can tell a repeat. Number, changes, strategy, priority
 * and time of receipt come from the request's summary. `deployment` is `<account>.<region>`. Long texts are cut (MOST).
 *
 * Example: the entry `main/17/landed` becomes the event `main/17/landed` of type `dev.submitqueue.request.landed`.
 */
export function requestEventOf(deployment: string, entry: LogEvent, summary: Summary): RequestEvent {
  const named = entry.kind === "status" ? entry.status : entry.event;
  const changes = firstOf(summary.changes);
  return {
    ...envelopeOf(deployment, entry.queue, entry.id, entry.at),
    type: `${EVENT_TYPES}request.${named}`,
    subject: entry.sqid,
    data: {
      sqid: entry.sqid,
      queue: entry.queue,
      number: summary.number,
      ...(entry.kind === "status" ? { status: entry.status } : { happening: entry.event }),
      ended: entry.kind === "status" && hasEnded(entry.status),
      version: entry.kind === "status" ? entry.version : 0,
      ...(entry.reason === undefined ? {} : { reason: shortReason(entry.reason) }),
      changes,
      changesLeftOut: summary.changes.length - changes.length,
      strategy: summary.strategy,
      priority: summary.priority ?? 0,
      receivedAt: isoTimestamp(summary.receivedAt),
      metadata: shortMetadata(entry.metadata),
    },
  };
}

const TYPES = {
  open: `${EVENT_TYPES}queue.resumed`,
  paused: `${EVENT_TYPES}queue.paused`,
  draining: `${EVENT_TYPES}queue.draining`,
} as const satisfies Record<QueueMode, LifecycleEvent["type"]>;

/** The event that a queue was paused, drained or resumed. Its id holds the version of the queue's mode, so a receiver can tell a repeat. */
export const queueEventOf = (deployment: string, { queue, mode, note, at, version }: ModeChanged): QueueEvent => ({
  ...envelopeOf(deployment, queue, `${queue}/mode/${version}`, at),
  type: TYPES[mode],
  subject: queue,
  data: { queue, mode, version, ...(note === undefined ? {} : { note }) },
});

/** The event that a trunk has become red (`red` is set) or has recovered. Its id holds the version of the change, which counts both. */
export const trunkEventOf = (deployment: string, { queue, at, red, version }: TrunkChanged): TrunkEvent => ({
  ...envelopeOf(deployment, queue, `${queue}/trunk/${version}`, at),
  type: red === undefined ? `${EVENT_TYPES}trunk.recovered` : `${EVENT_TYPES}trunk.red`,
  subject: queue,
  data: {
    queue,
    version,
    ...(red === undefined ? {} : { commit: red.commit, author: red.author, reason: shortReason(red.reason) }),
  },
});

const shortReason = ({ code, message }: Reason): Reason => reasonOf(code, cut(message, MOST.reason));

/** The first changes, as many as an event has room for. */
function firstOf(changes: readonly ChangeUri[]): ChangeUri[] {
  const first: ChangeUri[] = [];
  let room: number = MOST.changes;
  for (const uri of changes) {
    room -= uri.length;
    if (room < 0) return first;
    first.push(uri);
  }
  return first;
}

const shortMetadata = (metadata: Metadata): Metadata =>
  Object.fromEntries(
    Object.entries(metadata)
      .slice(0, MOST.metadataKeys)
      .map(([key, value]) => [key, typeof value === "string" ? cut(value, MOST.metadataValue) : value]),
  );
