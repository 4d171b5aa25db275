import type { BatchId, BuildKey, Installation, QueueName, Sqid } from "../../contracts/ids.ts";
import type { LogEvent, Outcome } from "../../contracts/log-event.ts";
import type { LandBatch, MergeUnit, Signal } from "../../contracts/messages.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { Reason } from "../../contracts/reasons.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Batch } from "../batch.ts";
import type { LandingRequest } from "../request.ts";
import type { History } from "../speculation/history.ts";

/** The queue's own item. Its version is the fence of joining: a planner that lost its lease can't add a batch that others do not see. */
export interface QueueState {
  readonly queue: QueueName;
  /** Part of every build's key, so that no verdict of another deployment of the queue is taken for one of this. Never changes. */
  readonly installation: Installation;
  /** The repository and branch (targetOf) that the live batches are built for. Written by the shell; absent before it first was. */
  readonly target?: string;
  readonly nextArrival: number;
  /** The place in the order that the next batch gets. */
  readonly nextPosition: number;
  /** What the queue's scorer has learned. */
  readonly history?: History;
  /** Builds proposed before then say nothing any more: the trunk was moved by somebody else. */
  readonly evidenceSince?: EpochMs;
  /** Set while nothing may land. */
  readonly paused?: { readonly since: EpochMs; readonly note?: string };
  /** The version of the gateway's last word on how the queue is to run; absent before the first. Older ones say nothing. */
  readonly control?: number;
  /** Counts writes; 0 when it was never written. */
  readonly version: number;
}

/** What a run of the planner sees: one strongly consistent query, and the requests that the signals name. */
export interface Snapshot {
  readonly queue: QueueState;
  /** In any order. */
  readonly batches: readonly Batch[];
  /** The requests named by signals, as stored; absent when never written. */
  readonly requests: ReadonlyMap<Sqid, LandingRequest>;
}

/** An effect that state asks for. Each is derived again at every run until `acknowledge` has recorded it, and harmless when repeated. */
export type Command =
  /** Start the build workflow under the name of `buildKey`. */
  | {
      readonly kind: "start-build";
      readonly installation: Installation;
      readonly batchId: BatchId;
      readonly buildKey: BuildKey;
      readonly attempt: number;
      readonly base: readonly MergeUnit[];
      readonly head: MergeUnit;
      /** The requests it is built for: the head's, and those of a bundle that it closes. */
      readonly sqids: readonly Sqid[];
      readonly without: readonly BatchId[];
    }
  /** Send to runway. `nonce` differs when a command that went unanswered is sent again. */
  | { readonly kind: "land"; readonly message: LandBatch; readonly nonce: string }
  /** End the request unless it has ended, and release its claims. */
  | {
      readonly kind: "end-request";
      readonly sqid: Sqid;
      readonly outcome: Outcome;
      readonly reason?: Reason;
      readonly batchId?: BatchId;
    }
  /** Send to the log. */
  | { readonly kind: "announce"; readonly events: readonly LogEvent[] };

/** Told to the planner by its shell: a command of the run before was refused for good. `reason` is for the requests that the command is about. */
export interface CommandFailed {
  readonly kind: "command-failed";
  readonly command: Exclude<Command, { kind: "end-request" }>;
  readonly reason: Reason;
}

/** What a run of the planner is told. */
export type News = Signal | CommandFailed;

export interface Plan {
  /** Write first, under its version, when set. */
  readonly queue?: QueueState;
  /** Changed and new batches. Write each under `before`'s version (absent: must not exist). */
  readonly writes: readonly { readonly before?: Batch; readonly next: Batch }[];
  /** Carry out after the writes, in order. */
  readonly commands: readonly Command[];
  /** After the commands: the batches with what was carried out recorded. Write each under its version. */
  readonly acknowledged: readonly Batch[];
  /** After that: nothing refers to these any more. Move to the archive. */
  readonly archived: readonly Batch[];
}

/** Decides everything for one wake-up of one queue. Pure: the same arguments give the same plan. */
export type Planner = (config: QueueConfig, snapshot: Snapshot, news: readonly News[], now: EpochMs) => Plan;
