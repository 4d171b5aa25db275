import * as z from "zod";
import { ChangeUri } from "./change-uri.ts";
import { GitSha, QueueName, RequestNumber, Sqid } from "./ids.ts";
import { Happening, Metadata, Status } from "./log-event.ts";
import { Priority, QueueMode } from "./queues.ts";
import { Note, Reason } from "./reasons.ts";
import { MergeStrategy } from "./strategy.ts";

/** Every type of event begins with it: `dev.submitqueue.request.landed`. */
export const EVENT_TYPES = "dev.submitqueue.";

/** The EventBridge source of every event. */
export const EVENT_SOURCE = "submitqueue";

/** The EventBridge bus of a deployment. */
export const EVENT_BUS = "submitqueue";

const Timestamp = z.iso.datetime({ precision: 3 });

/** A CloudEvent 1.0. `source` and `id` together name one fact: a consumer drops a repeat. */
const Envelope = {
  specversion: z.literal("1.0"),
  id: z.string().min(1).max(512),
  /** `/submitqueue/<deployment>/queues/<queue>` */
  source: z.string(),
  time: Timestamp,
  datacontenttype: z.literal("application/json"),
};

/** A request has got a status, or something has happened to it. Exactly one of `status` and `happening` is set. */
export const RequestEvent = z.object({
  ...Envelope,
  type: z.templateLiteral([EVENT_TYPES, "request.", z.union([Status, Happening])]),
  subject: Sqid,
  data: z.object({
    sqid: Sqid,
    queue: QueueName,
    number: RequestNumber,
    status: Status.optional(),
    happening: Happening.optional(),
    /** True when the status is landed, error or cancelled. */
    ended: z.boolean(),
    /** Orders the ends of a request when there is more than one: the greater counts. 0 for every other event. */
    version: z.int().nonnegative(),
    reason: Reason.optional(),
    /** The first of the changes. */
    changes: z.array(ChangeUri),
    /** How many changes the request has beyond those. */
    changesLeftOut: z.int().nonnegative(),
    strategy: MergeStrategy,
    priority: Priority,
    receivedAt: Timestamp,
    metadata: Metadata,
  }),
});
export type RequestEvent = z.infer<typeof RequestEvent>;

/** A queue runs in another way. */
export const QueueEvent = z.object({
  ...Envelope,
  type: z.enum([`${EVENT_TYPES}queue.paused`, `${EVENT_TYPES}queue.draining`, `${EVENT_TYPES}queue.resumed`]),
  /** The queue. */
  subject: QueueName,
  data: z.object({
    queue: QueueName,
    mode: QueueMode,
    /** Counts the changes of the queue's mode, from 1: the greater is the later. */
    version: z.int().positive(),
    note: Note.optional(),
  }),
});
export type QueueEvent = z.infer<typeof QueueEvent>;

/** The trunk of a queue fails by itself, or passes again. */
export const TrunkEvent = z.object({
  ...Envelope,
  type: z.enum([`${EVENT_TYPES}trunk.red`, `${EVENT_TYPES}trunk.recovered`]),
  /** The queue. */
  subject: QueueName,
  data: z.object({
    queue: QueueName,
    /** Counts the changes, from 1: the greater is the later. */
    version: z.int().positive(),
    /** Of `trunk.red`: the first commit that was found to fail, the name of its author, and what failed. */
    commit: GitSha.optional(),
    author: Note.optional(),
    reason: Reason.optional(),
  }),
});
export type TrunkEvent = z.infer<typeof TrunkEvent>;

export const LifecycleEvent = z.union([RequestEvent, QueueEvent, TrunkEvent]);
export type LifecycleEvent = z.infer<typeof LifecycleEvent>;
