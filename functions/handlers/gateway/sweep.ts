import { onLambda, type Wire } from "../../adapters/clients.ts";
import type { UnansweredCancel, UnansweredLand } from "../../adapters/dynamodb/view-items.ts";
import { partsOfSqid, type QueueName } from "../../contracts/ids.ts";
import { hasEnded } from "../../contracts/log-event.ts";
import { epochMs } from "../../contracts/time.ts";
import { announceCancel, announceLand, controlOf } from "./announce.ts";
import { type Gateway, gatewayOf } from "./gateway.ts";
import { mayBeUnheard } from "./record.ts";

/** Younger messages are still on their way. Longer than the time-out of the API's Lambda: no call is in the middle of an older one. */
const PATIENCE_MS = 60_000;

/** How many messages are repaired at once. */
const AT_ONCE = 10;

/** A queue that was opened again is said to be for so long; one that is paused or drained, as long as it is. */
const REPEAT_OPEN_MS = 3_600_000;

/**
 * Finishes what a crash left half done: every message that is still unanswered after a minute is sent again, and the orchestrator is told
 * again how queues are to run. One Query, and two per queue.
 */
export const wire: Wire = (env, clients) => {
  const gateway = gatewayOf(env, clients);
  return async () => {
    const failures: unknown[] = [];
    for (const queue of gateway.queues.keys())
      failures.push(...(await sweep(gateway, queue).catch((error: unknown) => [error])));
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

/** A mode is a state and not an event: no answer is kept book of. FIFO topics swallow a repeat within five minutes, planners an old one. */
async function repeatModes({ view, queues, send, now }: Gateway): Promise<void> {
  for (const set of (await view.modes()).values()) {
    const matters = set.mode !== "open" || now() - set.since < REPEAT_OPEN_MS;
    if (matters && queues.has(set.queue)) await send(controlOf(set));
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
