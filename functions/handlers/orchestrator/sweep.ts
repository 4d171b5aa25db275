import { loadQueues, need, onLambda, type Wire } from "../../adapters/clients.ts";
import { BatchesStore } from "../../adapters/dynamodb/batches-store.ts";
import { ClaimsStore } from "../../adapters/dynamodb/claims-store.ts";
import { RequestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { send } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import { type Signal, signalsTopic } from "../../contracts/messages.ts";
import { endFailedAdmissions, endLostAdmissions } from "./sweeping/admissions.ts";
import { finishedBuilds } from "./sweeping/builds.ts";
import { readyUncarried } from "./sweeping/requests.ts";

/**
 * Every minute: sends again what a crash, or a dead letter, kept from the planner, and ends the requests whose admission died. All of it
 * is harmless when nothing is wrong. Two queries per queue and three listings; one call per build that has run for two minutes, and per
 * request in admission for five.
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const requests = new RequestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const claims = new ClaimsStore(clients.dynamodb, need(env, ENV.claimsTable));
  const batches = new BatchesStore(clients.dynamodb, need(env, ENV.batchesTable));
  const [buildWorkflow, admitWorkflow] = [need(env, ENV.buildWorkflow), need(env, ENV.admitWorkflow)];
  const [signals, log] = [need(env, ENV.signalsTopic), need(env, ENV.logTopic)];
  const admissions = { clients, requests, claims, admitWorkflow, log, settled: new Set<string>() };

  async function sweepQueue(queue: Signal["queue"]): Promise<void> {
    const live = await batches.live(queue);
    const found = await requests.unfinished(queue, (err) =>
      clients.log.error({ queue, err }, "a request that can't be read was left out"),
    );
    const news: Signal[] = [
      ...(await finishedBuilds(clients, buildWorkflow, live.batches)),
      ...readyUncarried(found, live.batches, clients.now()),
    ];
    // Last, so that one run of the planner takes all of it: it re-derives the commands that were lost.
    if (live.batches.length > 0) news.push({ v: 1, kind: "tick", queue, nonce: clients.nonce() });
    for (const signal of news) await send(clients.sqs, signals, signalsTopic, signal);
    await endLostAdmissions(admissions, found);
  }

  return async () => {
    const swept = await Promise.allSettled([...[...queues.keys()].map(sweepQueue), endFailedAdmissions(admissions)]);
    const failures = swept.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    for (const err of failures) clients.log.error({ err }, "sweep failed");
    // One queue's failure keeps nobody else from being swept, and is seen as the function's error.
    if (failures.length > 0) throw failures[0];
  };
};

export const handler = onLambda(wire);
