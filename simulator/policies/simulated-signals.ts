import {
  type BatchId,
  type BuildKey,
  type QueueName,
  type RequestNumber,
  type Sqid,
  sqidOf,
} from "../../functions/contracts/ids.ts";
import type { BuildVerdict, Signal } from "../../functions/contracts/messages/signals.ts";
import { QUEUE as NAME } from "./queue-config.ts";

export const QUEUE = NAME as QueueName;

/** The request of change `n`. Requests count from 1. */
export const sqidFor = (n: number): Sqid => sqidOf(QUEUE, (n + 1) as RequestNumber);
/** The change of a request. */
export const numberOf = (sqid: Sqid): number => Number(sqid.slice(sqid.indexOf("/") + 1)) - 1;
/** The changes of what is composed or landed as one unit. */
export const numbersOf = (unit: { readonly steps: readonly { readonly sqid: Sqid }[] }): number[] =>
  unit.steps.map((step) => numberOf(step.sqid));

export const FAILED = {
  kind: "failed",
  reason: { code: "build.failed", message: "The build failed." },
} as const satisfies BuildVerdict;

/** Tells the planner that a build has ended. */
export const finished = (batchId: BatchId, buildKey: BuildKey, verdict: BuildVerdict): Signal => ({
  v: 1,
  kind: "build-finished",
  queue: QUEUE,
  batchId,
  buildKey,
  verdict,
});
