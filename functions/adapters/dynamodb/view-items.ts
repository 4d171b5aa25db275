import { z } from "zod";
import { Caller } from "../../contracts/caller.ts";
import { ChangeUri } from "../../contracts/change-uri.ts";
import { QueueName, RequestNumber, Sqid } from "../../contracts/ids.ts";
import { MetadataValue, Status } from "../../contracts/log-event.ts";
import { Cancel, Land } from "../../contracts/messages.ts";
import { Priority, QueueMode } from "../../contracts/queues.ts";
import { Note, Reason } from "../../contracts/reasons.ts";
import { MergeStrategy } from "../../contracts/strategy.ts";
import { EpochMs } from "../../contracts/time.ts";
import { Targets } from "../../contracts/touches.ts";
import type { Summary } from "../../domain/request-log.ts";

const StoredSummary = z.object({
  queue: QueueName,
  sqid: Sqid,
  number: RequestNumber,
  changes: z.array(ChangeUri).min(1),
  strategy: MergeStrategy,
  priority: Priority.exactOptional(),
  targets: Targets.exactOptional(),
  caller: Caller.exactOptional(),
  receivedAt: EpochMs,
  status: Status,
  at: EpochMs,
  stamp: z.string(),
  reason: Reason.optional(),
  cancelReason: z.object({ stamp: z.string(), value: Reason }).optional(),
  metadata: z.record(z.string(), z.object({ stamp: z.string(), value: MetadataValue })),
  version: z.int().positive(),
});

/** A summary as it is stored, keys and all. Throws a ZodError when the item is not one. */
export function summaryIn(item: unknown): Summary {
  const { reason, cancelReason, ...summary } = StoredSummary.parse(item);
  return {
    ...summary,
    ...(reason === undefined ? {} : { reason }),
    ...(cancelReason === undefined ? {} : { cancelReason }),
  };
}

/** What an idempotency key was first used for. */
export const FirstUse = z.object({
  land: Land,
  /** The hash of the Land call: another hash under the same key is another request. */
  hash: z.string(),
});
export type FirstUse = z.infer<typeof FirstUse>;

const Written = {
  /** When the marker was written. It is removed only as long as this has not changed. */
  since: EpochMs,
};
export const UnansweredLand = z.object({ ...Written, message: Land });
export type UnansweredLand = z.infer<typeof UnansweredLand>;
export const UnansweredCancel = z.object({ ...Written, message: Cancel });
export type UnansweredCancel = z.infer<typeof UnansweredCancel>;

/** How a queue was last told to run. */
export const ModeSet = z.object({
  queue: QueueName,
  mode: QueueMode,
  note: Note.exactOptional(),
  /** The name of the caller who set it. */
  caller: z.string().exactOptional(),
  /** When it became so. */
  since: EpochMs,
  /** Counts writes, from 1. */
  version: z.int().positive(),
  /** True once an event of this version is sure to be published. */
  told: z.boolean().exactOptional(),
});
export type ModeSet = z.infer<typeof ModeSet>;

/** Immutable: points at a request's summary. */
export const Pointer = z.object({ number: RequestNumber, receivedAt: EpochMs });
export type Pointer = z.infer<typeof Pointer>;
