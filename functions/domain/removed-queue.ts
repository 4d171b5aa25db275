import type { Outcome } from "../contracts/log-event.ts";
import { type QueueConfig, targetOf } from "../contracts/queues.ts";
import { type Reason, reasonOf } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import { type Batch, outcomeOf } from "./batch.ts";

/**
 * How long the requests of a queue that was taken out of the configuration are kept, in case it is put back. Longer than a deployment takes to
 * reach all functions: for so long some of them know a queue, and others do not.
 */
export const GRACE_MS = 600_000;

/** How long a removed queue is remembered after that: longer than any build of it may run. */
export const FORGET_AFTER_MS = 2 * 86_400_000;

/**
 * True when a request, or a queue's batches, that were read, built and tested for `target` may go on under the queue's configuration. A target
 * that was never written down is taken for the present one. Undefined as configuration: the queue is not configured.
 */
export const isForTarget = (target: string | undefined, config: QueueConfig | undefined): boolean =>
  config !== undefined && (target === undefined || target === targetOf(config.repository));

/** How the request of a batch ends when its queue is gone. */
export interface RemovedEnd {
  readonly outcome: Outcome;
  readonly reason?: Reason;
}

/**
 * A batch that has ended, or that was being cancelled, ends as it would have. One that runway was told to land may be on the branch, since its
 * answer may have been lost: the reason says so. Any other has not landed.
 */
export function endOfRemoved(batch: Batch, config: QueueConfig | undefined): RemovedEnd {
  const outcome = outcomeOf(batch) ?? (batch.state === "cancelling" ? "cancelled" : undefined);
  if (outcome !== undefined)
    return { outcome, ...(batch.reason === undefined || outcome === "landed" ? {} : { reason: batch.reason }) };
  const landing = batch.state === "landing" ? batch.landing?.tested.commit : undefined;
  return { outcome: "error", reason: removed(batch.queue, config, landing) };
}

/** `landing`: the tested commit of a request that runway was told to land. */
export function removed(queue: string, config: QueueConfig | undefined, landing?: string): Reason {
  const what =
    config === undefined
      ? `Queue ${queue} was taken out of the configuration.`
      : `Queue ${queue} now lands on ${config.repository.branch} of ${config.repository.remote}, and this request was for another target.`;
  const so =
    landing === undefined
      ? "Nothing of this request was landed. Land it again, in a queue that is configured for its target."
      : `This request was being landed at that time, and whether it was is not known: look on the branch for the content of commit ${landing} before you land it again.`;
  return reasonOf("queue.removed", `${what} ${so}`);
}

/** True once the requests of a queue that has been gone since then are to be ended. */
export const graceIsOver = (goneSince: EpochMs, now: EpochMs): boolean => now - goneSince >= GRACE_MS;
