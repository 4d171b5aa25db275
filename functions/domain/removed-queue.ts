import type { Outcome } from "../contracts/log-event.ts";
import { type QueueConfig, targetOf } from "../contracts/queues.ts";
import { type Reason, reasonOf } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import { type Batch, outcomeOf } from "./batch.ts";

/**
 * A queue that was taken out of the configuration is a removed queue. Its requests are kept for this long, in milliseconds, in case the queue
 * is put back. That is longer than a deployment takes to reach all functions; until then some functions know the queue and others do not.
 */
export const GRACE_MS = 600_000;

/** A removed queue is remembered for this long after its removal, in milliseconds: longer than its builds and late messages take to end. */
export const FORGET_AFTER_MS = 2 * 86_400_000;

/**
 * True when the queue's configuration has this target (`targetOf`: repository and branch), so that what was built for the target may land. An
 * undefined target is one that was not recorded, and counts as the configured one. False when the queue is removed (`config` is undefined).
 */
export const isForTarget = (target: string | undefined, config: QueueConfig | undefined): boolean =>
  config !== undefined && (target === undefined || target === targetOf(config.repository));

/** How a request of a removed queue ends. */
export interface RemovedEnd {
  readonly outcome: Outcome;
  readonly reason?: Reason;
}

/**
 * How the request of a batch ends when its queue is removed, or has another target than before (`config` is the new one). A batch that has
 * ended, or was being cancelled, ends as it would have. Any other batch ends with an error. If runway was told to land the batch, the reason
 * says that the change may be on the branch, since runway's answer may have been lost.
 */
export function endOfRemoved(batch: Batch, config: QueueConfig | undefined): RemovedEnd {
  const outcome = outcomeOf(batch) ?? (batch.state === "cancelling" ? "cancelled" : undefined);
  if (outcome !== undefined)
    return { outcome, ...(batch.reason === undefined || outcome === "landed" ? {} : { reason: batch.reason }) };
  const landing = batch.state === "landing" ? batch.landing?.tested.commit : undefined;
  return { outcome: "error", reason: queueRemoved(batch.queue, config, landing) };
}

/**
 * The reason of a request that ends because its queue is removed (`config` is undefined), or has another target than before. `landing` is the
 * tested commit, when runway was told to land the request.
 */
export function queueRemoved(queue: string, config: QueueConfig | undefined, landing?: string): Reason {
  const what =
    config === undefined
      ? `Queue ${queue} was taken out of the configuration.`
      : `Queue ${queue} now lands on ${config.repository.branch} of ${config.repository.remote}, and this request was for another target.`;
  const so =
    landing === undefined
      ? "Nothing of this request was landed. Land it again, in a queue that is configured for its target."
      : `This request was being landed at that time, and the outcome is not known. Look on the branch for the content of commit ${landing} before you land the request again.`;
  return reasonOf("queue.removed", `${what} ${so}`);
}

/** True once the requests of a queue that was removed at `goneSince` are to be ended. */
export const graceIsOver = (goneSince: EpochMs, now: EpochMs): boolean => now - goneSince >= GRACE_MS;
