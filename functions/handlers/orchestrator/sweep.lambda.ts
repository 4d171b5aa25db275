import { remainsFor } from "../../adapters/build-runner/remains.ts";
import { batchesStore } from "../../adapters/dynamodb/batches-store.ts";
import { buildsStore } from "../../adapters/dynamodb/builds-store.ts";
import { claimsStore } from "../../adapters/dynamodb/claims-store.ts";
import { type KnownQueue, knownQueues } from "../../adapters/dynamodb/known-queues.ts";
import { requestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { loadQueues, need } from "../../adapters/settings.ts";
import { send } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import type { QueueName } from "../../contracts/ids.ts";
import { type Signal, signalsTopic } from "../../contracts/messages.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { endFailedAdmissions, endLostAdmissions } from "./sweep/admissions.ts";
import { type RemainsSweep, sweepRemains } from "./sweep/left-behind.ts";
import { readyUncarried } from "./sweep/open-requests.ts";
import { isGone, sweepRemoved } from "./sweep/removed-queues.ts";
import { finishedBuilds } from "./sweep/running-builds.ts";

/**
 * Runs every minute. Sends again the signals that a crash or a dead letter kept from the planner, and ends the requests whose admission died
 * or whose queue is gone. Every ten minutes it also removes what finished builds have left behind in CI systems. Does no harm when nothing is
 * wrong. One query, two per queue that is or was configured, and three listings; one call per build that has run for two minutes, and per
 * request that has been in admission for five.
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const claims = claimsStore(clients.dynamodb, need(env, ENV.claimsTable));
  const batches = batchesStore(clients.dynamodb, need(env, ENV.batchesTable));
  const known = knownQueues(clients.dynamodb, need(env, ENV.batchesTable));
  const [buildWorkflow, admitWorkflow] = [need(env, ENV.buildWorkflow), need(env, ENV.admitWorkflow)];
  const [signals, log] = [need(env, ENV.signalsTopic), need(env, ENV.logTopic)];
  const admissions = { clients, requests, claims, admitWorkflow, log, settled: new Set<string>() };
  const builds = buildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const leftBehind: RemainsSweep = { clients, batches, builds, remainsOf: remainsFor(clients), nextAt: new Map() };
  const removed = { clients, known, requests, claims, batches, log, warned: new Set<QueueName>() };

  async function sweepQueue(queue: QueueName): Promise<void> {
    const live = await batches.live(queue);
    const found = await requests.unfinished(queue, (err) =>
      clients.log.error({ queue, err }, "a request that can't be read was left out"),
    );
    const { reports, failures } = await finishedBuilds(clients, buildWorkflow, live);
    const news: Signal[] = [...reports, ...readyUncarried(found, live.batches, clients.now())];
    // The tick is the last signal, so that one run of the planner takes all signals. The planner derives the lost commands again.
    // A red trunk is looked at also while nothing waits, so that the queue is seen to be well again.
    if (live.batches.length > 0 || live.queue.trunk?.red !== undefined)
      news.push({ v: 1, kind: "tick", queue, nonce: clients.nonce() });
    for (const signal of news) await send(clients.sqs, signals, signalsTopic, signal);
    const [first] = [...failures, ...(await endLostAdmissions(admissions, found))];
    if (first !== undefined) throw first;
  }

  /**
   * Stores the queue's configuration, for the time when the queue is not configured any more. One write after a change of the configuration.
   */
  async function remember(config: QueueConfig, before: KnownQueue | undefined): Promise<void> {
    const isSame = JSON.stringify(before?.config) === JSON.stringify(config) && before?.goneSince === undefined;
    if (!isSame) await known.put({ queue: config.name, config });
  }

  async function sweepKnown(before: KnownQueue | undefined, config: QueueConfig | undefined): Promise<void> {
    if (before && isGone(before, config)) return sweepRemoved(removed, before, config);
    if (config === undefined) return;
    await remember(config, before);
    await sweepQueue(config.name);
  }

  async function sweepQueues(): Promise<readonly PromiseSettledResult<void>[]> {
    const all = new Map((await known.all()).map((one) => [one.queue, one]));
    const names = new Set([...queues.keys(), ...all.keys()]);
    return Promise.allSettled([...names].map((name) => sweepKnown(all.get(name), queues.get(name))));
  }

  return async () => {
    const [swept, admitted] = await Promise.allSettled([sweepQueues(), endFailedAdmissions(admissions)]);
    // Last, since it waits for hosts that may be slow.
    await Promise.all([...queues.values()].map((config) => sweepRemains(leftBehind, config)));
    const results = [admitted, ...(swept.status === "fulfilled" ? swept.value : [swept])];
    const failures = [
      ...results.flatMap((result) => (result.status === "rejected" ? [result.reason] : [])),
      ...(admitted.status === "fulfilled" ? admitted.value : []),
    ];
    for (const err of failures) clients.log.error({ err }, "sweep failed");
    // The failure of one queue does not keep other queues from being swept. It becomes the function's error in the end.
    if (failures.length > 0) throw failures[0];
  };
};

export const handler = onLambda(wire);
