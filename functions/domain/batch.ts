import type { BatchId, BuildKey, QueueName, Sqid } from "../contracts/ids.ts";
import type { Blocker, LogEvent, Outcome } from "../contracts/log-event.ts";
import type { Composed, MergeUnit } from "../contracts/messages.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import { isEnd, type Lifecycle, step } from "./lifecycle.ts";
import type { LandingRequest } from "./request.ts";

/** speculating: being built. landing: handed to runway. cancelling: waiting for its builds to stop. The rest are ends. */
export type BatchState = "speculating" | "landing" | "cancelling" | "landed" | "failed" | "cancelled";

export const BATCH_LIFECYCLE: Lifecycle<BatchState> = {
  // speculating -> landed: a landing that had been given up was carried out after all; what is on the trunk is on the trunk.
  speculating: ["landing", "cancelling", "failed", "landed"],
  // landing -> speculating: the trunk moved under it, and the evidence no longer covers the tree.
  landing: ["landed", "failed", "speculating"],
  cancelling: ["cancelled", "landed"],
  landed: [],
  failed: [],
  cancelled: [],
};

/** building and cancelling hold a slot of the budget until the build has really stopped. */
export type PathState = "building" | "cancelling" | "passed" | "failed" | "cancelled";

export const PATH_LIFECYCLE: Lifecycle<PathState> = {
  building: ["cancelling", "passed", "failed", "cancelled"],
  cancelling: ["passed", "failed", "cancelled"],
  passed: [],
  failed: [],
  cancelled: [],
};

/** One guess about how the batches ahead turn out, and one attempt at building the head on it. */
export interface Path {
  /** Of this path and attempt: the name of its workflow, its git ref and its build. */
  readonly buildKey: BuildKey;
  /** From 1: how often this guess has been built. */
  readonly attempt: number;
  /** What it is built for, in landing order: its owner, or a bundle led by its owner. */
  readonly heads: readonly BatchId[];
  /** Unfinished batches that are composed under the heads, in landing order. Those that conflict with a head are assumed to land. */
  readonly base: readonly BatchId[];
  /** Unfinished batches ahead that conflict with a head and are left out: assumed not to land before it. */
  readonly without: readonly BatchId[];
  readonly state: PathState;
  /** Its workflow is known to have been started; until then each planner run starts it again, under the same name. */
  readonly dispatched: boolean;
  readonly startedAt: EpochMs;
  readonly endedAt?: EpochMs;
  /** What was built: set when it passed, and when it failed after it was composed. */
  readonly composed?: Composed;
  readonly reason?: Reason;
  /** The batch, one of `base` or `heads`, at which the composition was refused: nothing was built. */
  readonly unappliable?: BatchId;
  readonly url?: string;
}

/** A request as its batch carries it. */
export type Member = Pick<LandingRequest, "sqid" | "changes" | "strategy" | "receivedAt" | "version"> & {
  readonly touches: NonNullable<LandingRequest["touches"]>;
};

/** The unit that is built and landed together. Only the planner writes it. */
export interface Batch {
  readonly queue: QueueName;
  readonly id: BatchId;
  /** Place among the queue's arrivals, from 1. */
  readonly arrival: number;
  /** Place in the order in which conflicting batches land; absent while it is on probation, and nobody's dependency. */
  readonly position?: number;
  /** The place in the order that was the next when it arrived: on probation it is tried behind those that had one by then. */
  readonly nextPosition: number;
  /** Higher goes ahead of all that have not started landing. */
  readonly priority: number;
  readonly members: readonly Member[];
  /** The batches that it conflicts with and that were there when it arrived. Later ones name it in theirs. Fixed for good. */
  readonly conflicts: readonly BatchId[];
  readonly state: BatchState;
  readonly paths: readonly Path[];
  /** How many paths it ever had: names the next one's build. */
  readonly buildCount: number;
  /** Set while landing: the decision runway was told. */
  readonly landing?: Landing;
  /** Set once landed. */
  readonly landed?: { readonly commit: string; readonly tree: string };
  /** Why it failed, or is being cancelled. */
  readonly reason?: Reason;
  /** What holds it up, as last announced: kind and the batches named, space-separated. */
  readonly blocked?: { readonly by: Blocker; readonly on: readonly BatchId[] };
  /** Announcements of transitions already written here and not yet known to be sent. */
  readonly outbox: readonly LogEvent[];
  /** Its requests are known to have been ended: nothing is left to do for it. */
  readonly concluded: boolean;
  readonly createdAt: EpochMs;
  readonly endedAt?: EpochMs;
  /** Counts writes, from 1. */
  readonly version: number;
}

/** A decision to land: stable until runway has answered it. */
export interface Landing {
  readonly landId: string;
  /** The batches that travel together, in order. */
  readonly landedTogether: readonly BatchId[];
  /** The passed build that is the evidence, and what it made. */
  readonly buildKey: BuildKey;
  readonly tested: Composed;
  /** Those of the train that land with it all or none, as one commit point: it was tested with them only. */
  readonly bundle?: readonly BatchId[];
  /** The undecided batches ahead of it that it lands before. */
  readonly bypassed?: readonly BatchId[];
  /** Why the host refused it, whatever it holds, and since when it does. */
  readonly held?: { readonly since: EpochMs; readonly reason: Reason };
  /** When it was last sent; absent until it is known to have been sent. */
  readonly sentAt?: EpochMs;
}

export const batchHasEnded = (batch: Batch): boolean => isEnd(BATCH_LIFECYCLE, batch.state);
export const pathIsActive = (path: Path): boolean => !isEnd(PATH_LIFECYCLE, path.state);

/** True when both were built for the same heads on the same assumptions about the batches ahead. */
export const sameAssumptions = (
  a: Pick<Path, "heads" | "base" | "without">,
  b: Pick<Path, "heads" | "base" | "without">,
): boolean =>
  a.heads.join() === b.heads.join() && a.base.join() === b.base.join() && a.without.join() === b.without.join();

/** True when the build of the path broke down, and did not fail. */
export const brokeDown = ({ reason }: Path): boolean => reason?.code === "build.infrastructure";

/** What has become of its requests, once the batch has ended. */
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

/** It will never land: nobody need wait for it, or guess about it. */
export const neverLands = (batch: Batch): boolean =>
  batch.state === "failed" || batch.state === "cancelled" || batch.state === "cancelling";

/** a lands before b when they conflict. Both are in the order. */
export const goesAhead = (a: Batch, b: Batch): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : (a.position ?? Infinity) < (b.position ?? Infinity);

/** Sorts batches in landing order; those on probation behind all others, by arrival. */
export function compareLandingOrder(a: Batch, b: Batch): number {
  if ((a.position === undefined) !== (b.position === undefined)) return a.position === undefined ? 1 : -1;
  if (a.position === undefined) return a.arrival - b.arrival;
  return goesAhead(a, b) ? -1 : 1;
}

export const enter = (batch: Batch, state: BatchState, change: Partial<Batch> = {}): Batch => ({
  ...batch,
  ...change,
  state: step(BATCH_LIFECYCLE, batch.state, state),
});

export const mergeUnitOf = (batch: Batch): MergeUnit => ({
  batchId: batch.id,
  steps: batch.members.map(({ sqid, changes, strategy }) => ({ sqid, changes: [...changes], strategy })),
});

export const sqidsOf = (batch: Batch): readonly Sqid[] => batch.members.map((member) => member.sqid);
