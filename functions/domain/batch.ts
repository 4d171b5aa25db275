import type { BatchId, BuildKey, QueueName } from "../contracts/ids.ts";
import type { Blocker, LogEvent, Outcome } from "../contracts/log-event.ts";
import type { Composed, MergeUnit } from "../contracts/messages.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import { isEnd, type Lifecycle, step } from "./lifecycle.ts";
import type { LandingRequest } from "./request.ts";

/** speculating: being built. landing: handed to runway. cancelling: waiting for its builds to stop. The rest are ends. */
export type BatchState = "speculating" | "landing" | "cancelling" | "landed" | "failed" | "cancelled";

const BATCH_LIFECYCLE: Lifecycle<BatchState> = {
  // speculating -> landed: a landing that had been given up was carried out after all; what is on the trunk is on the trunk.
  speculating: ["landing", "cancelling", "failed", "landed"],
  // landing -> speculating: the trunk moved under it, and the evidence no longer covers the tree.
  landing: ["landed", "failed", "speculating"],
  cancelling: ["cancelled", "landed"],
  landed: [],
  // failed, cancelled -> landed: the same, when the batch had ended meanwhile.
  failed: ["landed"],
  cancelled: ["landed"],
};

/** A path that is building or cancelling holds a slot of the budget, until its build is known to have stopped. */
export type PathState = "building" | "cancelling" | "passed" | "failed" | "cancelled";

const PATH_LIFECYCLE: Lifecycle<PathState> = {
  building: ["cancelling", "passed", "failed", "cancelled"],
  cancelling: ["passed", "failed", "cancelled"],
  passed: [],
  failed: [],
  cancelled: [],
};

/**
 * One attempt at building a head on one assumption per dependency: it lands, or it does not. Each dependency is in `base` or in `without`.
 *
 * Example: A ← B ← C conflict in a row. A path of C with base [A] and without [B] assumes that A lands and that B does not.
 */
export interface Path {
  /** The name of this attempt's build, of its workflow and of its git ref. */
  readonly buildKey: BuildKey;
  /** From 1: how often the head has been built on these assumptions. */
  readonly attempt: number;
  /** The batches that the build is for, in landing order: the batch that has the path, or a bundle that begins with that batch. */
  readonly heads: readonly BatchId[];
  /** The unfinished batches that are composed under the heads, in landing order. Those that conflict with a head are assumed to land. */
  readonly base: readonly BatchId[];
  /** The unfinished batches ahead that conflict with a head and are left out: they are assumed not to land before the head. */
  readonly without: readonly BatchId[];
  readonly state: PathState;
  /** True once its workflow is known to have been started. Until then each run of the planner starts it again, under the same name. */
  readonly dispatched: boolean;
  readonly startedAt: EpochMs;
  readonly endedAt?: EpochMs;
  /** The commit that was built. Set when the build passed, and when it failed after it was composed. */
  readonly composed?: Composed;
  readonly reason?: Reason;
  /** The batch, one of `base` or `heads`, at which the composition was refused: nothing was built. */
  readonly unappliable?: BatchId;
  /**
   * Set when the build failed and is no evidence. unproven: it was composed on a trunk commit that no passed build vouches for, so the trunk
   * itself is built first. nothing: it says nothing about its batches, for the trunk failed, or has moved on (`failureOn`).
   */
  readonly setAside?: "unproven" | "nothing";
  readonly url?: string;
}

/** A request as its batch carries it. */
export type BatchRequest = Pick<LandingRequest, "sqid" | "changes" | "strategy" | "receivedAt" | "version"> & {
  readonly touches: NonNullable<LandingRequest["touches"]>;
};

/** One request in the planner: the unit that is built and landed. Only the planner writes it. */
export interface Batch {
  readonly queue: QueueName;
  readonly id: BatchId;
  /** Counts the queue's batches, from 1. */
  readonly arrival: number;
  /** The batch's number in the order in which conflicting batches land. Absent while it is on probation: no batch is built on it then. */
  readonly position?: number;
  /** The position that was the next one when the batch arrived. On probation it is built on batches with an earlier position. */
  readonly nextPosition: number;
  /** A batch with a higher priority is ahead of all batches with a lower one that have not started landing. */
  readonly priority: number;
  /**
   * The count of the priority-changed signal that `priority` comes from. A caller's first change of the priority has count 1, the next one 2.
   * A signal with a count that is not greater came late, and changes nothing. Absent while `priority` is the one that the Land call asked for.
   */
  readonly priorityCount?: number;
  readonly request: BatchRequest;
  /**
   * The earlier batches that it conflicts with. A later batch that conflicts with it names it in its own list. `every`: each earlier batch
   * that had not ended when this one arrived, so that a queue under analyzer `all` need not store them (`conflictsOnArrival`). Never changes.
   */
  readonly conflicts: readonly BatchId[] | "every";
  readonly state: BatchState;
  readonly paths: readonly Path[];
  /** How many paths it has had so far. The next path's build key is made from this number. */
  readonly buildCount: number;
  /** The decision to land that runway was told. Set while landing. Kept when the batch has landed, and when the host refused the landing too long. */
  readonly landing?: Landing;
  /** Set once landed. */
  readonly landed?: { readonly commit: string; readonly tree: string };
  /** Why it failed, or is being cancelled. */
  readonly reason?: Reason;
  /** What holds the batch up, as last announced, and the batches that were named. */
  readonly blocked?: { readonly by: Blocker; readonly on: readonly BatchId[] };
  /** Log entries about transitions that are written here, until the entries are known to be sent. */
  readonly outbox: readonly LogEvent[];
  /** True once its request is known to have been ended: nothing is left to do for the batch. */
  readonly concluded: boolean;
  readonly createdAt: EpochMs;
  readonly endedAt?: EpochMs;
  /** Counts writes, from 1. */
  readonly version: number;
}

/** A decision to land. It does not change until runway has answered. */
export interface Landing {
  readonly landId: string;
  /** The batches that land in one push, in landing order. */
  readonly landedTogether: readonly BatchId[];
  /** The passed build that is the evidence, and the commit that it tested. */
  readonly buildKey: BuildKey;
  readonly tested: Composed;
  /** The batches that were tested only together with this one: they land as one commit point, all or none. */
  readonly bundle?: readonly BatchId[];
  /** The undecided batches ahead that this batch lands before. */
  readonly bypassed?: readonly BatchId[];
  /** True when it lands ahead of all others because its build passed on a red trunk. */
  readonly repair?: boolean;
  /** Why the host refuses the landing although no change is at fault, and since when. */
  readonly held?: { readonly since: EpochMs; readonly reason: Reason };
  /** When the landing was last sent. Absent until it is known to have been sent. */
  readonly sentAt?: EpochMs;
}

/** True when the batch has landed, failed or been cancelled. */
export const batchHasEnded = (batch: Batch): boolean => outcomeOf(batch) !== undefined;
export const pathIsActive = (path: Path): boolean => !isEnd(PATH_LIFECYCLE, path.state);

/** True when both were built for the same heads on the same assumptions about the batches ahead. */
export const sameAssumptions = (
  a: Pick<Path, "heads" | "base" | "without">,
  b: Pick<Path, "heads" | "base" | "without">,
): boolean =>
  a.heads.join() === b.heads.join() && a.base.join() === b.base.join() && a.without.join() === b.without.join();

/** True when the infrastructure of the build failed, which says nothing about the change. */
export const brokeDown = ({ reason }: Path): boolean => reason?.code === "build.infrastructure";

/** How the request of the batch ends. Undefined while the batch has not ended. */
export const outcomeOf = (batch: Batch): Outcome | undefined =>
  (
    ({
      speculating: undefined,
      landing: undefined,
      cancelling: undefined,
      landed: "landed",
      failed: "error",
      cancelled: "cancelled",
    }) as const
  )[batch.state];

/** True when the batch will never land, so that no batch need wait for it: it has failed, or was cancelled, or is being cancelled. */
export const neverLands = (batch: Batch): boolean =>
  batch.state === "failed" || batch.state === "cancelled" || batch.state === "cancelling";

/**
 * True when a lands before b if they conflict. Both have a position. Example: priority 5 and position 9 is ahead of priority 0 and position
 * 2.
 */
export const goesAhead = (a: Batch, b: Batch): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : (a.position ?? Infinity) < (b.position ?? Infinity);

/**
 * True when the two batches conflict because the later one conflicts with `every` batch that was unfinished on its arrival. Batches that
 * ended at that very time count as unfinished.
 *
 * Example: A ended at 5, B has not ended, and C arrived at 7 and conflicts with every batch. C conflicts with B, and not with A.
 */
export const conflictsOnArrival = (later: Batch, earlier: Batch): boolean =>
  later.conflicts === "every" &&
  earlier.arrival < later.arrival &&
  (earlier.endedAt === undefined || earlier.endedAt >= later.createdAt);

/** Sorts batches in landing order. Batches on probation come after all others, by arrival. */
export function compareLandingOrder(a: Batch, b: Batch): number {
  if ((a.position === undefined) !== (b.position === undefined)) return a.position === undefined ? 1 : -1;
  if (a.position === undefined) return a.arrival - b.arrival;
  return goesAhead(a, b) ? -1 : 1;
}

/** The batch in a new state, with other changes. Throws when the lifecycle does not allow the step. */
export const enter = (batch: Batch, state: BatchState, change: Partial<Batch> = {}): Batch => ({
  ...batch,
  ...change,
  state: step(BATCH_LIFECYCLE, batch.state, state),
});

export function mergeUnitOf({ id, request: { sqid, changes, strategy, touches } }: Batch): MergeUnit {
  const messages = strategy === "SQUASH_REBASE" ? touches.messages : undefined;
  const said = messages === undefined ? {} : { messages: [...messages] };
  return { batchId: id, steps: [{ sqid, changes: [...changes], strategy, ...said }] };
}
