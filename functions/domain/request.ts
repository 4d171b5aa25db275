import type { ChangeUri } from "../contracts/change-uri.ts";
import type { QueueName, Sqid } from "../contracts/ids.ts";
import type { Outcome } from "../contracts/log-event.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { MergeStrategy } from "../contracts/strategy.ts";
import type { EpochMs } from "../contracts/time.ts";
import { isEnd, type Lifecycle } from "./lifecycle.ts";

/** started: persisted. validated: claims held, touches known. ready: trial merge passed, the planner owns it. The rest are ends. */
export type RequestState = "started" | "validated" | "ready" | Outcome;

export const REQUEST_LIFECYCLE: Lifecycle<RequestState> = {
  started: ["validated", "error", "cancelled"],
  validated: ["ready", "error", "cancelled"],
  ready: ["landed", "error", "cancelled"],
  landed: [],
  error: [],
  cancelled: [],
};

export const requestHasEnded = (state: RequestState): state is Outcome => isEnd(REQUEST_LIFECYCLE, state);

/** What a request changes, as the change provider reports it. */
export interface Touches {
  /** Repository paths, sorted, each once; `everything` when there are too many to keep (boundedTouches): it then conflicts with all. */
  readonly paths: readonly string[] | "everything";
  readonly files: number;
  readonly additions: number;
  readonly deletions: number;
  /** E-mail addresses of the changes' authors, each once. */
  readonly authors: readonly string[];
}

/** With more paths than this a request touches everything. */
export const MAX_PATHS = 1_000;

/** One Land call on its way. Admission writes it until it is `ready`; from then on the planner alone does. */
export interface LandingRequest {
  readonly queue: QueueName;
  readonly sqid: Sqid;
  readonly changes: readonly ChangeUri[];
  readonly strategy: MergeStrategy;
  readonly receivedAt: EpochMs;
  readonly state: RequestState;
  /** Counts writes, from 1. */
  readonly version: number;
  /** Known from `validated` on. */
  readonly touches?: Touches;
  /** Higher goes first; 0 when absent. */
  readonly priority?: number;
  /** Set when it ended other than landed. */
  readonly reason?: Reason;
  readonly endedAt?: EpochMs;
}
