import * as z from "zod";
import { GitSha, QueueName } from "../ids.ts";
import { LogEvent } from "../log-event.ts";
import { Answered } from "../questions.ts";
import { Note, Reason } from "../reasons.ts";
import { EpochMs } from "../time.ts";
import { Control } from "./request-messages.ts";
import type { Topic } from "./topic.ts";

/** A queue was paused, drained or resumed. The gateway tells its own log consumer, which publishes an event of the change. */
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
  /** Absent: the trunk passes again. */
  red: RedTrunk.exactOptional(),
  /** Counts the changes, from 1. A message with a lower version came late, and changes nothing. */
  version: z.int().positive(),
});
export type TrunkChanged = z.infer<typeof TrunkChanged>;

/** Entries of the orchestrator are to be written. Entries of the gateway itself are written already, and sent to be published. */
export const LogMessage = z.discriminatedUnion("kind", [LogEvent, ModeChanged, TrunkChanged, Answered]);
export type LogMessage = z.infer<typeof LogMessage>;

/** The log topic, as the orchestrator sends to it. */
export const logTopic: Topic<LogEvent> = { name: "log", schema: LogEvent };
/** The log topic, as the gateway sends to it and consumes it, and as the orchestrator tells of the trunk. */
export const logMessages: Topic<LogMessage> = { name: logTopic.name, schema: LogMessage };
