import * as z from "zod";
import { Caller } from "./caller.ts";
import { ChangeUri } from "./change-uri.ts";
import { BuildKey, GitSha, QuestionId, QueueName, RequestNumber, Sqid } from "./ids.ts";
import { STORED_BYTES } from "./limits.ts";
import { Blocker, ENDED_STATUSES, Happening, hasEnded, Metadata, Outcome, STATUSES, Status } from "./log-event.ts";
import { Finding, Touched } from "./questions.ts";
import { Priority, QueueMode } from "./queues.ts";
import { Note, Reason } from "./reasons.ts";
import { MergeStrategy } from "./strategy.ts";
import { Targets } from "./touches.ts";

/** A moment: ISO 8601 in UTC with milliseconds, as `2026-11-23T15:16:39.000Z`. */
export const Timestamp = z.iso.datetime({ precision: 3 });

/** What a caller says about a cancel, a pause, a drain, a priority or a retry. */
const NoteBody = z.string().max(500).pipe(Note);

/** POST /v1/queues/{queue}/requests */
export const LandBody = z
  .strictObject({
    changes: z
      .array(ChangeUri)
      .min(1, "name at least one change")
      .max(50, "a request holds at most 50 changes")
      .superRefine((changes, ctx) => {
        changes.forEach((uri, index) => {
          if (changes.indexOf(uri) < index)
            ctx.addIssue({ code: "custom", path: [index], message: "this change is named twice" });
        });
        const bytes = changes.reduce((sum, uri) => sum + uri.length, 0);
        if (bytes > STORED_BYTES.changes)
          ctx.addIssue({
            code: "custom",
            message: `the changes of a request have at most ${STORED_BYTES.changes} characters together, and these have ${bytes}: land them as several requests`,
          });
      }),
    strategy: MergeStrategy.optional(),
    /** Higher goes ahead of all that have not started landing. From 0, the default, to the queue's `maxPriority`. */
    priority: z.int().min(0).optional(),
    /** The build targets that the changes affect, for a queue whose conflict analyzer is `targets`. Absent: not known. */
    targets: Targets.optional(),
    /** True: land it although the same commit was refused as often as the queue lets it within a day. Needs a reason, which the log keeps. */
    retry: z.boolean().optional(),
    reason: NoteBody.optional(),
  })
  .refine(({ retry = false, reason = "" }) => retry === (reason.trim() !== ""), {
    path: ["reason"],
    message: "say why with retry: true, and only then",
  });
export type LandBody = z.infer<typeof LandBody>;

/** POST /v1/queues/{queue}/requests/{n}/cancel */
export const CancelBody = z.strictObject({ reason: NoteBody.optional() });
export type CancelBody = z.infer<typeof CancelBody>;

/** PATCH /v1/queues/{queue}/requests/{n} */
export const PriorityBody = z.strictObject({ priority: Priority, reason: NoteBody.optional() });
export type PriorityBody = z.infer<typeof PriorityBody>;

/** How many seconds an answer may wait. */
const Seconds = z
  .string()
  .regex(/^[0-9]{1,2}$/, "a whole number of seconds from 0 to 30")
  .transform(Number)
  .pipe(z.int().max(30, "at most 30 seconds"));

/** Of a request: how long the answer may wait for a change of the status. Of a trial or a preflight: for what comes of it. */
export const WaitQuery = z.strictObject({ wait: Seconds.default(0) });
export type WaitQuery = z.infer<typeof WaitQuery>;

/** GET /v1/queues/{queue}/requests/{n}/history: how long the answer may wait until there are more than `known` entries. */
export const HistoryQuery = z.strictObject({
  wait: Seconds.default(0),
  known: z
    .string()
    .regex(/^[0-9]{1,6}$/, "a number of entries")
    .transform(Number)
    .default(0),
});
export type HistoryQuery = z.infer<typeof HistoryQuery>;

/** POST /v1/queues/{queue}/requests. `wait` is of a dry run. */
export const LandQuery = z
  .strictObject({ dryRun: z.enum(["true", "false"]).default("false"), wait: Seconds.optional() })
  .refine(({ dryRun, wait }) => dryRun === "true" || wait === undefined, {
    path: ["wait"],
    message: "only with dryRun=true: a request is accepted at once",
  });
export type LandQuery = z.infer<typeof LandQuery>;

/** POST /v1/queues/{queue}/pause and /drain. */
export const ModeBody = z.strictObject({ note: NoteBody.optional() });

/** POST /v1/queues/{queue}/requests/{n}/recheck */
export const RecheckBody = z.strictObject({});

/** POST /v1/queues/{queue}/resume and /preflights. */
export const ResumeBody = z.strictObject({});

/** The path of every call that names a trial or a preflight. */
export const QuestionPath = z.object({ queue: QueueName, id: QuestionId });

/** The path of every call that names a request. */
export const RequestPath = z.object({
  queue: QueueName,
  n: z
    .string()
    .regex(/^[1-9][0-9]{0,11}$/, "a request's number is a positive integer")
    .transform(Number)
    .pipe(RequestNumber),
});

const ACTIVE = STATUSES.filter((status) => !hasEnded(status));

/** Statuses, separated by commas. `active` and `ended` stand for all statuses of their kind. Example: `active,landed`. */
const StatusFilter = z
  .string()
  .regex(
    new RegExp(`^(${[...STATUSES, "active", "ended"].join("|")})(,(${[...STATUSES, "active", "ended"].join("|")}))*$`),
    `one of active, ended, ${STATUSES.join(", ")}; or several of them, separated by commas`,
  )
  .transform(
    (text): ReadonlySet<Status> =>
      new Set(
        text.split(",").flatMap((name) => {
          if (name === "active") return ACTIVE;
          return name === "ended" ? ENDED_STATUSES : [Status.parse(name)];
        }),
      ),
  );

/** GET /v1/queues/{queue}/requests. The window is half-open: received at or after `since`, before `until`. */
export const ListQuery = z
  .strictObject({
    since: Timestamp.optional(),
    until: Timestamp.optional(),
    change: ChangeUri.optional(),
    status: StatusFilter.optional(),
    /** The e-mail address of the author of its first commit. */
    author: z.string().min(1).max(200).optional(),
    /** The name of the caller who asked for the request. */
    caller: z.string().min(1).max(500).optional(),
    limit: z
      .string()
      .regex(/^[1-9][0-9]*$/, "a whole number from 1 to 200")
      .transform(Number)
      .pipe(z.int().max(200, "a page has at most 200 requests"))
      .default(50),
    page: z.string().min(1).max(1024).optional(),
  })
  .refine(({ since, until }) => since === undefined || until === undefined || since < until, {
    path: ["until"],
    message: "until is later than since",
  });
export type ListQuery = z.infer<typeof ListQuery>;

/** Idempotency-Key header of a Land. */
export const IdempotencyKey = z.string().regex(/^[\x21-\x7e]{1,200}$/, "1 to 200 visible ASCII characters");

export const RequestSummary = z.object({
  sqid: Sqid,
  queue: QueueName,
  number: RequestNumber,
  status: Status,
  /** True once the status is landed, error or cancelled: it will not change again. */
  ended: z.boolean(),
  /** Why it ended, or is being cancelled. */
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

const QuestionShown = {
  id: QuestionId,
  queue: QueueName,
  /** waiting: not answered yet. failed: it could not be found out. */
  state: z.enum(["waiting", "answered", "failed"]),
  /** The answer for people, or what to do to get one. */
  sentence: z.string(),
  askedAt: Timestamp,
  /** When question and answer are forgotten. */
  expiresAt: Timestamp,
};

/** POST /v1/queues/{queue}/requests?dryRun=true and GET /v1/queues/{queue}/trials/{id}: a Land that lands nothing. */
export const Trial = z.object({
  ...QuestionShown,
  changes: z.array(ChangeUri),
  strategy: MergeStrategy,
  /** True: a request of the changes would be admitted, and they merge onto `trunk`. Absent until it is answered. */
  mergeable: z.boolean().optional(),
  /** What a request would wait for before it is built, such as a review. */
  waits: z.string().optional(),
  /** The commit of the branch that the changes were merged onto. */
  trunk: GitSha.optional(),
  /** Why a request would be refused. */
  reason: Reason.optional(),
  /** The paths in conflict, of a merge conflict: the first 50. */
  conflicts: z.array(z.string()).optional(),
  /** What the changes touch, when they could be read. */
  touches: Touched.optional(),
});
export type Trial = z.infer<typeof Trial>;

/** POST /v1/queues/{queue}/preflights and GET /v1/queues/{queue}/preflights/{id}: can the queue build? */
export const Preflight = z.object({
  ...QuestionShown,
  /** False: a finding is a problem, so no request of the queue can be built. Absent until it is answered. */
  canBuild: z.boolean().optional(),
  /** What was found out, such as each check that builds wait for. Empty where builds alone tell. */
  findings: z.array(Finding).optional(),
});
export type Preflight = z.infer<typeof Preflight>;

export const Rights = z.object({
  land: z.boolean(),
  cancelOthers: z.boolean(),
  priority: z.boolean(),
  operate: z.boolean(),
});
export type Rights = z.infer<typeof Rights>;

/** GET /v1/me */
export const Me = z.object({
  /** How the API knows the caller. anonymous: the API does not ask callers who they are. */
  kind: Caller.shape.kind,
  name: z.string(),
  /** Those that the caller's token names. */
  groups: z.array(z.string()),
  /** What the caller may do, by queue, in the order of the configuration. */
  queues: z.array(z.object({ name: QueueName, rights: Rights })),
});
export type Me = z.infer<typeof Me>;

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
  /** What keeps it from landing, when that is known. */
  blocker: Blocker.optional(),
  /** The requests in the way. */
  on: z.array(Sqid).optional(),
  /** Since when it stands so. */
  since: Timestamp,
  /** Of a request that has ended, the builds that decided; of any other, all so far. Oldest first. */
  builds: z.array(z.object({ buildKey: BuildKey, outcome: BuildOutcome, url: z.string().optional(), at: Timestamp })),
  /** The same for people: what it waits for, or why it ended. */
  sentence: z.string(),
  /** How long it will probably take until it lands. Absent when it has ended, or when the queue has not landed enough to tell. */
  estimateSeconds: z.int().optional(),
});
export type Why = z.infer<typeof Why>;

export const RequestPage = z.object({ requests: z.array(RequestSummary), nextPage: z.string().optional() });
export type RequestPage = z.infer<typeof RequestPage>;

export const QueueView = z.object({
  name: QueueName,
  repository: z.string(),
  branch: z.string(),
  strategy: MergeStrategy,
  mode: QueueMode,
  /** Since when it is so; absent when it was never otherwise. */
  since: Timestamp.optional(),
  /** What was said when it was paused or drained. */
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
  /** The requests that have not ended. building: a build of the request runs. landing: it has passed and is being landed. waiting: neither. */
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
  /** The e-mail address of the author of its first commit. Absent until the changes were read. */
  author: z.string().optional(),
  /** The subject of its last commit. Absent until the changes were read. */
  title: z.string().optional(),
  changes: z.array(ChangeUri),
  /** The name of the caller who asked for the request. */
  caller: z.string().optional(),
  receivedAt: Timestamp,
  updatedAt: Timestamp,
  /** What keeps it from landing, when that is known. */
  blocker: Blocker.optional(),
  /** The requests in the way. */
  on: z.array(Sqid).optional(),
  /** What it waits for, for people. */
  sentence: z.string(),
  /** How long it will probably take until it lands. Absent when the queue has not landed enough to tell. */
  estimateSeconds: z.int().optional(),
  /** Its last builds, at most 20, oldest first. `base`: the requests that it is built on. `bundledWith`: those that share the build. */
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
  /** The subject of its last commit. Absent when the changes were not read. */
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

/** GET /v1/queues/{queue}/trends */
export const TrendsQuery = z.strictObject({ by: z.enum(["hour", "day", "week"]).default("hour") });
export type TrendsQuery = z.infer<typeof TrendsQuery>;

const TrendCounts = {
  landed: z.int(),
  refused: z.int(),
  cancelled: z.int(),
  /** Time from Land to landed, right to five per cent. Absent when nothing landed. */
  p50Seconds: z.number().optional(),
  p95Seconds: z.number().optional(),
  /** Builds of requests that ended in this time: started. passed, failed and retried are how they came out; the others were given up. */
  builds: z.int(),
  /** Of the builds that came out somehow. */
  buildMinutes: z.number(),
  passed: z.int(),
  failed: z.int(),
  /** Failed, and were repeated: by infrastructure, or because the failure was not believed. */
  retried: z.int(),
  /** Of those, the builds whose repeat passed: on the same tree, a test or a check failed and then passed. */
  flaky: z.int(),
  /** How often a request was refused, by the code of the reason. */
  reasons: z.record(z.string(), z.int()),
};

/** What became of the requests of some time. */
export const Tally = z.object(TrendCounts);
export const TrendBucket = z.object({ start: Timestamp, ...TrendCounts });

/**
 * What became of a queue's requests: by the last 48 hours, 30 days, or 4 weeks from Monday to Sunday (of UTC), oldest first; and all of these
 * together.
 */
export const Trends = z.object({
  queue: QueueName,
  by: TrendsQuery.shape.by.unwrap(),
  buckets: z.array(TrendBucket),
  total: Tally,
  /** The last 50 flaky tests, the one seen last first, whenever that was. */
  flakes: z.array(FlakeView),
});
export type Trends = z.infer<typeof Trends>;

/** GET / and /v1: where the API leads on, by what is there. */
export const Links = z.object({ links: z.record(z.string(), z.string()) });
export type Links = z.infer<typeof Links>;

export const Ping = z.object({ service: z.literal("gateway"), version: z.string(), time: Timestamp });
export type Ping = z.infer<typeof Ping>;

/** RFC 9457, served as application/problem+json. `code` is stable; `errors` points into the input (JSON Pointer or parameter). */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  instance: z.string().optional(),
  errors: z.array(z.object({ at: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;
