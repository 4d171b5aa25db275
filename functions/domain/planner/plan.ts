import type { BatchId, BuildKey, Installation, QueueName, Sqid } from "../../contracts/ids.ts";
import type { LogEvent, Outcome } from "../../contracts/log-event.ts";
import type { LandBatch } from "../../contracts/messages/landing-messages.ts";
import type { TrunkChanged } from "../../contracts/messages/log-messages.ts";
import type { MergeUnit, TrunkUnit } from "../../contracts/messages/merge-unit.ts";
import type { Signal } from "../../contracts/messages/signals.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { Reason } from "../../contracts/reasons.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Batch } from "../batch.ts";
import type { LandingRequest } from "../request.ts";
import type { History } from "../speculation/history.ts";
import type { Trunk } from "../trunk.ts";

/**
 * The queue's own item. A new batch is written only after this item, under its version. So a run of the planner that another run has
 * overtaken cannot add a batch.
 */
export interface QueueState {
  readonly queue: QueueName;
  /**
   * A random name of this deployment of the queue. It is part of each build key, so that two deployments do not mix up their builds. Never
   * changes.
   */
  readonly installation: Installation;
  /** The repository and branch (targetOf) that the live batches are built for. Written by `runPlanner`. Absent before its first write. */
  readonly target?: string;
  /** The arrival that the next batch gets. */
  readonly nextArrival: number;
  /** The position that the next batch gets. */
  readonly nextPosition: number;
  /** What the queue's scorer has learned. */
  readonly history?: History;
  /** Builds that were proposed before this time are evidence of nothing, because a push from outside the queue moved the trunk then. */
  readonly evidenceSince?: EpochMs;
  /** What is known of the trunk. Absent before the first build has ended. */
  readonly trunk?: Trunk;
  /** Set while nothing may land. */
  readonly paused?: { readonly since: EpochMs; readonly note?: string };
  /** The version of the last queue-control signal that was followed. Older signals are ignored. Absent before the first. */
  readonly control?: number;
  /** Counts the writes of this item. 0 when it was never written. */
  readonly version: number;
}

/**
 * What a run of the planner sees: the queue's own item and live batches, by one strongly consistent query, and the requests that the
 * signals name.
 */
export interface Snapshot {
  readonly queue: QueueState;
  /** In any order. */
  readonly batches: readonly Batch[];
  /** The stored requests that the signals name. A request that was never written is absent. */
  readonly requests: ReadonlyMap<Sqid, LandingRequest>;
}

/**
 * An effect that the state asks for. Each run asks for it again until `acknowledge` has recorded that it was carried out. Repeats are
 * harmless.
 */
export type Command =
  /** Start the build workflow under the name of `buildKey`. */
  | {
      readonly kind: "start-build";
      readonly installation: Installation;
      readonly batchId: BatchId;
      readonly buildKey: BuildKey;
      readonly attempt: number;
      /** In landing order. */
      readonly base: readonly MergeUnit[];
      readonly head: MergeUnit | TrunkUnit;
      /** The requests that the build is for: that of the head, or those of all heads of a bundle. None of a build of the trunk itself. */
      readonly sqids: readonly Sqid[];
      /** The undecided batches ahead that the build assumes not to land. */
      readonly without: readonly BatchId[];
      /**
       * The lower quartile of the queue's build times, in milliseconds: three of four builds take longer. Absent before the first build has
       * finished.
       */
      readonly lowerQuartileMs?: number;
    }
  /** Send the landing to runway. An unanswered landing is sent again with another `nonce`, so that the topic does not drop it as a repeat. */
  | { readonly kind: "land"; readonly message: LandBatch; readonly nonce: string }
  /** End the request unless it has ended, and release its claims. */
  | {
      readonly kind: "end-request";
      readonly sqid: Sqid;
      readonly outcome: Outcome;
      readonly reason?: Reason;
      readonly batchId?: BatchId;
    }
  /** Send the entries to the request log. */
  | { readonly kind: "announce"; readonly events: readonly LogEvent[] }
  /** Tell the gateway that the trunk has become red, or has recovered. */
  | { readonly kind: "announce-trunk"; readonly message: TrunkChanged };

/** `runPlanner` tells the planner that a command of the run before was refused for good, for `reason`. See `commandFailed`. */
export interface CommandFailed {
  readonly kind: "command-failed";
  readonly command: Exclude<Command, { kind: "end-request" | "announce-trunk" }>;
  readonly reason: Reason;
}

/** The input of a run: a signal, or a command that was refused. */
export type News = Signal | CommandFailed;

/** What a run of the planner decided: what to write and to do, in the order of these fields. */
export interface Plan {
  /** The queue's own item, to be written first, under its version. Absent when it has not changed. */
  readonly queue?: QueueState;
  /** Changed and new batches. Each is written under the version of `before`. Where `before` is absent, the batch must not exist. */
  readonly writes: readonly { readonly before?: Batch; readonly next: Batch }[];
  /** Carried out after the writes, in order. */
  readonly commands: readonly Command[];
  /** Written after the commands, each under its version: the batches with their commands recorded as carried out. */
  readonly acknowledged: readonly Batch[];
  /** Written after the commands: the queue's own item, with the trunk's commands recorded as carried out. Absent when there were none. */
  readonly acknowledgedQueue?: QueueState;
  /** Moved to the archive at the end. No later run needs these batches to decide anything (`archivable`). */
  readonly archived: readonly Batch[];
}

/** Decides everything for one wake-up of one queue. Pure: the same arguments give the same plan. */
export type Planner = (config: QueueConfig, snapshot: Snapshot, news: readonly News[], now: EpochMs) => Plan;
