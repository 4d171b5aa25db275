import type { BatchId, BuildKey, QueueName } from "../contracts/ids.ts";
import type { Blocker, LogEvent, Outcome } from "../contracts/log-event.ts";
import type { Composed, MergeUnit } from "../contracts/messages/merge-unit.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import { isEnd, type Lifecycle, step } from "./lifecycle.ts";
import type { LandingRequest } from "./request.ts";

/**
 * speculating: the batch is being built, or waits for a build or for batches ahead. landing: runway was told to land the batch. cancelling:
 * the batch waits for its builds to stop. The rest are ends.
 */
export type BatchState = "speculating" | "landing" | "cancelling" | "landed" | "failed" | "cancelled";

const BATCH_LIFECYCLE: Lifecycle<BatchState> = {
  // speculating -> landed: a landing that the planner had given up was carried out late, and the trunk holds the change.
  speculating: ["landing", "cancelling", "failed", "landed"],
  // landing -> speculating: runway has not landed the batch, because the trunk has moved, or because another batch of the push did not land.
  // landing -> cancelling: the same, and the caller has cancelled the request meanwhile.
  landing: ["landed", "failed", "speculating", "cancelling"],
  cancelling: ["cancelled", "landed"],
  landed: [],
  // failed, cancelled -> landed: a landing was carried out late, after the batch had ended.
  failed: ["landed"],
  cancelled: ["landed"],
};

/**
 * building, cancelling: the path holds a slot of the budget, until its build is known to have stopped. cancelled: the build was given up or
 * refuted. Or the infrastructure failed and the build is to be repeated: then the path has a `reason`.
 */
export type PathState = "building" | "cancelling" | "passed" | "failed" | "cancelled";

const PATH_LIFECYCLE: Lifecycle<PathState> = {
  building: ["cancelling", "passed", "failed", "cancelled"],
  cancelling: ["passed", "failed", "cancelled"],
  passed: [],
  failed: [],
  cancelled: [],
};

/**
 * One attempt at building one or more heads, with one assumption about each undecided batch ahead that conflicts with a head. The batch is
 * assumed to land when it is in `base`, and not to land when it is in `without`.
 *
 * Example: A ← B ← C conflict in a row. A path of C with base [A] and without [B] assumes that A lands and that B does not.
 */
export interface Path {
  /** The name of this attempt's build, of its build workflow and of the git ref that it builds. */
  readonly buildKey: BuildKey;
  /** From 1: how often the heads have been built on these assumptions. Builds that were given up do not count. */
  readonly attempt: number;
  /** The batches that the build is for, in landing order: the batch that has the path, or a bundle that begins with that batch. */
  readonly heads: readonly BatchId[];
  /**
   * The unfinished batches that are composed under the heads, in landing order. Each batch that conflicts with a head is assumed to land. The
   * other batches are there because a batch above them may not apply without them (`baseOf`).
   */
  readonly base: readonly BatchId[];
  /** The unfinished batches ahead that conflict with a head and are left out: they are assumed not to land before the head. */
  readonly without: readonly BatchId[];
  readonly state: PathState;
  /** What the queue's builds tested when the planner proposed the build. Absent: what they test now. */
  readonly tests?: "everything" | "affected";
  /** True once the build workflow is known to have been started. Until then each run of the planner asks for it again, under the same name. */
  readonly dispatched: boolean;
  /** When the planner proposed the build. What had landed by then is in the tree. */
  readonly startedAt: EpochMs;
  /** The time of the planner's run that took note of the end of the build. */
  readonly endedAt?: EpochMs;
  /** The commit that was built. Set when the build passed, and when it failed after it was composed. */
  readonly composed?: Composed;
  /** Why the build failed, or why its infrastructure did. Absent when the build passed or was given up. */
  readonly reason?: Reason;
  /** The batch, one of `base` or `heads`, at which the composition was refused: nothing was built. */
  readonly unappliable?: BatchId;
  /**
   * Set when the build failed and is no evidence. unproven: the build was composed on a trunk commit that no passed build vouches for, so the
   * trunk itself is built first. nothing: the failure says nothing about the batches, because the trunk failed, or has moved on (`failureOn`).
   */
  readonly setAside?: "unproven" | "nothing";
  /** Where the CI system shows the build. */
  readonly url?: string;
}

/** What a batch keeps of its request, with what the request touches. Never changes. */
export type BatchRequest = Pick<LandingRequest, "sqid" | "changes" | "strategy" | "receivedAt" | "version"> & {
  readonly touches: NonNullable<LandingRequest["touches"]>;
};

/** One request in the planner: the unit that is built and landed. Only the planner writes it. */
export interface Batch {
  readonly queue: QueueName;
  readonly id: BatchId;
  /** Counts the queue's batches, from 1. */
  readonly arrival: number;
  /** The batch's number in the order in which conflicting batches land. Absent on probation: no batch is built on this one then. */
  readonly position?: number;
  /** The position that was the next one when the batch arrived. On probation the batch is built only on batches with a position before it. */
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
   * The conflicts of the batch among the batches that arrived earlier. A conflict with a later arrival is in the list of the later batch.
   * `every`: all earlier batches that had not ended when this batch arrived (`conflictsOnArrival`). A queue under analyzer `all` stores this
   * word instead of a list. Never changes.
   */
  readonly conflicts: readonly BatchId[] | "every";
  readonly state: BatchState;
  /** The paths whose first head is this batch, oldest first, ended ones too. Ended ones are dropped when there is no room for all (`bounded`). */
  readonly paths: readonly Path[];
  /** How many paths the batch has had so far. The next path's build key is made from this number. */
  readonly buildCount: number;
  /** The decision to land that runway was told. Set while landing. Kept once landed, and when the host has refused the landing for too long. */
  readonly landing?: Landing;
  /** The trunk's commit and tree once the batch has landed. */
  readonly landed?: { readonly commit: string; readonly tree: string };
  /** Why the batch has failed, was cancelled, or is being cancelled. While landing: why it is to be cancelled if runway does not land it. */
  readonly reason?: Reason;
  /** What blocks the batch, and up to five of the batches that it waits for, as the log was last told (`noteBlockers`). */
  readonly blocked?: { readonly by: Blocker; readonly on: readonly BatchId[] };
  /** Log entries about the batch that are not yet known to be sent. Each is written together with the change that it tells of. */
  readonly outbox: readonly LogEvent[];
  /** True once the batch's request is known to have been ended: nothing is left to do for the batch. */
  readonly concluded: boolean;
  readonly createdAt: EpochMs;
  readonly endedAt?: EpochMs;
  /** Counts writes, from 1. */
  readonly version: number;
}

/** A decision to land. What is to land does not change until runway has answered. */
export interface Landing {
  /** Names the decision: the same for all batches of the push, and in runway's answer. */
  readonly landId: string;
  /** The batches that land in one push, in landing order. */
  readonly landedTogether: readonly BatchId[];
  /** The passed build that is the evidence for this batch, and the commit that the build tested. */
  readonly buildKey: BuildKey;
  readonly tested: Composed;
  /** This batch and the batches that were tested only together with it: they land as one commit point, all or none. Absent for one batch. */
  readonly bundle?: readonly BatchId[];
  /** The undecided batches ahead that this batch lands before. */
  readonly bypassed?: readonly BatchId[];
  /** True when the batch lands ahead of all others because its build passed on a red trunk. */
  readonly repair?: boolean;
  /** Why the host of the repository refuses the push although no change is at fault, and since when. */
  readonly held?: { readonly since: EpochMs; readonly reason: Reason };
  /** When the landing was last sent. Absent until it is known to have been sent. */
  readonly sentAt?: EpochMs;
}

/** True when the batch has landed, failed or been cancelled. */
export const batchHasEnded = (batch: Batch): boolean => outcomeOf(batch) !== undefined;

/** True when the path is building or cancelling, so that it holds a slot of the budget. */
export const pathIsActive = (path: Path): boolean => !isEnd(PATH_LIFECYCLE, path.state);

/**
 * True when two paths have the same heads, the same base and leave out the same batches. Paths whose bases differ only in a batch that is
 * independent of the heads are not the same.
 */
export const sameAssumptions = (
  a: Pick<Path, "heads" | "base" | "without">,
  b: Pick<Path, "heads" | "base" | "without">,
): boolean =>
  a.heads.join() === b.heads.join() && a.base.join() === b.base.join() && a.without.join() === b.without.join();

/** True when the machine, the network or the CI system failed instead of the change (verdict infrastructure). */
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

/**
 * True when the batch has failed, was cancelled or is being cancelled, so that no other batch need wait for it. Such a batch lands all the
 * same when a landing is carried out late.
 */
export const neverLands = (batch: Batch): boolean =>
  batch.state === "failed" || batch.state === "cancelled" || batch.state === "cancelling";

/**
 * True when a lands before b if they conflict, and neither is landing yet: a has the higher priority, or the same priority and the lower
 * position. A batch without a position comes after those of its priority. Example: priority 5 and position 9 is ahead of priority 0 and
 * position 2.
 */
export const goesAhead = (a: Batch, b: Batch): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : (a.position ?? Infinity) < (b.position ?? Infinity);

/**
 * True when the earlier batch was unfinished when the later one arrived, so that they conflict if the later one conflicts with `every` batch. A
 * batch that ended at the very time of the arrival counts as unfinished.
 *
 * Example: A ended at 5, B has not ended, and C arrived at 7 and conflicts with every batch. C conflicts with B, and not with A.
 */
export const conflictsOnArrival = (later: Batch, earlier: Batch): boolean =>
  earlier.arrival < later.arrival && (earlier.endedAt === undefined || earlier.endedAt >= later.createdAt);

/**
 * Compares two batches, for sorting them in landing order. Batches on probation come after all others, by arrival. Example: A has position 2
 * and priority 0, B has position 3 and priority 5, P is on probation with priority 9. The order is B, A, P.
 */
export function compareLandingOrder(a: Batch, b: Batch): number {
  if ((a.position === undefined) !== (b.position === undefined)) return a.position === undefined ? 1 : -1;
  if (a.position === undefined) return a.arrival - b.arrival;
  return goesAhead(a, b) ? -1 : 1;
}

/** The batch in the state `state`, with the changes of `change`. Throws when the lifecycle does not allow the step. */
export const enter = (batch: Batch, state: BatchState, change: Partial<Batch> = {}): Batch => ({
  ...batch,
  ...change,
  state: step(BATCH_LIFECYCLE, batch.state, state),
});

/** What runway composes or lands for the batch: its changes and its strategy, and for a squash the commit messages. */
export function mergeUnitOf({ id, request: { sqid, changes, strategy, touches } }: Batch): MergeUnit {
  const messages = strategy === "SQUASH_REBASE" ? touches.messages : undefined;
  const said = messages === undefined ? {} : { messages: [...messages] };
  return { batchId: id, steps: [{ sqid, changes: [...changes], strategy, ...said }] };
}
