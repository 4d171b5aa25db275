import * as z from "zod";
import { Caller } from "../../contracts/caller.ts";
import { ChangeUri } from "../../contracts/change-uri.ts";
import { BuildKey, QueueName, RequestNumber, Sqid } from "../../contracts/ids.ts";
import { Blocker, MetadataValue, Outcome, Status } from "../../contracts/log-event.ts";
import { Cancel, Land, Question } from "../../contracts/messages/request-messages.ts";
import { Answer } from "../../contracts/questions.ts";
import { Priority, QueueMode } from "../../contracts/queues.ts";
import { Note, Reason } from "../../contracts/reasons.ts";
import { MergeStrategy } from "../../contracts/strategy.ts";
import { ARCHIVED, KEY } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { Targets } from "../../contracts/touches.ts";
import { BUILD_STATES, MARKS, NO_PROGRESS, type Progress } from "../../domain/progress.ts";
import type { Summary } from "../../domain/request-log.ts";
import { type Item, parseItem } from "./stored-item.ts";

const StoredBuild = z.object({
  buildKey: BuildKey,
  state: z.enum(BUILD_STATES),
  at: EpochMs,
  startedAt: EpochMs.exactOptional(),
  endedAt: EpochMs.exactOptional(),
  url: z.string().exactOptional(),
  base: z.string().exactOptional(),
  with: z.string().exactOptional(),
  isOfAnother: z.literal(true).exactOptional(),
});

const StoredProgress: z.ZodType<Progress> = z.object({
  builds: z.array(StoredBuild),
  blocked: z
    .object({ at: EpochMs, id: z.string(), blocker: Blocker, on: z.string(), said: z.string().exactOptional() })
    .exactOptional(),
  marks: z.partialRecord(z.enum(MARKS), EpochMs),
  position: z.int().nonnegative().exactOptional(),
});

const StoredSummary = z.object({
  queue: QueueName,
  sqid: Sqid,
  number: RequestNumber,
  changes: z.array(ChangeUri).min(1),
  strategy: MergeStrategy,
  priority: Priority.exactOptional(),
  targets: Targets.exactOptional(),
  caller: Caller.exactOptional(),
  retryReason: Note.exactOptional(),
  receivedAt: EpochMs,
  status: Status,
  at: EpochMs,
  stamp: z.string(),
  reason: Reason.exactOptional(),
  /** From here on with defaults, for a summary that was written by a release without these fields. */
  answered: z.boolean().default(true),
  cancel: Cancel.pick({ at: true, note: true, caller: true }).exactOptional(),
  prioritized: z
    .object({ count: z.int().positive(), at: EpochMs, caller: z.string(), note: Note.exactOptional() })
    .exactOptional(),
  cancelReason: z.object({ stamp: z.string(), value: Reason }).exactOptional(),
  progress: StoredProgress.default(NO_PROGRESS),
  seen: z.array(z.string()).default([]),
  metadata: z.record(z.string(), z.object({ stamp: z.string(), value: MetadataValue })),
  version: z.int().positive(),
});

/** The summary in a stored item, whose key tells whether the summary is archived. Throws store.unreadable. */
export function summaryIn(item: Item): Summary {
  const key = `${item[KEY.pk]} ${item[KEY.sk]}`;
  const summary = parseItem(StoredSummary, item, `the summary ${key}`);
  return { ...summary, ...(key.startsWith(ARCHIVED) ? { archived: true as const } : {}) };
}

/** The request that an idempotency key was first used for. */
export const FirstUse = z.object({
  land: Land,
  /** The hash of the Land call: another hash under the same key is another request. */
  hash: z.string(),
});
export type FirstUse = z.infer<typeof FirstUse>;

/** The first use in a stored item. Throws store.unreadable. */
export const firstUseIn = (item: Item): FirstUse => parseItem(FirstUse, item, "the use of an idempotency key");

/** A question, and its answer. */
export const AskedQuestion = z.object({
  question: Question,
  askedAt: EpochMs,
  /** Absent until the orchestrator has answered. */
  answer: Answer.exactOptional(),
});
export type AskedQuestion = z.infer<typeof AskedQuestion>;

/** The mode that a queue was last set to. */
export const ModeSet = z.object({
  queue: QueueName,
  mode: QueueMode,
  note: Note.exactOptional(),
  /** The name of the caller who set the mode. */
  caller: z.string().exactOptional(),
  /** When the mode was set. */
  since: EpochMs,
  /** Counts writes, from 1. */
  version: z.int().positive(),
  /** True once an event of this version is sure to be published. */
  told: z.boolean().exactOptional(),
});
export type ModeSet = z.infer<typeof ModeSet>;

/** The mode in a stored item. Throws store.unreadable. */
export const modeIn = (item: Item): ModeSet => parseItem(ModeSet, item, `the mode ${item[KEY.pk]}`);

/** An entry of the list of ended requests, which is in the order of their ends. */
export const Ended = z.object({
  number: RequestNumber,
  status: Outcome,
  reason: Reason.exactOptional(),
  endedAt: EpochMs,
  commit: z.string().exactOptional(),
  /** Absent where the changes were not read, and in items of an older release. */
  title: z.string().exactOptional(),
  /** Absent in items of an older release. */
  receivedAt: EpochMs.exactOptional(),
});
export type Ended = z.infer<typeof Ended>;

/** An entry of a list of requests: it names a request, whose summary is read by the number. Never changes. */
export const Pointer = z.object({ number: RequestNumber, receivedAt: EpochMs });
export type Pointer = z.infer<typeof Pointer>;
