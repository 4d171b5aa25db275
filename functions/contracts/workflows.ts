import * as z from "zod";
import { BatchId, BuildKey, GitSha, Installation, QueueName, Sqid } from "./ids.ts";
import { Composed, MergeUnit, TrunkUnit } from "./messages/merge-unit.ts";
import type { PayloadRef } from "./messages/payload-ref.ts";
import { Land, Question } from "./messages/request-messages.ts";
import { CheckResult, ComposeResult, type Composition, InspectResult } from "./messages/runway-tasks.ts";
import { BuildVerdict } from "./messages/signals.ts";
import { Reason } from "./reasons.ts";
import { EpochMs } from "./time.ts";
import { Targets, Touches } from "./touches.ts";

// What the tasks of the workflows take and answer. Unknown fields are ignored, so a task may be given the workflow's whole state.

/** How Step Functions tells of a failed task: `Error` is the code of a CodedError, `Cause` a JSON text or a sentence. */
export const TaskFailure = z.object({ Error: z.string(), Cause: z.string().default("") });
export type TaskFailure = z.infer<typeof TaskFailure>;

// ── admit: named executionName("admit", sqid), its input is the Land message ────────────────────

/** Input of `start`. */
export const AdmitTask = Land;
export type AdmitTask = Land;

/** What `start` answered: when the request was started. Absent in an execution that begins later, or that an earlier deployment began. */
const Started = z.object({ at: EpochMs }).optional().catch(undefined);

/** Input of `validate`: beside the Land message, what `start` and `inspect` answered. */
export const ValidateTask = Land.extend({
  started: Started,
  step: z.object({ kind: z.literal("inspected"), touches: Touches }),
});
export type ValidateTask = z.infer<typeof ValidateTask>;

export type StartResult = { readonly kind: "started"; readonly at: EpochMs } | { readonly kind: "ended" };
export type ValidateResult =
  /** `touches`: what the request touches, for `ready` to store. Absent when the request's row has it already. */
  | { readonly kind: "validated"; readonly touches?: Touches }
  | { readonly kind: "ended" }
  | { readonly kind: "refused"; readonly reason: Reason };
export type ReadyResult = { readonly kind: "ready" } | { readonly kind: "ended" };

/** The steps that read the repository. Each is tried again as long as the repository does not answer. */
export const RemoteStep = z.enum(["inspect", "check"]);
export type RemoteStep = z.infer<typeof RemoteStep>;

/** Input of `wait`: `step` failed with `error`. `since`: when the first of its failures in a row was; 0 when this failure is the first. */
export const WaitTask = z.object({
  land: Land.extend({ started: Started }),
  step: RemoteStep,
  since: z.int().nonnegative(),
  error: TaskFailure,
});
export type WaitTask = z.infer<typeof WaitTask>;

export type WaitResult =
  /** The step is to be tried again in so many seconds. */
  | { readonly kind: "waiting"; readonly since: number; readonly seconds: number }
  /** The request was cancelled meanwhile. */
  | { readonly kind: "ended" }
  /** The queue's `repositoryTimeoutSeconds` are over. */
  | { readonly kind: "refused"; readonly reason: Reason };

/** What `review` answers while a request waits. The next look is given this answer. */
const Waiting = z.object({
  kind: z.literal("waiting"),
  /** In how many seconds to look again. */
  seconds: z.int().positive(),
  since: EpochMs,
  /** Since when GitHub has not answered. Absent while GitHub answers. */
  failingSince: EpochMs.exactOptional(),
  /** What the log was told that the request waits for. */
  told: z.string().exactOptional(),
});
export type Waiting = z.infer<typeof Waiting>;

/** Input of `review`: the Land message, and what the look before this one answered. */
export const ReviewTask = Land.extend({
  review: z.union([Waiting, z.object({ kind: z.literal("begun") })]).default({ kind: "begun" }),
  /** True in an execution that a webhook started beside the execution that waits. A woken execution looks once. */
  woken: z.boolean().default(false),
});
export type ReviewTask = z.infer<typeof ReviewTask>;

export type ReviewResult =
  | Waiting
  /**
   * The request may enter the queue. `targets`: the build targets that labels or a check name; absent when not known. `messages`: what the
   * squash of each change says; absent when the commits say it.
   */
  | {
      readonly kind: "fit";
      readonly targets?: readonly string[];
      readonly author?: string;
      readonly messages?: readonly string[];
    }
  /** The request was cancelled meanwhile, another execution admitted it, or a woken execution found nothing new. */
  | { readonly kind: "ended" }
  | { readonly kind: "refused"; readonly reason: Reason };

/**
 * Input of `ready`: beside the Land message, what `validate` answered and what `review` found. `step` is another answer, or absent, in an
 * execution that an earlier deployment began.
 */
export const ReadyTask = Land.extend({
  step: z.object({ touches: Touches.exactOptional() }).optional().catch(undefined),
  review: z
    .object({
      targets: Targets.exactOptional(),
      author: z.string().exactOptional(),
      messages: z.array(z.string()).exactOptional(),
    })
    .optional(),
});
export type ReadyTask = z.infer<typeof ReadyTask>;

/**
 * Input of `reject`: one of `reason` (a refusal) and `error` (a task that failed for good). Neither in an execution that found the request
 * ended: its end is then announced again.
 */
export const RejectTask = z.object({
  land: Land.extend({ started: Started }),
  reason: Reason.optional(),
  error: TaskFailure.optional(),
});
export type RejectTask = z.infer<typeof RejectTask>;

// ── ask: named executionName("ask", queue, id), its input is the Question ───────────────────────

/**
 * Input of `answer`: beside the question, what `inspect` and `check` answered of a trial; `error`, when one of them failed for good. An answer of
 * another release that this release can't read counts as none.
 */
export const AnswerTask = z.intersection(
  Question,
  z.object({
    inspected: InspectResult.optional().catch(undefined),
    checked: CheckResult.optional().catch(undefined),
    error: TaskFailure.optional(),
  }),
);
export type AnswerTask = z.infer<typeof AnswerTask>;

// ── build: named after the build key ────────────────────────────────────────────────────────────

/** Input of the build workflow. */
export const BuildOrder = z.object({
  queue: QueueName,
  /** The repository and branch (targetOf) that the build is for. */
  target: z.string().optional(),
  installation: Installation,
  batchId: BatchId,
  buildKey: BuildKey,
  attempt: z.int().positive(),
  base: z.array(MergeUnit),
  head: z.union([MergeUnit, TrunkUnit]),
  /** The requests that the build is for. The log tells of the build for each. None when the trunk itself is built. */
  sqids: z.array(Sqid),
  without: z.array(BatchId),
  /** The lower quartile of the queue's build times: three of four builds take longer. 0 before the first build has finished. */
  expectedSeconds: z.int().nonnegative().default(0),
});
export type BuildOrder = z.infer<typeof BuildOrder>;

/**
 * A build order as the input of the workflow: `payload` is null, or says where the composition is, which is then empty here. JSONPath needs
 * each field to be there.
 */
export type BuildInput = Omit<BuildOrder, keyof Composition> &
  (
    | (Composition & { readonly payload: null })
    | { readonly base: readonly []; readonly head: null; readonly without: readonly []; readonly payload: PayloadRef }
  );

/** What `trigger` takes beside the composition. */
export const TriggerTask = BuildOrder.omit({ installation: true, target: true }).extend({
  composed: Composed,
  under: GitSha.optional(),
  /** Where the composed commit was pushed. Absent in an execution that an earlier deployment began: the path ref. */
  ref: z.string().optional(),
});
export type TriggerTask = z.infer<typeof TriggerTask>;

export const PollTask = BuildOrder.pick({ queue: true, batchId: true, buildKey: true });
export type PollTask = z.infer<typeof PollTask>;

export const BuildSeen = z.discriminatedUnion("kind", [
  /** Of `trigger` alone: the CI system takes no calls for now. The build is to be asked for again in so many seconds. */
  z.object({ kind: z.literal("deferred"), seconds: z.int().positive() }),
  /** The build is to be looked at again in so many seconds, unless the CI system reports before. */
  z.object({ kind: z.literal("running"), seconds: z.int().positive() }),
  z.object({
    kind: z.literal("finished"),
    verdict: BuildVerdict,
    url: z.string().optional(),
    /** When the build ended, where the CI system says so. */
    endedAt: EpochMs.exactOptional(),
    /** True when the planner and the log have been told already. */
    reported: z.boolean().optional(),
  }),
]);
/** What `trigger` and `poll` answer. */
export type BuildSeen = z.infer<typeof BuildSeen>;
export type BuildEnd = Extract<BuildSeen, { kind: "finished" }>;

/**
 * Input of `report`: how the build came out. That is what `trigger` or `poll` saw at last, a `compose` that did not compose, or a task that
 * failed for good. An error counts only where nothing was seen to finish. An answer of another release that this release can't read counts
 * as none, so that the build is reported as broken down, and repeated, instead of not at all.
 */
export const ReportTask = BuildOrder.omit({
  target: true,
  installation: true,
  base: true,
  head: true,
  without: true,
  expectedSeconds: true,
}).extend({
  outcome: BuildSeen.optional().catch(undefined),
  /** As `outcome`, in an execution that an earlier deployment began. */
  verdict: BuildVerdict.optional().catch(undefined),
  url: z.string().optional(),
  error: TaskFailure.optional(),
  compose: ComposeResult.optional().catch(undefined),
});
export type ReportTask = z.infer<typeof ReportTask>;
