import { type Clients, configOf, type Env, loadQueues, need } from "../../adapters/clients.ts";
import { type LogStore, logStore } from "../../adapters/dynamodb/log-store.ts";
import { type ViewStore, viewStore } from "../../adapters/dynamodb/view-store.ts";
import { send } from "../../adapters/sqs.ts";
import { RequestPath } from "../../contracts/api.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { QueueName, type RequestNumber } from "../../contracts/ids.ts";
import { type RequestMessage, requestsTopic } from "../../contracts/messages.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Summary } from "../../domain/request-log.ts";
import type { Call } from "../http-call.ts";
import { faultsOf, invalid } from "../http-problem.ts";

/** What the gateway works with. */
export interface Gateway {
  readonly queues: ReadonlyMap<QueueName, QueueConfig>;
  readonly entries: LogStore;
  readonly view: ViewStore;
  /** To the orchestrator. */
  readonly send: (message: RequestMessage) => Promise<void>;
  readonly now: () => EpochMs;
  readonly log: Clients["log"];
}

/** The stores alone: all that consuming the log takes. */
export const storesOf = (env: Env, { dynamodb }: Clients): Pick<Gateway, "entries" | "view"> => ({
  entries: logStore(dynamodb, need(env, ENV.logTable)),
  view: viewStore(dynamodb, need(env, ENV.viewTable)),
});

/** Throws config.invalid. */
export function gatewayOf(env: Env, clients: Clients): Gateway {
  const requests = need(env, ENV.requestsTopic);
  return {
    ...storesOf(env, clients),
    queues: loadQueues(env),
    send: (message) => send(clients.sqs, requests, requestsTopic, message),
    now: clients.now,
    log: clients.log,
  };
}

/** The queue that a call names. Throws queue.unknown. */
export function queueOf({ queues }: Gateway, call: Call): QueueConfig {
  const name = QueueName.safeParse(call.param("queue"));
  if (!name.success)
    throw new CodedError("queue.unknown", `There is no queue of that name: ${name.error.issues[0]?.message}.`);
  return configOf(queues, name.data);
}

/** The request that a call names, whether or not it exists. Throws queue.unknown, request.invalid. */
export function requestOf(gateway: Gateway, call: Call): { readonly queue: QueueName; readonly n: RequestNumber } {
  const { name: queue } = queueOf(gateway, call);
  const path = RequestPath.safeParse({ queue, n: call.param("n") });
  if (!path.success) throw invalid(faultsOf(path.error, (at) => at.join(".")));
  return path.data;
}

/** The summary of the request that a call names: one strongly consistent GetItem. Throws queue.unknown, request.invalid, land.unknown. */
export async function summaryOf(gateway: Gateway, call: Call): Promise<Summary> {
  const { queue, n } = requestOf(gateway, call);
  return (await gateway.view.summary(queue, n)) ?? unknownLand(queue, n);
}

export function unknownLand(queue: QueueName, n: RequestNumber): never {
  throw new CodedError("land.unknown", `Queue ${queue} has had no request ${n}.`);
}
