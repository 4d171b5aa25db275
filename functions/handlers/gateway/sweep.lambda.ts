import type { KnownQueue } from "../../adapters/dynamodb/known-queues.ts";
import type { ModeSet } from "../../adapters/dynamodb/view-items.ts";
import type { QueueName } from "../../contracts/ids.ts";
import { hasEnded } from "../../contracts/log-event.ts";
import { ageOf, type EpochMs, isAhead } from "../../contracts/time.ts";
import { concurrently } from "../../domain/concurrently.ts";
import { inTurn } from "../../domain/in-turn.ts";
import { landOf, type Summary } from "../../domain/request-log.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { announceCancel, announceLand, announceMode, announcePriority } from "./announce.ts";
import { type Gateway, gatewayOf } from "./gateway.ts";

/**
 * How old an unanswered message is when it is sent again. Longer than the time-out of the API's Lambda, so that no call is still working on
 * it.
 */
const PATIENCE_MS = 60_000;

/** How many queues are swept at once, and how many requests of each are repaired at once. */
const QUEUES_AT_ONCE = 4;
const AT_ONCE = 10;

/**
 * For how long the orchestrator is told again and again that a queue was opened. That a queue is paused or draining is repeated as long as it
 * is so.
 */
const REPEAT_OPEN_MS = 3_600_000;

/** For how long a new priority is sent again: no answer tells that the planner has received the priority. */
const REPEAT_PRIORITY_MS = 600_000;

/**
 * For how long a queue that is not configured any more is swept. Its requests end within minutes, and then none of its messages is
 * unanswered.
 */
const REMEMBER_MS = 2 * 86_400_000;

/**
 * Runs every minute. Sends again every message that is unanswered after a minute, because a crash may have kept it from being sent, and the
 * modes of the queues. Archives the summaries of requests that have ended. One Query, and for each queue that is configured, or was within
 * the last two days, one per megabyte of its requests in flight; three writes per request that has ended.
 */
export const wire: Wire = (env, clients) => {
  const gateway = gatewayOf(env, clients);
  return async () => {
    const failures: unknown[] = [];
    const trySweep = async (queue: QueueName): Promise<void> => {
      failures.push(...(await sweep(gateway, queue).catch((error: unknown) => [error])));
    };
    // A queue that takes all the time of a run does not keep the same queues waiting in each run.
    await concurrently(inTurn([...gateway.queues.keys()], clients.now()), QUEUES_AT_ONCE, trySweep);
    await sweepRemoved(gateway, trySweep).catch((error: unknown) => failures.push(error));
    for (const error of failures) clients.log.error({ err: error }, "not repaired: the next sweep tries again");
    if (failures.length > 0) throw failures[0];
  };
};

export const handler = onLambda(wire);

/**
 * Looks at every request of the queue that is not archived. Archives a request that ended a minute ago. Sends the messages of any other
 * request again that are a minute old and may not have reached the orchestrator, and the queue's mode. Answers the errors: one request's
 * failure does not stop the others, and neither does a request that can't be read. One Query per megabyte, however many there are.
 */
async function sweep(gateway: Gateway, queue: QueueName): Promise<unknown[]> {
  const failures: unknown[] = [];
  for await (const { summaries, unreadable, mode } of gateway.view.live(queue)) {
    failures.push(...unreadable);
    for (let from = 0; from < summaries.length; from += AT_ONCE) {
      const some = summaries.slice(from, from + AT_ONCE).map((summary) => repair(gateway, summary));
      for (const outcome of await Promise.allSettled(some))
        if (outcome.status === "rejected") failures.push(outcome.reason);
    }
    if (mode !== undefined) await repeatMode(gateway, mode).catch((error: unknown) => failures.push(error));
  }
  return failures;
}

/** Archives one request, or sends its unanswered messages again: Land first, so that a Cancel does not overtake it. */
async function repair(gateway: Gateway, summary: Summary): Promise<void> {
  const { status, at, answered, receivedAt, cancel, prioritized } = summary;
  const age = (since: EpochMs) => ageOf(since, gateway.now());
  if (hasEnded(status)) {
    if (age(at) >= PATIENCE_MS) await gateway.view.archive(summary, gateway.now());
    return;
  }
  if (!answered && age(receivedAt) >= PATIENCE_MS) await announceLand(gateway, landOf(summary));
  if (cancel !== undefined && age(cancel.at) >= PATIENCE_MS) await announceCancel(gateway, summary);
  if (prioritized === undefined) return;
  const since = age(prioritized.at);
  if (since >= PATIENCE_MS && since < REPEAT_PRIORITY_MS) await announcePriority(gateway, summary);
}

/**
 * Sweeps the queues that are not configured any more: the orchestrator is sent their unanswered requests, and ends them. The entry of a queue
 * that can't be read stays as it is.
 */
async function sweepRemoved(gateway: Gateway, trySweep: (queue: QueueName) => Promise<unknown>): Promise<void> {
  const { known: before, unreadable } = await gateway.known.all();
  for (const queue of before.keys()) if (!gateway.queues.has(queue)) await trySweep(queue);
  for (const queue of new Set([...gateway.queues.keys(), ...before.keys()]))
    if (!unreadable.has(queue)) await remember(gateway, queue, before.get(queue));
  const [error] = unreadable.values();
  if (error !== undefined) throw error;
}

/**
 * Stores that the queue exists, or since when it is not configured any more; forgets such a queue in the end. No call when nothing has
 * changed. So a queue is known within a minute of its configuration.
 */
async function remember(
  { queues, known, now }: Gateway,
  queue: QueueName,
  before: KnownQueue | undefined,
): Promise<void> {
  if (queues.has(queue)) {
    if (before === undefined || before.goneSince !== undefined) await known.put({ queue });
  } else if (before?.goneSince === undefined || isAhead(before.goneSince, now()))
    await known.put({ queue, goneSince: now() });
  else if (now() - before.goneSince >= REMEMBER_MS) await known.forget(queue);
}

/**
 * Sends the mode of a queue again. No answer is waited for: FIFO topics drop a repeat within five minutes, and planners ignore an old
 * version.
 */
async function repeatMode(gateway: Gateway, set: ModeSet): Promise<void> {
  const { queues, now } = gateway;
  const matters = set.mode !== "open" || now() - set.since < REPEAT_OPEN_MS;
  if (matters && queues.has(set.queue)) await announceMode(gateway, set);
}
