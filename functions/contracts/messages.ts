import * as z from "zod";
import { Caller } from "./caller.ts";
import { ChangeUri } from "./change-uri.ts";
import { BatchId, BuildKey, GitSha, Installation, messageId, QuestionId, QueueName, Sqid } from "./ids.ts";
import { LogEvent } from "./log-event.ts";
import { Answered } from "./questions.ts";
import { Priority, QueueMode } from "./queues.ts";
import { Note, Reason } from "./reasons.ts";
import { MergeStrategy } from "./strategy.ts";
import { EpochMs } from "./time.ts";
import { Targets, Touches } from "./touches.ts";

// Unknown fields are ignored, so that a sender may be newer than its receiver; `v` changes when an old reader would misread.

// ── requests: gateway → orchestrator ────────────────────────────────────────────────────────────

export const Land = z.object({
  v: z.literal(1),
  kind: z.literal("land"),
  queue: QueueName,
  sqid: Sqid,
  changes: z.array(ChangeUri).min(1),
  strategy: MergeStrategy,
  /** 0 when absent. */
  priority: Priority.exactOptional(),
  /** The build targets that the changes affect, as the caller says. Absent: not known. */
  targets: Targets.exactOptional(),
  /** Who asked for it. Absent in a message of an older release. */
  caller: Caller.exactOptional(),
  /** Why it is to be tried again although it was refused often. */
  retryReason: Note.exactOptional(),
  receivedAt: EpochMs,
});
export type Land = z.infer<typeof Land>;

export const Cancel = z.object({
  v: z.literal(1),
  kind: z.literal("cancel"),
  queue: QueueName,
  sqid: Sqid,
  note: Note.optional(),
  /** The name of the caller who cancels the request. */
  caller: z.string().exactOptional(),
  at: EpochMs,
});
export type Cancel = z.infer<typeof Cancel>;

/** A caller has set another priority for a request. */
export const Reprioritize = z.object({
  v: z.literal(1),
  kind: z.literal("reprioritize"),
  queue: QueueName,
  sqid: Sqid,
  priority: Priority,
  /** Counts the changes of the request's priority, from 1: an older one says nothing. */
  count: z.int().positive(),
});
export type Reprioritize = z.infer<typeof Reprioritize>;

/** Look again at what a request in admission waits for: a review, or checks. Says nothing about how it stands. */
export const Recheck = z.object({
  v: z.literal(1),
  kind: z.literal("recheck"),
  queue: QueueName,
  sqid: Sqid,
  at: EpochMs,
});
export type Recheck = z.infer<typeof Recheck>;

/** How the queue is to run from now on. Said again as long as it differs from the usual. */
export const Control = z.object({
  v: z.literal(1),
  kind: z.literal("control"),
  queue: QueueName,
  mode: QueueMode,
  note: Note.exactOptional(),
  /** Since when it is so. */
  at: EpochMs,
  /** Counts the changes of a queue's mode, from 1: an older one says nothing. */
  version: z.int().positive(),
});
export type Control = z.infer<typeof Control>;

/** What one request puts onto the trunk: a stack of changes. */
export const MergeStep = z.object({
  sqid: Sqid,
  changes: z.array(ChangeUri).min(1),
  strategy: MergeStrategy,
  /** What the squash of each change says, in the order of `changes`. Absent or empty: the commits of the change say it. */
  messages: z.array(z.string()).exactOptional(),
});
export type MergeStep = z.infer<typeof MergeStep>;

/** Would these changes be admitted, and do they merge onto the trunk? No request is made of it. `step.sqid` stands for that of a request. */
export const Trial = z.object({
  v: z.literal(1),
  kind: z.literal("trial"),
  queue: QueueName,
  id: QuestionId,
  step: MergeStep,
});
export type Trial = z.infer<typeof Trial>;

/** Can the queue build, and which checks do its builds wait for? */
export const Preflight = z.object({ v: z.literal(1), kind: z.literal("preflight"), queue: QueueName, id: QuestionId });
export type Preflight = z.infer<typeof Preflight>;

/** What the gateway asks without making a request of it. The answer comes on the log topic. */
export const Question = z.discriminatedUnion("kind", [Trial, Preflight]);
export type Question = z.infer<typeof Question>;

export const RequestMessage = z.discriminatedUnion("kind", [
  Land,
  Cancel,
  Reprioritize,
  Recheck,
  Control,
  Trial,
  Preflight,
]);
export type RequestMessage = z.infer<typeof RequestMessage>;

// ── composing and landing: orchestrator → runway ────────────────────────────────────────────────

export const MergeUnit = z.object({ batchId: BatchId, steps: z.array(MergeStep).min(1) });
export type MergeUnit = z.infer<typeof MergeUnit>;

/** In the place of a head: nothing is composed, and the trunk itself is built, unless it is at one of the commits of `unless`. */
export const TrunkUnit = z.object({
  /** trunkIdOf(queue) */
  batchId: BatchId,
  steps: z.array(MergeStep).length(0),
  unless: z.array(GitSha),
  /** The newest commit that a passed build vouches for: the build is about what was added since. */
  since: GitSha.optional(),
});
export type TrunkUnit = z.infer<typeof TrunkUnit>;

/**
 * Where a payload is that is too large to travel itself: `parts` items of `table`, which are together JSON in ASCII whose SHA-256 is `id`.
 * The orchestrator writes them; runway may read them.
 */
export const PayloadRef = z.object({
  table: z.string().min(1).max(255),
  id: z.string().regex(/^[0-9a-f]{64}$/),
  parts: z.int().min(1).max(1_000),
});
export type PayloadRef = z.infer<typeof PayloadRef>;

/**
 * A commit that runway composed: `commit` and its `tree`, made on top of trunk commit `trunk`. `author`: the name of the trunk commit's author,
 * where the trunk itself is built.
 */
export const Composed = z.object({ commit: GitSha, tree: GitSha, trunk: GitSha, author: Note.exactOptional() });
export type Composed = z.infer<typeof Composed>;

/** Task input of runway's `inspect`: what do these changes touch? */
export const InspectTask = z.object({ queue: QueueName, changes: z.array(ChangeUri).min(1) });
export type InspectTask = z.infer<typeof InspectTask>;

export const InspectResult = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("inspected"), touches: Touches }),
  /** The changes can't be read, now or ever. */
  z.object({ kind: z.literal("refused"), reason: Reason }),
]);
export type InspectResult = z.infer<typeof InspectResult>;

/** Task input of runway's `check`: would this request merge onto the trunk as it stands? */
export const CheckTask = z.object({ queue: QueueName, step: MergeStep });
export type CheckTask = z.infer<typeof CheckTask>;

export const CheckResult = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ok"), trunk: GitSha }),
  /** `conflicts`: the paths in conflict, of a merge conflict. */
  z.object({ kind: z.literal("refused"), reason: Reason, conflicts: z.array(z.string()).readonly().exactOptional() }),
]);
export type CheckResult = z.infer<typeof CheckResult>;

/**
 * Task input of runway's `compose`: trunk + base (in order, less what has landed) + head. `sqids` are those that the build is for: the
 * head's, and in a bundle those of the last of the base too. `without` must not have landed.
 */
export const ComposeTask = z.object({
  queue: QueueName,
  /** What the orchestrator takes the queue's repository and branch for (targetOf): runway composes for no other. */
  target: z.string().optional(),
  installation: Installation,
  buildKey: BuildKey,
  base: z.array(MergeUnit),
  head: z.union([MergeUnit, TrunkUnit]),
  sqids: z.array(Sqid).default([]),
  without: z.array(BatchId).default([]),
});
export type ComposeTask = z.infer<typeof ComposeTask>;

/** What of a build order grows with its tree. */
export const Composition = ComposeTask.pick({ base: true, head: true, without: true });
export type Composition = z.infer<typeof Composition>;

export const ComposeResult = z.discriminatedUnion("kind", [
  /** Pushed as `ref`. `under` is the commit under all that the build is for. `landed` names the base batches that the trunk held already. */
  z.object({
    kind: z.literal("composed"),
    composed: Composed,
    under: GitSha,
    ref: z.string(),
    landed: z.array(BatchId),
  }),
  /** The head, or a base batch, does not apply. */
  z.object({ kind: z.literal("refused"), batchId: BatchId, reason: Reason }),
  /** A batch that the path assumes to fail has landed. */
  z.object({ kind: z.literal("refuted"), batchId: BatchId }),
  /** The trunk itself was to be built, and is at a commit that needs no build. */
  z.object({ kind: z.literal("unchanged"), trunk: GitSha }),
]);
export type ComposeResult = z.infer<typeof ComposeResult>;

/** merges: land these batches, in order, in one push. */
export const LandBatch = z.object({
  v: z.literal(1),
  kind: z.literal("land-batch"),
  /** Stable for one decision to land: a repeat finds its own landing. */
  id: z.string().min(1).max(128),
  queue: QueueName,
  /** The repository and branch (targetOf) that the batches were tested for: they land on no other. */
  target: z.string().optional(),
  installation: Installation,
  batches: z
    .array(
      MergeUnit.extend({
        /** The passed build that is the evidence. */
        tested: Composed,
        /** Land nothing but the tested tree (analyzer `all`): when the trunk has moved so that the trees differ, answer `stale`. */
        exact: z.boolean(),
        /** Consecutive batches of one bundle land all or none, as one commit point: only the last one's tree was tested. */
        bundle: z.string().optional(),
      }),
    )
    .min(1),
});
export type LandBatch = z.infer<typeof LandBatch>;

/** merges: a LandBatch that is too large for a message. */
export const LandBatchRef = z.object({
  v: z.literal(1),
  kind: z.literal("land-batch-ref"),
  id: z.string().min(1).max(128),
  queue: QueueName,
  payload: PayloadRef,
});
export type LandBatchRef = z.infer<typeof LandBatchRef>;

export const MergeMessage = z.discriminatedUnion("kind", [LandBatch, LandBatchRef]);
export type MergeMessage = z.infer<typeof MergeMessage>;

export const LandOutcome = z.discriminatedUnion("kind", [
  /**
   * On the trunk. `commits` are the new ones on its own line (first parents), oldest first. None when the trunk held everything already:
   * then `commit` is where the trunk was, and `note` says so. A `note` with commits says which changes of a stack added nothing.
   */
  z.object({
    kind: z.literal("landed"),
    commit: GitSha,
    tree: GitSha,
    testedTree: GitSha,
    commits: z.array(GitSha),
    note: Reason.optional(),
    /** Where the trunk was before the push. Absent in the record of an earlier release. */
    onto: GitSha.exactOptional(),
  }),
  /** It does not apply, now or ever: the batch fails. */
  z.object({ kind: z.literal("refused"), reason: Reason }),
  /** The trunk has moved: nothing was landed, and the evidence does not cover the new tree. Test again. */
  z.object({ kind: z.literal("stale"), trunk: GitSha }),
  /** A batch ahead in the same message was not landed: nothing was tried. */
  z.object({ kind: z.literal("skipped") }),
]);
export type LandOutcome = z.infer<typeof LandOutcome>;

// ── signals: every fact that the planner is told → plan ─────────────────────────────────────────

const SignalBase = { v: z.literal(1), queue: QueueName };

export const BuildVerdict = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("passed"), composed: Composed }),
  /** The tree is at fault: a test failed, or the build took too long. */
  z.object({ kind: z.literal("failed"), reason: Reason, composed: Composed.optional() }),
  /**
   * The tree could not be composed: batch `batchId`, which is a head of the build or below one, does not apply on the trunk and the
   * batches composed before it. Nothing is known of the batches after it.
   */
  z.object({ kind: z.literal("unappliable"), batchId: BatchId, reason: Reason }),
  /** The build stopped because no batch needed it any more. */
  z.object({ kind: z.literal("cancelled") }),
  /** The build says nothing about the tree: worth another attempt. */
  z.object({ kind: z.literal("infrastructure"), reason: Reason }),
  /** A batch that the path assumes to fail has landed. */
  z.object({ kind: z.literal("refuted"), batchId: BatchId }),
  /** Only of the trunk itself: it is at a commit that needs no build. */
  z.object({ kind: z.literal("unchanged"), trunk: GitSha }),
]);
export type BuildVerdict = z.infer<typeof BuildVerdict>;

export const RequestReady = z.object({ ...SignalBase, kind: z.literal("request-ready"), sqid: Sqid });
export const CancelRequested = z.object({
  ...SignalBase,
  kind: z.literal("cancel-requested"),
  sqid: Sqid,
  note: Note.optional(),
});
export const PriorityChanged = z.object({
  ...SignalBase,
  kind: z.literal("priority-changed"),
  sqid: Sqid,
  priority: Priority,
  count: z.int().positive(),
});
export const BuildFinished = z.object({
  ...SignalBase,
  kind: z.literal("build-finished"),
  batchId: BatchId,
  buildKey: BuildKey,
  verdict: BuildVerdict,
  url: z.string().optional(),
  /** When the build ended, where the CI system says so. Its end may be seen much later, because nothing looked meanwhile. */
  endedAt: EpochMs.exactOptional(),
});
export const LandFinished = z.object({
  ...SignalBase,
  kind: z.literal("land-finished"),
  landId: z.string(),
  /** From 2: the answer to a landing of many batches does not fit into one message. Absent in the first. */
  part: z.int().min(2).exactOptional(),
  results: z.array(z.object({ batchId: BatchId, outcome: LandOutcome })).min(1),
});
/**
 * The host refuses every push of the queue: the batches `held` have not landed, and no change is at fault. `results` are about the batches
 * that landed before. The landing is sent again.
 */
export const LandHeld = z.object({
  ...SignalBase,
  kind: z.literal("land-held"),
  landId: z.string(),
  held: z.array(BatchId),
  results: z.array(z.object({ batchId: BatchId, outcome: LandOutcome })),
  reason: Reason,
  at: EpochMs,
});
/** The gateway's word on how the queue is to run. */
export const QueueControl = Control.extend({ kind: z.literal("queue-control") });
/** Look again: sent by the sweep, carries nothing. `nonce` keeps it from being taken for the one before. */
export const Tick = z.object({ ...SignalBase, kind: z.literal("tick"), nonce: z.string() });

export const Signal = z.discriminatedUnion("kind", [
  RequestReady,
  CancelRequested,
  PriorityChanged,
  BuildFinished,
  LandFinished,
  LandHeld,
  QueueControl,
  Tick,
]);
export type Signal = z.infer<typeof Signal>;
export type SignalOf<K extends Signal["kind"]> = Extract<Signal, { kind: K }>;

// ── looks: every function that learns that a build may have ended, or is to stop → look ─────────

/** Look at this build now. Says nothing about how the build is: the build runner is asked. */
export const LookAtBuild = z.object({
  v: z.literal(1),
  kind: z.literal("look-at-build"),
  buildKey: BuildKey,
  /** How often a stop of the build has been waited for by such a message. 0 when absent. */
  waits: z.int().nonnegative().exactOptional(),
});
export type LookAtBuild = z.infer<typeof LookAtBuild>;

// ── log: orchestrator and gateway → gateway's log consumer ──────────────────────────────────────

/** A queue runs in another way. The gateway tells its own log consumer, which publishes an event of it. */
export const ModeChanged = Control.extend({ kind: z.literal("mode") });
export type ModeChanged = z.infer<typeof ModeChanged>;

/** The trunk of a queue fails by itself: the first commit that was found to fail, who made the commit, and what failed. */
export const RedTrunk = z.object({
  since: EpochMs,
  commit: GitSha,
  author: Note.exactOptional(),
  reason: Reason,
});
export type RedTrunk = z.infer<typeof RedTrunk>;

/** The trunk of a queue has become red, or has recovered. */
export const TrunkChanged = z.object({
  v: z.literal(1),
  kind: z.literal("trunk"),
  queue: QueueName,
  at: EpochMs,
  /** Absent: it passes again. */
  red: RedTrunk.exactOptional(),
  /** Counts the changes, from 1: an older one says nothing. */
  version: z.int().positive(),
});
export type TrunkChanged = z.infer<typeof TrunkChanged>;

/** Entries of the orchestrator are to be written. Entries of the gateway itself are written already, and sent to be published. */
export const LogMessage = z.discriminatedUnion("kind", [LogEvent, ModeChanged, TrunkChanged, Answered]);
export type LogMessage = z.infer<typeof LogMessage>;

// ── topics ──────────────────────────────────────────────────────────────────────────────────────

/** A topic: what travels, in which group order is kept, and which repeats are the same message. A standard topic has neither. */
export interface Topic<M> {
  readonly name: string;
  readonly schema: z.ZodType<M>;
  readonly fifo?: { readonly group: (message: M) => string; readonly dedup: (message: M) => string };
}

export const requestsTopic: Topic<RequestMessage> = {
  name: "requests",
  schema: RequestMessage,
  fifo: {
    group: groupOfRequest,
    dedup: (message) => messageId("request", message.kind, ...dedupOfRequest(message)),
  },
};

function groupOfRequest(message: RequestMessage): string {
  if (message.kind === "control") return messageId("queue", message.queue);
  return "sqid" in message ? messageId("request", message.sqid) : messageId("question", message.id);
}

function dedupOfRequest(message: RequestMessage): readonly (string | number)[] {
  switch (message.kind) {
    case "land":
      return [message.sqid, 0];
    case "cancel":
    case "recheck":
      return [message.sqid, message.at];
    case "reprioritize":
      return [message.sqid, message.count];
    case "control":
      return [message.queue, message.version];
    case "trial":
    case "preflight":
      return [message.queue, message.id];
  }
}

const dedupOfSignal = (signal: Signal): string | number => {
  switch (signal.kind) {
    case "request-ready":
    case "cancel-requested":
      return signal.sqid;
    case "priority-changed":
      return `${signal.sqid}/${signal.count}`;
    case "build-finished":
      return signal.buildKey;
    case "land-finished":
      return signal.part === undefined ? signal.landId : `${signal.landId}#${signal.part}`;
    case "land-held":
      return `${signal.landId}/${signal.at}`;
    case "queue-control":
      return signal.version;
    case "tick":
      return signal.nonce;
  }
};

export const signalsTopic: Topic<Signal> = {
  name: "signals",
  schema: Signal,
  fifo: {
    group: (signal) => messageId("queue", signal.queue),
    dedup: (signal) => messageId("signal", signal.queue, signal.kind, dedupOfSignal(signal)),
  },
};

/** `target` (targetOf) and `nonce` are the sender's: two queues onto one branch share a group, and SQS must not drop a command that is sent again. */
export const mergesTopic = (target: string, nonce: string): Topic<MergeMessage> => ({
  name: "merges",
  schema: MergeMessage,
  fifo: { group: () => messageId("target", target), dedup: (message) => messageId("land", message.id, nonce) },
});

/** The log topic, as the orchestrator sends to it. */
export const logTopic: Topic<LogEvent> = { name: "log", schema: LogEvent };
/** The log topic, as the gateway sends to it and consumes it, and as the orchestrator tells of the trunk. */
export const logMessages: Topic<LogMessage> = { name: logTopic.name, schema: LogMessage };

export const looksTopic: Topic<LookAtBuild> = { name: "looks", schema: LookAtBuild };
