import { remainsFor } from "../../adapters/build-runner/remains.ts";
import { batchesStore } from "../../adapters/dynamodb/batches-store.ts";
import { buildsStore } from "../../adapters/dynamodb/builds-store.ts";
import { claimsStore } from "../../adapters/dynamodb/claims-store.ts";
import { type KnownQueue, knownQueues } from "../../adapters/dynamodb/known-queues.ts";
import { requestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { loadQueues, need } from "../../adapters/settings.ts";
import { sendAll } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import type { CodedError } from "../../contracts/errors.ts";
import type { QueueName, RequestNumber } from "../../contracts/ids.ts";
import { type Signal, signalsTopic } from "../../contracts/messages/signals.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { LandingRequest } from "../../domain/request.ts";
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
 * request that has been in admission for six.
 *
 * Of a queue with more than 200 requests within 30 days, a run looks at the newest 200 and at a megabyte of older ones, the next run at the
 * megabyte after that: one query and one write more. A megabyte is some 1,000 requests, so of 30,000 each is looked at every half an hour.
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

  /** Sends again what the planner may not have been told: the ends of builds, ready requests, and a tick. */
  async function wakePlanner(queue: QueueName, found: readonly LandingRequest[]): Promise<void> {
    const live = await batches.live(queue);
    const { reports, failures } = await finishedBuilds(clients, buildWorkflow, live);
    const news: Signal[] = [...reports, ...readyUncarried(found, live.batches, clients.now())];
    // The tick is the last signal, so that one run of the planner takes all signals. The planner derives the lost commands again.
    // A red trunk is looked at also while nothing waits, so that the queue is seen to be well again.
    if (live.batches.length > 0 || live.queue.trunk?.red !== undefined)
      news.push({ v: 1, kind: "tick", queue, nonce: clients.nonce() });
    await sendAll(clients.sqs, signals, signalsTopic, news);
    if (failures.length > 0) throw failures[0];
  }

  /** Answers from which request on the next run goes on, and what failed: a failure keeps no other request from being looked at. */
  async function sweepQueue(queue: QueueName, lookedBelow: RequestNumber | undefined) {
    const { requests: found, below } = await requests.someUnfinished(queue, {
      below: lookedBelow,
      onUnreadable: (err) => clients.log.error({ queue, err }, "a request that can't be read was left out"),
    });
    const woken = wakePlanner(queue, found).then(
      () => [],
      (error: unknown) => [error],
    );
    return { below, failures: [...(await woken), ...(await endLostAdmissions(admissions, found))] };
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
    const { name: queue } = config;
    await remember(config, before);
    const { below, failures } = await sweepQueue(queue, before?.lookedBelow);
    if (below !== before?.lookedBelow)
      await known.put({ queue, config, ...(below === undefined ? {} : { lookedBelow: below }) });
    if (failures.length > 0) throw failures[0];
  }

  /** The entry of a queue that can't be read stays as it is: the queue is swept when it is configured, and left alone when it is not. */
  async function sweepUnreadable(queue: string, err: CodedError): Promise<void> {
    const config = [...queues.values()].find(({ name }) => name === queue);
    const failures = config === undefined ? [] : (await sweepQueue(config.name, undefined)).failures;
    for (const failure of failures) clients.log.error({ queue, err: failure }, "sweep failed");
    throw err;
  }

  async function sweepQueues(): Promise<readonly PromiseSettledResult<void>[]> {
    const { known: all, unreadable } = await known.all();
    const names = [...new Set([...queues.keys(), ...all.keys()])].filter((name) => !unreadable.has(name));
    return Promise.allSettled([
      ...names.map((name) => sweepKnown(all.get(name), queues.get(name))),
      ...[...unreadable].map(([name, error]) => sweepUnreadable(name, error)),
    ]);
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
