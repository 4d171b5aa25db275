import type { Clients } from "../../../adapters/aws-clients.ts";
import type { BatchesStore } from "../../../adapters/dynamodb/batches-store.ts";
import type { ClaimsStore } from "../../../adapters/dynamodb/claims-store.ts";
import type { KnownQueue, KnownQueues } from "../../../adapters/dynamodb/known-queues.ts";
import type { RequestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { send, sendEach } from "../../../adapters/sqs.ts";
import type { CodedError } from "../../../contracts/errors.ts";
import { batchIdOf, type QueueName, type RequestNumber } from "../../../contracts/ids.ts";
import { logTopic } from "../../../contracts/messages/log-messages.ts";
import { type QueueConfig, targetOf } from "../../../contracts/queues.ts";
import { epochMs, isAhead } from "../../../contracts/time.ts";
import { type Batch, batchHasEnded } from "../../../domain/batch.ts";
import {
  endOfRemoved,
  FORGET_AFTER_MS,
  GRACE_MS,
  graceIsOver,
  isForTarget,
  queueRemoved,
  type RemovedEnd,
} from "../../../domain/removed-queue.ts";
import { type LandingRequest, requestHasEnded } from "../../../domain/request.ts";
import { endOf, releaseClaims, terminate, UNFINISHED } from "../termination.ts";
import { failuresOfEach } from "./each.ts";

export interface RemovedQueues {
  readonly clients: Clients;
  readonly known: KnownQueues;
  readonly requests: RequestsStore;
  readonly claims: ClaimsStore;
  readonly batches: BatchesStore;
  readonly log: string;
  /** The queues that this process has warned about. */
  readonly warned: Set<QueueName>;
}

/** True when the queue is not configured, or when its requests are for another target than the configured one. */
export const isGone = (known: KnownQueue | undefined, config: QueueConfig | undefined): boolean =>
  !isForTarget(known?.config && targetOf(known.config.repository), config);

/**
 * Ends the requests of a queue that was taken out of the configuration, or that is configured for another target. For the first ten minutes
 * nothing happens, except that nothing of the queue is planned or landed. Then each request ends with a reason, the claims on its changes are
 * released, and its batch is archived, so that `poll` stops its builds. A repeat does no harm.
 *
 * Calls: at first, and when the ten minutes are over, two queries (one more per megabyte of the queue's requests of 30 days); none in
 * between; afterwards two queries each minute, for late messages, until the queue is forgotten: three and a write for a queue of more than 200
 * requests, as `someUnfinished` has it. Ending takes three calls per request, and one per change.
 */
export async function sweepRemoved(
  sweeping: RemovedQueues,
  before: KnownQueue,
  config: QueueConfig | undefined,
): Promise<void> {
  const { clients, known, warned } = sweeping;
  const { queue } = before;
  const now = clients.now();
  const { goneSince: noted = now } = before;
  const goneSince = isAhead(noted, now) ? now : noted;
  const isEarly = !graceIsOver(goneSince, now);
  if (isEarly && warned.has(queue)) return;
  const { batches, requests, unreadable, below } = await openIn(sweeping, before, config);
  const open = requests.filter(({ state }) => !requestHasEnded(state)).length;
  const isOpen = open > 0 || unreadable.length > 0 || batches.some((batch) => !batchHasEnded(batch));
  if (isOpen && isEarly) {
    if (before.goneSince !== goneSince) await known.put({ ...before, goneSince });
    clients.log.warn({ queue, requests: open }, warning(queue, config, open, goneSince));
    warned.add(queue);
    return;
  }
  const failures = [...(await endAll(sweeping, batches, requests, config)), ...unreadable];
  const place = below === undefined ? {} : { lookedBelow: below };
  if (failures.length > 0) {
    const { lookedBelow: _, ...rest } = before;
    if (before.lookedBelow !== below) await known.put({ ...rest, ...place });
    throw failures[0];
  }
  if (isOpen) clients.log.warn({ queue, requests: open }, `queue ${queue}: its requests have been ended`);
  if (config !== undefined) await known.put({ queue, config });
  else if (now - goneSince >= FORGET_AFTER_MS) await known.forget(queue);
  else if (before.ended === undefined || before.lookedBelow !== below) {
    const { lookedBelow: _, ...rest } = before;
    await known.put({ ...rest, goneSince, ended: true, ...place });
  }
}

interface Open {
  readonly batches: readonly Batch[];
  readonly requests: readonly LandingRequest[];
  /** From which request on the next look goes on. Undefined when it begins at the newest. */
  readonly below: RequestNumber | undefined;
  /** Why batches were left out that have to end. */
  readonly unreadable: readonly CodedError[];
}

/** How long ago an end was written for its announcement to be sure to have been sent. */
const TOLD_AFTER_MS = 600_000;

/**
 * The batches and requests that have to end, and the requests that ended for that reason a moment ago: the sweep may have died before it
 * announced their ends.
 */
async function openIn(
  { clients, batches, requests }: RemovedQueues,
  { queue, ended, lookedBelow }: KnownQueue,
  config: QueueConfig | undefined,
): Promise<Open> {
  const live = await batches.readable(queue);
  const orEnded = { code: "queue.removed", since: epochMs(Math.max(0, clients.now() - TOLD_AFTER_MS)) } as const;
  const onUnreadable = (err: CodedError) =>
    clients.log.error({ queue, err }, "a request that can't be read was left out");
  const { requests: found, below } =
    ended === true
      ? await requests.someUnfinished(queue, { below: lookedBelow, orEnded, onUnreadable })
      : { requests: await requests.everyUnfinished(queue, { orEnded, onUnreadable }), below: undefined };
  const isReadable = ({ sqid }: LandingRequest) => !live.unreadable.has(batchIdOf(sqid));
  return {
    // Batches that joined after the queue was configured anew are for its new target.
    batches: isForTarget(live.queue.target, config) ? [] : live.batches,
    // A batch that can't be read may be landing, so its request has no end yet.
    requests: found.filter((request) => !isForTarget(request.target, config) && isReadable(request)),
    unreadable: isForTarget(live.queue.target, config) ? [] : [...live.unreadable.values()],
    below,
  };
}

function warning(queue: QueueName, config: QueueConfig | undefined, open: number, goneSince: number): string {
  const what = config === undefined ? "is not configured any more" : "is configured for another repository or branch";
  const ends = new Date(goneSince + GRACE_MS).toISOString();
  return `queue ${queue} ${what}: ${open} of its requests are in flight. They end with queue.removed at ${ends}, unless queues.yaml has the queue as it was by then.`;
}

/**
 * Ends all batches with their requests, and then the requests without a batch. When the process dies in between, the next sweep finds the
 * rest. Answers the failures: one request that can't be ended keeps no other from its end.
 */
async function endAll(
  sweeping: RemovedQueues,
  batches: readonly Batch[],
  open: readonly LandingRequest[],
  config: QueueConfig | undefined,
): Promise<readonly unknown[]> {
  const failures = [...(await failuresOfEach(batches, 4, (batch) => endBatch(sweeping, batch, config)))];
  const carried = new Set(batches.map(({ request }) => request.sqid));
  const end: RemovedEnd = { outcome: "error", reason: queueRemoved(open[0]?.queue ?? "", config) };
  const alone = open.filter(({ sqid }) => !carried.has(sqid));
  failures.push(...(await failuresOfEach(alone, 4, (request) => endRequest(sweeping, request, end))));
  return failures;
}

async function endBatch(sweeping: RemovedQueues, batch: Batch, config: QueueConfig | undefined): Promise<void> {
  const { clients, batches, log } = sweeping;
  // Log entries that the planner has written and may not have sent. One that SQS refuses does not keep the request from its end.
  for (const { message, error } of await sendEach(clients.sqs, log, logTopic, batch.outbox))
    clients.log.error({ entry: message.id, err: error }, "refused for good");
  await endRequest(sweeping, batch.request, endOfRemoved(batch, config));
  // False when an older planner wrote the batch meanwhile: the next sweep takes it.
  await batches.archive(batch, batch.version);
}

async function endRequest(
  { clients, requests, claims, log }: RemovedQueues,
  { sqid, changes }: Pick<LandingRequest, "sqid" | "changes">,
  { outcome, reason }: RemovedEnd,
): Promise<void> {
  const ended = await terminate(requests, sqid, { outcome, reason, now: clients.now(), from: UNFINISHED });
  if (ended.kind !== "ended" && ended.kind !== "already") return;
  await send(clients.sqs, log, logTopic, endOf(ended.request));
  await releaseClaims(claims, sqid, changes);
}
