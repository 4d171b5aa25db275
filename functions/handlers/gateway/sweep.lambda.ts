import type { KnownQueue } from "../../adapters/dynamodb/known-queues.ts";
import type { QueueName } from "../../contracts/ids.ts";
import { hasEnded } from "../../contracts/log-event.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { landOf, type Summary } from "../../domain/request-log.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { announceCancel, announceLand, announceMode, announcePriority } from "./announce.ts";
import { type Gateway, gatewayOf } from "./gateway.ts";

/** Younger messages are still on their way. Longer than the time-out of the API's Lambda: no call is in the middle of an older one. */
const PATIENCE_MS = 60_000;

/** How many messages are repaired at once. */
const AT_ONCE = 10;

/** A queue that was opened again is said to be for so long; one that is paused or drained, as long as it is. */
const REPEAT_OPEN_MS = 3_600_000;

/** A priority that a caller has set is sent again for so long: nothing tells that the planner has received it. */
const REPEAT_PRIORITY_MS = 600_000;

/** A queue that is not configured any more is swept for so long: its requests end within minutes, and then no message of it is unanswered. */
const REMEMBER_MS = 2 * 86_400_000;

/**
 * Finishes what a crash left half done: every message that is still unanswered after a minute is sent again, and the orchestrator is told
 * again how queues are to run. Moves the summaries of requests that have ended. Two Query, and one per megabyte that a queue holds, of each
 * queue that is configured, or that was within two days; three writes per request that has ended.
 */
export const wire: Wire = (env, clients) => {
  const gateway = gatewayOf(env, clients);
  return async () => {
    const failures: unknown[] = [];
    const trySweep = async (queue: QueueName) =>
      failures.push(...(await sweep(gateway, queue).catch((error: unknown) => [error])));
    for (const queue of gateway.queues.keys()) await trySweep(queue);
    await sweepRemoved(gateway, trySweep).catch((error: unknown) => failures.push(error));
    await repeatModes(gateway).catch((error: unknown) => failures.push(error));
    for (const error of failures) clients.log.error({ err: error }, "not repaired: the next sweep tries again");
    if (failures.length > 0) throw failures[0];
  };
};

export const handler = onLambda(wire);

/**
 * Looks at everything that the queue holds. A request that ended a minute ago is archived. Of any other, what was asked for a minute ago and
 * may not have reached the orchestrator is sent again. One that fails stops no other; returns what failed.
 */
async function sweep(gateway: Gateway, queue: QueueName): Promise<unknown[]> {
  const { summaries } = await gateway.view.live(queue);
  const failures: unknown[] = [];
  for (let from = 0; from < summaries.length; from += AT_ONCE) {
    const some = summaries.slice(from, from + AT_ONCE).map((summary) => repair(gateway, summary));
    for (const outcome of await Promise.allSettled(some))
      if (outcome.status === "rejected") failures.push(outcome.reason);
  }
  return failures;
}

/** The land before the cancel, so that a cancel does not overtake its land. */
async function repair(gateway: Gateway, summary: Summary): Promise<void> {
  const { status, at, heard, receivedAt, cancel, prioritized } = summary;
  const age = (since: EpochMs) => gateway.now() - since;
  if (hasEnded(status)) {
    if (age(at) >= PATIENCE_MS) await gateway.view.archive(summary);
    return;
  }
  if (!heard && age(receivedAt) >= PATIENCE_MS) await announceLand(gateway, landOf(summary));
  if (cancel !== undefined && age(cancel.at) >= PATIENCE_MS) await announceCancel(gateway, summary);
  if (prioritized === undefined) return;
  const since = age(prioritized.at);
  if (since >= PATIENCE_MS && since < REPEAT_PRIORITY_MS) await announcePriority(gateway, summary);
}

/** The queues that are not configured any more: what was accepted for them is told to the orchestrator, which ends it. */
async function sweepRemoved(gateway: Gateway, trySweep: (queue: QueueName) => Promise<unknown>): Promise<void> {
  const before = new Map((await gateway.known.all()).map((known) => [known.queue, known]));
  for (const queue of before.keys()) if (!gateway.queues.has(queue)) await trySweep(queue);
  for (const queue of new Set([...gateway.queues.keys(), ...before.keys()]))
    await remember(gateway, queue, before.get(queue));
}

/**
 * Keeps in mind that there is such a queue, and when it went out of the configuration; forgets it in the end. No call when nothing has
 * changed. The first sweep of a queue makes it known: within a minute of its configuration.
 */
async function remember(
  { queues, known, now }: Gateway,
  queue: QueueName,
  before: KnownQueue | undefined,
): Promise<void> {
  if (queues.has(queue)) {
    if (before === undefined || before.goneSince !== undefined) await known.put({ queue });
  } else if (before?.goneSince === undefined) await known.put({ queue, goneSince: now() });
  else if (now() - before.goneSince >= REMEMBER_MS) await known.forget(queue);
}

/** A mode is a state and not an event: no answer is kept book of. FIFO topics swallow a repeat within five minutes, planners an old one. */
async function repeatModes(gateway: Gateway): Promise<void> {
  const { view, queues, now } = gateway;
  for (const set of (await view.modes()).values()) {
    const matters = set.mode !== "open" || now() - set.since < REPEAT_OPEN_MS;
    if (matters && queues.has(set.queue)) await announceMode(gateway, set);
  }
}
