import type { ChangeUri } from "../contracts/change-uri.ts";
import type { QueueName, Sqid } from "../contracts/ids.ts";
import { ENDED_STATUSES, type Outcome } from "../contracts/log-event.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { MergeStrategy } from "../contracts/strategy.ts";
import type { EpochMs } from "../contracts/time.ts";
import type { Touches } from "../contracts/touches.ts";
import type { Lifecycle } from "./lifecycle.ts";

export type { Touches };

/**
 * started: the request is stored. validated: the request holds its claims, and what it touches is known. This state is stored only where a
 * review may hold the request up; other requests go from started to ready. ready: the trial merge of the request has passed, and the planner
 * owns the request. The other states are ends.
 */
export type RequestState = "started" | "validated" | "ready" | Outcome;

/** The states that may follow a state. `landed` may follow `error` and `cancelled`: a landing that had been given up was carried out. */
export const REQUEST_LIFECYCLE: Lifecycle<RequestState> = {
  started: ["validated", "ready", "error", "cancelled"],
  validated: ["ready", "error", "cancelled"],
  ready: ["landed", "error", "cancelled"],
  landed: [],
  error: ["landed"],
  cancelled: ["landed"],
};

/** True when the request has landed, failed or been cancelled. */
export const requestHasEnded = (state: RequestState): state is Outcome =>
  (ENDED_STATUSES as readonly RequestState[]).includes(state);

/** A request that touches more paths than this counts as touching everything. */
export const MAX_PATHS = 1_000;

/**
 * One Land call: changes that land together or not at all. Admission writes the request until it is `ready`, and only the planner after
 * that.
 */
export interface LandingRequest {
  readonly queue: QueueName;
  readonly sqid: Sqid;
  readonly changes: readonly ChangeUri[];
  readonly strategy: MergeStrategy;
  readonly receivedAt: EpochMs;
  readonly state: RequestState;
  /** Counts writes, from 1. */
  readonly version: number;
  /** The repository and branch (targetOf) that the queue was configured for when the request was started. */
  readonly target?: string;
  /** What the changes touch. Known from `validated`, or `ready`, on. */
  readonly touches?: Touches;
  /** The author of a pull request, by the name that GitHub has. */
  readonly author?: string;
  /** A request with a higher priority is ahead. 0 when absent. */
  readonly priority?: number;
  /**
   * The count of the priority-changed signal that `priority` comes from. A caller's first change of the priority has count 1, the next one 2.
   * A signal with a count that is not greater came late, and changes nothing. Absent while `priority` is the one that the Land call asked for.
   */
  readonly priorityCount?: number;
  /** Why the request ended. Set unless it has landed. */
  readonly reason?: Reason;
  readonly endedAt?: EpochMs;
}
