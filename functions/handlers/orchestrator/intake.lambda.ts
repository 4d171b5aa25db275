import { claimsStore } from "../../adapters/dynamodb/claims-store.ts";
import { knownQueues } from "../../adapters/dynamodb/known-queues.ts";
import { requestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { loadQueues, need } from "../../adapters/settings.ts";
import { send } from "../../adapters/sqs.ts";
import { startExecution } from "../../adapters/step-functions.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { executionName, type QueueName } from "../../contracts/ids.ts";
import { logTopic } from "../../contracts/messages/log-messages.ts";
import {
  type Cancel,
  Land,
  type Recheck,
  type Reprioritize,
  requestsTopic,
} from "../../contracts/messages/request-messages.ts";
import { signalsTopic } from "../../contracts/messages/signals.ts";
import { requestHasEnded } from "../../domain/request.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { queueHandler } from "../queue.ts";
import { bringOn } from "./end-admission.ts";
import { cancelledByCaller } from "./reasons.ts";
import { endOf, IN_ADMISSION, releaseClaims, terminate } from "./termination.ts";

/**
 * Consumes the requests topic:
 * - Land starts the admit workflow under the request's name, so a repeat starts nothing. One call, and one more for the first Land of each
 *   queue in this process. The gateway repeats a Land that was not answered: a request whose workflow is over is then brought on (`bringOn`).
 * - Cancel ends a request that is in admission, also one that admission has not written yet. Of a request that the planner owns, the planner
 *   is told. Two to four calls, and one per change.
 * - Recheck, for a request that waits for a review, starts an execution that looks at the review once, beside the execution that waits. Two
 *   calls.
 * - A question starts the ask workflow under the question's id. One call.
 * - Control, and a new priority of an admitted request, are passed on to the planner. One or two calls.
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const known = knownQueues(clients.dynamodb, need(env, ENV.batchesTable));
  const noted = new Set<QueueName>();
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const claims = claimsStore(clients.dynamodb, need(env, ENV.claimsTable));
  const [signals, log] = [need(env, ENV.signalsTopic), need(env, ENV.logTopic)];
  const [admit, ask] = [need(env, ENV.admitWorkflow), need(env, ENV.askWorkflow)];

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

  /** Makes the queue known before its first request, so that the sweep finds the requests also when the queue is not configured any more. */
  async function note(queue: QueueName): Promise<void> {
    if (noted.has(queue)) return;
    const config = queues.get(queue);
    await known.add({ queue, ...(config === undefined ? {} : { config }) });
    noted.add(queue);
  }

  /** Sets the new priority: in the request's row while the request is in admission, and otherwise by a signal to the planner. */
  async function reprioritize({ queue, sqid, priority, count }: Reprioritize): Promise<void> {
    const found = await requests.get(sqid);
    // The request's Land came before this message, and the workflow is about to write the request.
    if (found === undefined) throw new CodedError("store.version_conflict", `${sqid} has not been written yet`);
    if (requestHasEnded(found.state)) return;
    if (IN_ADMISSION.includes(found.state)) {
      if (count <= (found.priorityCount ?? 0)) return;
      const next = { ...found, priority, priorityCount: count, version: found.version + 1 };
      if (await requests.replace(next)) return;
      throw new CodedError("store.version_conflict", `${sqid} was written meanwhile`);
    }
    await send(clients.sqs, signals, signalsTopic, { v: 1, kind: "priority-changed", queue, sqid, priority, count });
  }

  /**
   * Has the review of a request looked at once more. Does nothing for a request that does not wait for a review yet: it will look by itself.
   * A repeat does nothing.
   */
  async function recheck({ sqid, at }: Recheck): Promise<void> {
    const found = await requests.get(sqid);
    if (found?.state !== "validated" || queues.get(found.queue)?.changeProvider?.type !== "github") return;
    const land = Land.parse({ v: 1, kind: "land", ...found });
    await startExecution(clients.sfn, admit, executionName("admit", sqid, "woken", at), { ...land, woken: true });
  }

  return queueHandler({ topic: requestsTopic, clients, deadLetters: need(env, ENV.deadLetters) }, async (message) => {
    if (message.kind === "cancel") await cancel(message);
    else if (message.kind === "reprioritize") await reprioritize(message);
    else if (message.kind === "recheck") await recheck(message);
    else if (message.kind === "control")
      await send(clients.sqs, signals, signalsTopic, { ...message, kind: "queue-control" });
    else if (message.kind === "trial" || message.kind === "preflight")
      await startExecution(clients.sfn, ask, executionName("ask", message.queue, message.id), message);
    else {
      await note(message.queue);
      const name = executionName("admit", message.sqid);
      const outcome = await startExecution(clients.sfn, admit, name, message);
      if (outcome === "exists") await bringOn({ clients, requests, claims, admitWorkflow: admit, log }, message);
    }
  });
};

export const handler = onLambda(wire);
