import type { Outcome } from "../contracts/log-event.ts";
import { type QueueConfig, targetOf } from "../contracts/queues.ts";
import { type Reason, reasonOf } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import { type Batch, outcomeOf } from "./batch.ts";

/**
 * How long the requests of a queue that was taken out of the configuration are kept, in case the queue is put back. Longer than a
 * deployment takes to reach all functions, since some functions know the queue and others do not until then.
 */
export const GRACE_MS = 600_000;

/** How long a removed queue is remembered after its requests have ended: longer than any of its builds may run. */
export const FORGET_AFTER_MS = 2 * 86_400_000;

/**
 * True when what was built and tested for `target` may land under the queue's configuration, because the configuration has the same target.
 * A target that is not known is taken for the configured one. False when the queue is not configured (`config` is undefined).
 */
export const isForTarget = (target: string | undefined, config: QueueConfig | undefined): boolean =>
  config !== undefined && (target === undefined || target === targetOf(config.repository));

/** How the request of a batch ends when its queue is gone. */
export interface RemovedEnd {
  readonly outcome: Outcome;
  readonly reason?: Reason;
}

/**
 * How the request of a batch ends when its queue is gone. A batch that has ended or was being cancelled ends as it would have. Any other
 * batch ends with an error. If runway was told to land the batch, the reason says that the change may be on the branch, since runway's
 * answer may have been lost.
 */
export function endOfRemoved(batch: Batch, config: QueueConfig | undefined): RemovedEnd {
  const outcome = outcomeOf(batch) ?? (batch.state === "cancelling" ? "cancelled" : undefined);
  if (outcome !== undefined)
    return { outcome, ...(batch.reason === undefined || outcome === "landed" ? {} : { reason: batch.reason }) };
  const landing = batch.state === "landing" ? batch.landing?.tested.commit : undefined;
  return { outcome: "error", reason: removed(batch.queue, config, landing) };
}

/** The reason for the requests of a queue that is gone. `landing`: the tested commit, when runway was told to land the request. */
export function removed(queue: string, config: QueueConfig | undefined, landing?: string): Reason {
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

/** True once the requests of a queue that has been gone since `goneSince` are to be ended. */
export const graceIsOver = (goneSince: EpochMs, now: EpochMs): boolean => now - goneSince >= GRACE_MS;
