import { ClaimsStore } from "../../adapters/dynamodb/claims-store.ts";
import { KnownQueues } from "../../adapters/dynamodb/known-queues.ts";
import { RequestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { loadQueues, need } from "../../adapters/settings.ts";
import { send } from "../../adapters/sqs.ts";
import { startExecution } from "../../adapters/step-functions.ts";
import { ENV } from "../../contracts/environment.ts";
import { executionName, type QueueName } from "../../contracts/ids.ts";
import { type Cancel, logTopic, requestsTopic, signalsTopic } from "../../contracts/messages.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { queueHandler } from "../queue.ts";
import { cancelledByCaller } from "./reasons.ts";
import { endOf, IN_ADMISSION, releaseClaims, terminate } from "./termination.ts";

/**
 * Consumes the requests topic. A Land starts the admit workflow under the request's name, so a repeat starts nothing: one call, and one
 * more for the first of a queue that this process sees. A Cancel
 * ends a request that is in admission, also one that admission has not written yet; one that the planner owns is its to cancel: two to
 * four calls, and one per change. A Control is the planner's: one call.
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const known = new KnownQueues(clients.dynamodb, need(env, ENV.batchesTable));
  const noted = new Set<QueueName>();
  const requests = new RequestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const claims = new ClaimsStore(clients.dynamodb, need(env, ENV.claimsTable));
  const [signals, log, admit] = [need(env, ENV.signalsTopic), need(env, ENV.logTopic), need(env, ENV.admitWorkflow)];

  async function cancel({ queue, sqid, note, at }: Cancel): Promise<void> {
    const reason = cancelledByCaller(note);
    const ifMissing = { changes: [], strategy: "REBASE" as const, receivedAt: at };
    const ending = { outcome: "cancelled", reason, now: clients.now(), from: IN_ADMISSION, ifMissing } as const;
    const ended = await terminate(requests, sqid, ending);
    if (ended.kind === "ended" || ended.kind === "already") {
      await send(clients.sqs, log, logTopic, endOf(ended.request));
      await releaseClaims(claims, sqid, ended.request.changes);
    } else if (ended.kind === "elsewhere") {
      const said = note === undefined ? {} : { note };
      await send(clients.sqs, signals, signalsTopic, { v: 1, kind: "cancel-requested", queue, sqid, ...said });
    }
  }

  /** Before the first request of a queue: the sweep finds the requests of a queue by that, also once it is not configured any more. */
  async function note(queue: QueueName): Promise<void> {
    if (noted.has(queue)) return;
    const config = queues.get(queue);
    await known.add({ queue, ...(config === undefined ? {} : { config }) });
    noted.add(queue);
  }

  return queueHandler(requestsTopic, clients, need(env, ENV.deadLetters), async (message) => {
    if (message.kind === "cancel") await cancel(message);
    else if (message.kind === "control")
      await send(clients.sqs, signals, signalsTopic, { ...message, kind: "queue-control" });
    else {
      await note(message.queue);
      await startExecution(clients.sfn, admit, executionName("admit", message.sqid), message);
    }
  });
};

export const handler = onLambda(wire);
