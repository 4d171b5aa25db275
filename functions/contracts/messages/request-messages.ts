import * as z from "zod";
import { Caller } from "../caller.ts";
import { ChangeUri } from "../change-uri.ts";
import { messageId, QuestionId, QueueName, Sqid } from "../ids.ts";
import { Priority, QueueMode } from "../queues.ts";
import { Note } from "../reasons.ts";
import { MergeStrategy } from "../strategy.ts";
import { EpochMs } from "../time.ts";
import { Targets } from "../touches.ts";
import { MergeStep } from "./merge-unit.ts";
import type { Topic } from "./topic.ts";

/** Land these changes, all or none. */
export const Land = z.object({
  v: z.literal(1),
  kind: z.literal("land"),
  queue: QueueName,
  sqid: Sqid,
  changes: z.array(ChangeUri).min(1),
  strategy: MergeStrategy,
  /** 0 when absent. */
  priority: Priority.exactOptional(),
  /** The build targets that the changes affect, as the caller says. Absent: not known. */
  targets: Targets.exactOptional(),
  /** Who asked for the landing. Absent in a message of an older release. */
  caller: Caller.exactOptional(),
  /** Why the changes are to be tried again although they were refused often. Absent unless the caller said `retry`. */
  retryReason: Note.exactOptional(),
  receivedAt: EpochMs,
});
export type Land = z.infer<typeof Land>;

/** End the request before it lands. */
export const Cancel = z.object({
  v: z.literal(1),
  kind: z.literal("cancel"),
  queue: QueueName,
  sqid: Sqid,
  note: Note.optional(),
  /** The name of the caller who cancels the request. */
  caller: z.string().exactOptional(),
  at: EpochMs,
});
export type Cancel = z.infer<typeof Cancel>;

/** A caller has set another priority for a request. */
export const Reprioritize = z.object({
  v: z.literal(1),
  kind: z.literal("reprioritize"),
  queue: QueueName,
  sqid: Sqid,
  priority: Priority,
  /** Counts the changes of the request's priority, from 1. A message with a lower count came late, and changes nothing. */
  count: z.int().positive(),
});
export type Reprioritize = z.infer<typeof Reprioritize>;

/** Look again at what a request in admission waits for: a review, or checks. Says nothing about how the review or the checks are. */
export const Recheck = z.object({
  v: z.literal(1),
  kind: z.literal("recheck"),
  queue: QueueName,
  sqid: Sqid,
  at: EpochMs,
});
export type Recheck = z.infer<typeof Recheck>;

/**
 * How the queue is to run from now on. The gateway sends the message again every minute as long as the queue is not open, and for some time
 * after.
 */
export const Control = z.object({
  v: z.literal(1),
  kind: z.literal("control"),
  queue: QueueName,
  mode: QueueMode,
  note: Note.exactOptional(),
  /** When the caller changed the mode. */
  at: EpochMs,
  /** Counts the changes of a queue's mode, from 1. A message with a lower version came late, and changes nothing. */
  version: z.int().positive(),
});
export type Control = z.infer<typeof Control>;

/**
 * Would these changes be admitted, and do they merge onto the trunk? No request is made of the changes. `step.sqid` stands in for the sqid
 * of a request.
 */
export const Trial = z.object({
  v: z.literal(1),
  kind: z.literal("trial"),
  queue: QueueName,
  id: QuestionId,
  step: MergeStep,
});
export type Trial = z.infer<typeof Trial>;

/** Can the queue build, and which checks do its builds wait for? */
export const Preflight = z.object({ v: z.literal(1), kind: z.literal("preflight"), queue: QueueName, id: QuestionId });
export type Preflight = z.infer<typeof Preflight>;

/** What the gateway asks without making a request. The answer comes on the log topic. */
export const Question = z.discriminatedUnion("kind", [Trial, Preflight]);
export type Question = z.infer<typeof Question>;

/** What travels on the requests topic. */
export const RequestMessage = z.discriminatedUnion("kind", [
  Land,
  Cancel,
  Reprioritize,
  Recheck,
  Control,
  Trial,
  Preflight,
]);
export type RequestMessage = z.infer<typeof RequestMessage>;

export const requestsTopic: Topic<RequestMessage> = {
  name: "requests",
  schema: RequestMessage,
  fifo: {
    group: groupOfRequest,
    dedup: (message) => messageId("request", message.kind, ...dedupOfRequest(message)),
  },
};

function groupOfRequest(message: RequestMessage): string {
  if (message.kind === "control") return messageId("queue", message.queue);
  return "sqid" in message ? messageId("request", message.sqid) : messageId("question", message.id);
}

function dedupOfRequest(message: RequestMessage): readonly (string | number)[] {
  switch (message.kind) {
    case "land":
      return [message.sqid, 0];
    case "cancel":
    case "recheck":
      return [message.sqid, message.at];
    case "reprioritize":
      return [message.sqid, message.count];
    case "control":
      return [message.queue, message.version];
    case "trial":
    case "preflight":
      return [message.queue, message.id];
  }
}
