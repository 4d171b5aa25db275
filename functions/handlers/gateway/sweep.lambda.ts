import type { KnownQueue } from "../../adapters/dynamodb/known-queues.ts";
import type { UnansweredCancel, UnansweredLand } from "../../adapters/dynamodb/view-items.ts";
import { partsOfSqid, type QueueName } from "../../contracts/ids.ts";
import { hasEnded } from "../../contracts/log-event.ts";
import { epochMs } from "../../contracts/time.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { announceCancel, announceLand, announceMode } from "./announce.ts";
import { type Gateway, gatewayOf } from "./gateway.ts";
import { mayBeUnheard } from "./record.ts";

/** Younger messages are still on their way. Longer than the time-out of the API's Lambda: no call is in the middle of an older one. */
const PATIENCE_MS = 60_000;

/** How many messages are repaired at once. */
const AT_ONCE = 10;

/** A queue that was opened again is said to be for so long; one that is paused or drained, as long as it is. */
const REPEAT_OPEN_MS = 3_600_000;

/** A queue that is not configured any more is swept for so long: its requests end within minutes, and then no message of it is unanswered. */
const REMEMBER_MS = 2 * 86_400_000;

/**
 * Finishes what a crash left half done: every message that is still unanswered after a minute is sent again, and the orchestrator is told
 * again how queues are to run. Two Query, and two per queue that is configured, or that was within two days.
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

/** Lands before cancels, so that a cancel does not overtake its land. One that fails stops no other; returns what failed. */
async function sweep(gateway: Gateway, queue: QueueName): Promise<unknown[]> {
  const { view, now } = gateway;
  const before = epochMs(Math.max(0, now() - PATIENCE_MS));
  const failures: unknown[] = [];
  const tryEach = async <T>(markers: readonly T[], repair: (gateway: Gateway, marker: T) => Promise<void>) => {
    for (let from = 0; from < markers.length; from += AT_ONCE) {
      const some = markers.slice(from, from + AT_ONCE).map((marker) => repair(gateway, marker));
      for (const outcome of await Promise.allSettled(some))
        if (outcome.status === "rejected") failures.push(outcome.reason);
    }
  };
  await tryEach(await view.unansweredLands(queue, before), repairLand);
  await tryEach(await view.unansweredCancels(queue, before), repairCancel);
  return failures;
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

/** A land without a summary died before it was accepted: its caller was told so, or will ask again. */
async function repairLand(gateway: Gateway, { message, since }: UnansweredLand): Promise<void> {
  const { queue, n } = partsOfSqid(message.sqid);
  const summary = await gateway.view.summary(queue, n);
  if (summary !== undefined && mayBeUnheard(summary)) await announceLand(gateway, message);
  else await gateway.view.unmark(queue, "land", n, since);
}

async function repairCancel(gateway: Gateway, { message, since }: UnansweredCancel): Promise<void> {
  const { queue, n } = partsOfSqid(message.sqid);
  const summary = await gateway.view.summary(queue, n);
  if (summary !== undefined && !hasEnded(summary.status)) await announceCancel(gateway, summary, message);
  else await gateway.view.unmark(queue, "cancel", n, since);
}
