import * as z from "zod";
import { ChangeUri } from "../change-uri.ts";
import { BuildKey, QueueName, RequestNumber, Sqid } from "../ids.ts";
import { Blocker, Happening, Metadata, Status } from "../log-event.ts";
import { Priority } from "../queues.ts";
import { Reason } from "../reasons.ts";
import { MergeStrategy } from "../strategy.ts";
import { Timestamp } from "./fields.ts";

export const RequestSummary = z.object({
  sqid: Sqid,
  queue: QueueName,
  number: RequestNumber,
  status: Status,
  /** True once the status is landed, error or cancelled. The status does not change again, except to landed. */
  ended: z.boolean(),
  /** Why the request ended, or is being cancelled. */
  reason: Reason.optional(),
  changes: z.array(ChangeUri),
  strategy: MergeStrategy,
  priority: Priority,
  /** The name of the caller who asked for the request. */
  caller: z.string().optional(),
  receivedAt: Timestamp,
  updatedAt: Timestamp,
  metadata: Metadata,
});
export type RequestSummary = z.infer<typeof RequestSummary>;

export const HistoryEntry = z.object({
  id: z.string(),
  at: Timestamp,
  kind: z.enum(["status", "event"]),
  /** Set when kind is status. */
  status: Status.optional(),
  /** Set when kind is event. */
  event: Happening.optional(),
  reason: Reason.optional(),
  metadata: Metadata,
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;

export const HistoryPage = z.object({ sqid: Sqid, events: z.array(HistoryEntry) });
export type HistoryPage = z.infer<typeof HistoryPage>;

/**
 * passed and failed are verdicts. retried: it failed, and was not taken for a verdict. stopped: no batch needed it any more. unfinished: it runs,
 * or its end was not told.
 */
export const BuildOutcome = z.enum(["passed", "failed", "retried", "stopped", "unfinished"]);
export type BuildOutcome = z.infer<typeof BuildOutcome>;

/** GET /v1/queues/{queue}/requests/{n}/why */
export const Why = z.object({
  sqid: Sqid,
  status: Status,
  ended: z.boolean(),
  /** The name of the caller who asked for the request. */
  caller: z.string().optional(),
  /** What keeps the request from landing, when that is known. */
  blocker: Blocker.optional(),
  /** The requests in the way. */
  on: z.array(Sqid).optional(),
  /** Since when the request waits for this blocker. Without a blocker: since when it has its status. */
  since: Timestamp,
  /** Of a request that has ended, the builds that decided its end. Of any other request, all builds so far. Oldest first. */
  builds: z.array(z.object({ buildKey: BuildKey, outcome: BuildOutcome, url: z.string().optional(), at: Timestamp })),
  /** The same for people: what the request waits for, or why it ended. */
  sentence: z.string(),
  /** In how many seconds the request will probably land. Absent when it has ended, and when the queue has landed too few requests to tell. */
  estimateSeconds: z.int().optional(),
});
export type Why = z.infer<typeof Why>;

export const RequestPage = z.object({ requests: z.array(RequestSummary), nextPage: z.string().optional() });
export type RequestPage = z.infer<typeof RequestPage>;
