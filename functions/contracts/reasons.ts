import { z } from "zod";

/** Why a request ended other than landed, for programs. A code is part of the API: never renamed. */
export const ReasonCode = z.enum([
  "cancelled.by_caller",
  "change.duplicate",
  "change.not_found",
  "change.stale",
  "change.unsupported",
  "merge.conflict",
  "merge.invalid",
  /** The host has a rule against what the change puts onto the branch. */
  "push.declined",
  /** The host refuses the queue itself. No change is at fault. */
  "repository.refused",
  "build.failed",
  "build.timed_out",
  "build.infrastructure",
  "repository.unavailable",
  "queue.removed",
  "internal",
]);
export type ReasonCode = z.infer<typeof ReasonCode>;

/** How long a reason's message may be, in UTF-16 code units. */
export const MAX_MESSAGE = 2_000;

/** Why something ended, for programs (`code`) and for people (`message`: what happened and what to do). */
export const Reason = z.object({ code: ReasonCode, message: z.string().min(1).max(MAX_MESSAGE) });
export type Reason = z.infer<typeof Reason>;
