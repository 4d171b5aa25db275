import * as z from "zod";
import { BatchId, BuildKey, GitSha, messageId, QueueName, Sqid } from "../ids.ts";
import { Priority } from "../queues.ts";
import { Note, Reason } from "../reasons.ts";
import { EpochMs } from "../time.ts";
import { LandOutcome } from "./landing-messages.ts";
import { Composed } from "./merge-unit.ts";
import { Control } from "./request-messages.ts";
import type { Topic } from "./topic.ts";

const SignalBase = { v: z.literal(1), queue: QueueName };

/** How a build ended. */
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
  /** The build says nothing about the tree, and may be repeated. */
  z.object({ kind: z.literal("infrastructure"), reason: Reason }),
  /** A batch that the path assumes to fail has landed. */
  z.object({ kind: z.literal("refuted"), batchId: BatchId }),
  /** Only of a build of the trunk itself: the trunk is at a commit that needs no build. */
  z.object({ kind: z.literal("unchanged"), trunk: GitSha }),
]);
export type BuildVerdict = z.infer<typeof BuildVerdict>;

const RequestReady = z.object({ ...SignalBase, kind: z.literal("request-ready"), sqid: Sqid });
const CancelRequested = z.object({
  ...SignalBase,
  kind: z.literal("cancel-requested"),
  sqid: Sqid,
  note: Note.optional(),
});
const PriorityChanged = z.object({
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
  /** When the build ended, where the CI system says so. The end may be seen much later, because nothing looked meanwhile. */
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
/** How the queue is to run from now on, as the gateway says. */
const QueueControl = Control.extend({ kind: z.literal("queue-control") });
/** Wakes the planner, and says nothing. Sent by the sweep. `nonce` keeps SQS from dropping a tick as a repeat of the tick before. */
const Tick = z.object({ ...SignalBase, kind: z.literal("tick"), nonce: z.string() });

/** What travels on the signals topic: every fact that the planner is told. */
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
