import type { Clients } from "../../adapters/aws-clients.ts";
import { putAll, type TablePut } from "../../adapters/dynamodb/batch-write.ts";
import { type KnownQueues, knownQueues } from "../../adapters/dynamodb/known-queues.ts";
import { type LogStore, logStore } from "../../adapters/dynamodb/log-store.ts";
import { type ViewStore, viewStore } from "../../adapters/dynamodb/view-store.ts";
import { configOf, type Env, loadQueues, namedIn, need } from "../../adapters/settings.ts";
import { send } from "../../adapters/sqs.ts";
import { RequestPath } from "../../contracts/api/request-calls.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { QueueName, type RequestNumber } from "../../contracts/ids.ts";
import { type LogMessage, logMessages } from "../../contracts/messages/log-messages.ts";
import { type RequestMessage, requestsTopic } from "../../contracts/messages/request-messages.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Summary } from "../../domain/request-log.ts";
import type { Call } from "../http-call.ts";
import { faultsOf, invalid } from "../http-problem.ts";
import { leftOut } from "../left-out.ts";

/** What the gateway works with. */
export interface Gateway {
  readonly queues: ReadonlyMap<QueueName, QueueConfig>;
  readonly entries: LogStore;
  readonly view: ViewStore;
  /** Writes items of both tables. For items whose repeat is the same item (`putAll`). */
  readonly write: (puts: readonly TablePut[]) => Promise<void>;
  /** The queues that ever were configured: their messages are sent again, also when they are not configured any more. */
  readonly known: KnownQueues;
  /** Sends a message to the orchestrator. */
  readonly send: (message: RequestMessage) => Promise<void>;
  /** Sends a message to the gateway's own log consumer, which publishes an event about it. */
  readonly tellLog: (message: LogMessage) => Promise<void>;
  readonly now: () => EpochMs;
  readonly log: Clients["log"];
}

/** The two tables of the gateway, and a way to write items of both in one call. */
export type Stores = Pick<Gateway, "entries" | "view" | "write">;

/** The stores alone, which is all that the log consumer needs. */
export function storesOf(env: Env, { dynamodb, log }: Clients): Stores {
  const onUnreadable = leftOut(log);
  return {
    entries: logStore(dynamodb, need(env, ENV.logTable), onUnreadable),
    view: viewStore(dynamodb, need(env, ENV.viewTable), onUnreadable),
    write: (puts) => putAll(dynamodb, puts),
  };
}

/** Throws config.invalid. */
export function gatewayOf(env: Env, clients: Clients): Gateway {
  const requests = need(env, ENV.requestsTopic);
  const log = need(env, ENV.logTopic);
  return {
    ...storesOf(env, clients),
    queues: loadQueues(env),
    known: knownQueues(clients.dynamodb, need(env, ENV.viewTable)),
    send: (message) => send(clients.sqs, requests, requestsTopic, message),
    tellLog: (message) => send(clients.sqs, log, logMessages, message),
    now: clients.now,
    log: clients.log,
  };
}

/** The name of a queue in a call's path, whether or not there is such a queue. Throws queue.unknown when the text can't be a queue's name. */
function queueNameOf({ queues }: Pick<Gateway, "queues">, call: Call): QueueName {
  const name = QueueName.safeParse(call.param("queue"));
  if (name.success) return name.data;
  throw new CodedError(
    "queue.unknown",
    `There is no queue of that name: ${name.error.issues[0]?.message}. ${namedIn(queues)}`,
  );
}

/** The configured queue that a call names. Throws queue.unknown. */
export const queueOf = (gateway: Gateway, call: Call): QueueConfig =>
  configOf(gateway.queues, queueNameOf(gateway, call));

/**
 * The request that a call names, whether or not it exists, and whether or not its queue is configured. Throws queue.unknown, request.invalid.
 */
export function requestOf(
  gateway: Gateway,
  call: Call,
): { readonly queue: QueueName; readonly n: RequestNumber; readonly config: QueueConfig | undefined } {
  const { queues } = gateway;
  const queue = queueNameOf(gateway, call);
  const path = RequestPath.safeParse({ queue, n: call.param("n") });
  if (path.success) return { ...path.data, config: queues.get(queue) };
  configOf(queues, queue);
  throw invalid(faultsOf(path.error, (at) => at.join(".")));
}

/** The summary of the request that a call names: one strongly consistent BatchGetItem. Throws queue.unknown, request.invalid, land.unknown. */
export async function summaryOf(gateway: Gateway, call: Call): Promise<Summary> {
  const { queue, n } = requestOf(gateway, call);
  return (await gateway.view.summary(queue, n)) ?? unknownLand(gateway, queue, n);
}

/** The queue of a listing: configured, or one that has taken requests; the latter costs a GetItem. Throws queue.unknown. */
export async function listedQueueOf(gateway: Gateway, call: Call): Promise<QueueName> {
  const { queues, view } = gateway;
  const queue = queueNameOf(gateway, call);
  if (!queues.has(queue) && !(await view.hasMinted(queue))) configOf(queues, queue);
  return queue;
}

/** Throws for a request that does not exist: queue.unknown when its queue is not configured either, and land.unknown otherwise. */
export function unknownLand({ queues }: Pick<Gateway, "queues">, queue: QueueName, n: RequestNumber): never {
  configOf(queues, queue);
  throw new CodedError("land.unknown", `Queue ${queue} has had no request ${n}.`);
}
