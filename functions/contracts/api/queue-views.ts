import * as z from "zod";
import { ChangeUri } from "../change-uri.ts";
import { BuildKey, GitSha, QueueName, RequestNumber, Sqid } from "../ids.ts";
import { Blocker, Outcome, Status } from "../log-event.ts";
import { Priority, QueueMode } from "../queues.ts";
import { Reason } from "../reasons.ts";
import { MergeStrategy } from "../strategy.ts";
import { Timestamp } from "./fields.ts";

export const QueueView = z.object({
  name: QueueName,
  repository: z.string(),
  branch: z.string(),
  strategy: MergeStrategy,
  mode: QueueMode,
  /** Since when the queue has this mode. Absent when the mode was never changed. */
  since: Timestamp.optional(),
  /** The note of the caller who paused or drained the queue. */
  note: z.string().optional(),
  /** The name of the caller who last paused, drained or resumed the queue. */
  modeBy: z.string().optional(),
});
export type QueueView = z.infer<typeof QueueView>;

const EndCounts = z.object({ landed: z.int(), refused: z.int(), cancelled: z.int() });

/** The target branch fails by itself: since when, at which commit first, who made the commit, and what failed. */
export const RedTrunkView = z.object({
  since: Timestamp,
  commit: GitSha,
  author: z.string().optional(),
  reason: Reason,
});
export type RedTrunkView = z.infer<typeof RedTrunkView>;

/** What a queue holds now, in numbers. */
export const QueueSummary = QueueView.extend({
  /** Set while the target branch fails by itself: nothing lands but a change whose build passes. */
  red: RedTrunkView.optional(),
  /** How many builds may run at once. */
  budget: z.int(),
  /**
   * The requests that have not ended. building: a build of the request runs. landing: the request has passed and is being landed. waiting:
   * neither.
   */
  counts: z.object({ waiting: z.int(), building: z.int(), landing: z.int() }),
  /** lastDay: of the last 24 hours of the clock, the present one included. */
  ended: z.object({ lastHour: EndCounts, lastDay: EndCounts }),
  /** From Land to landed, over the last day, right to five per cent. */
  timeToLand: z.object({ count: z.int(), medianSeconds: z.number().optional(), p95Seconds: z.number().optional() }),
  buildsRunning: z.int(),
  /** What the budget should be measured by. How many requests the queue took in the last hour; how long a build took in the last day, in the mean. */
  load: z.object({ receivedLastHour: z.int(), buildMinutes: z.number().optional() }),
});
export type QueueSummary = z.infer<typeof QueueSummary>;

/** GET /v1/queues, in the order of the configuration. */
export const QueueList = z.object({ queues: z.array(QueueSummary) });
export type QueueList = z.infer<typeof QueueList>;

/** stopped: no batch needed the build any more. retried: the build failed, and the request is built again. */
export const BuildState = z.enum(["running", "stopped", "passed", "failed", "retried"]);

/** A request in flight, as its queue shows it. */
export const QueuedRequest = z.object({
  sqid: Sqid,
  number: RequestNumber,
  status: Status,
  priority: Priority,
  /** The e-mail address of the author of the first commit. Absent until the changes were read. */
  author: z.string().optional(),
  /** The subject of the last commit. Absent until the changes were read. */
  title: z.string().optional(),
  changes: z.array(ChangeUri),
  /** The name of the caller who asked for the request. */
  caller: z.string().optional(),
  receivedAt: Timestamp,
  updatedAt: Timestamp,
  /** What keeps the request from landing, when that is known. */
  blocker: Blocker.optional(),
  /** The requests in the way. */
  on: z.array(Sqid).optional(),
  /** What the request waits for, for people. */
  sentence: z.string(),
  /** In how many seconds the request will probably land. Absent when the queue has landed too few requests to tell. */
  estimateSeconds: z.int().optional(),
  /**
   * The last builds of the request, at most 20, oldest first. `base`: the requests that it is built on. `bundledWith`: the requests that
   * share the build.
   */
  builds: z.array(
    z.object({
      buildKey: BuildKey,
      state: BuildState,
      url: z.string().optional(),
      startedAt: Timestamp,
      base: z.array(Sqid),
      bundledWith: z.array(Sqid).optional(),
    }),
  ),
});
export type QueuedRequest = z.infer<typeof QueuedRequest>;

/** A request that has ended, as its queue shows it. */
export const EndedRequest = z.object({
  sqid: Sqid,
  number: RequestNumber,
  status: Outcome,
  reason: Reason.optional(),
  endedAt: Timestamp,
  commit: z.string().optional(),
  /** The subject of the last commit. Absent when the changes were not read. */
  title: z.string().optional(),
});
export type EndedRequest = z.infer<typeof EndedRequest>;

/** A test, or a check, that has failed and then passed on the same tree: how many builds failed for it, of how many requests. */
export const FlakeView = z.object({ name: z.string(), builds: z.int(), requests: z.int(), lastSeen: Timestamp });
export type FlakeView = z.infer<typeof FlakeView>;

/** GET /v1/queues/{queue} */
export const QueueNow = QueueSummary.extend({
  /** The last 50 flaky tests, the one seen last first. */
  flakes: z.array(FlakeView),
  /** The requests in flight, in the order of the queue. At most 1,000. */
  requests: z.array(QueuedRequest),
  /** True when there are more. */
  more: z.boolean(),
  /** How many entries of the queue are left out here, because a newer release wrote them: deploy that release again. Absent when none is. */
  unreadable: z.int().positive().optional(),
  /** The last 20 that ended, latest first. */
  recent: z.array(EndedRequest),
});
export type QueueNow = z.infer<typeof QueueNow>;
