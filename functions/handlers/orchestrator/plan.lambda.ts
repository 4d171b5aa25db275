import { batchesStore } from "../../adapters/dynamodb/batches-store.ts";
import { claimsStore } from "../../adapters/dynamodb/claims-store.ts";
import { requestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { loadQueues, need } from "../../adapters/settings.ts";
import { send, sendAll } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import type { BuildKey } from "../../contracts/ids.ts";
import { logTopic } from "../../contracts/messages/log-messages.ts";
import { looksTopic } from "../../contracts/messages/look-messages.ts";
import { type Signal, signalsTopic } from "../../contracts/messages/signals.ts";
import { plan } from "../../domain/planner/index.ts";
import { runPlanner } from "../../domain/planner/run-planner.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { groupHandler } from "../queue.ts";
import { lookAt as lookAtBuild } from "./build-workflow/look.ts";
import { carryOut } from "./commands.ts";
import { admissionFailed } from "./reasons.ts";
import { setAsideSignals } from "./set-aside.ts";
import { endOf, releaseClaims, terminate } from "./termination.ts";

/**
 * Consumes the signals topic: up to ten signals of a queue are one run of its planner. For a queue that is not configured, or whose batches are
 * for another target, only landings are recorded (`setAsideSignals`).
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const claims = claimsStore(clients.dynamodb, need(env, ENV.claimsTable));
  const batches = batchesStore(clients.dynamodb, need(env, ENV.batchesTable));
  const [log, merges] = [need(env, ENV.logTopic), need(env, ENV.mergesTopic)];
  const [buildWorkflow, payloads] = [need(env, ENV.buildWorkflow), need(env, ENV.payloadsTable)];
  const targets = { clients, requests, claims, buildWorkflow, merges, log, payloads };
  const { now, nonce } = clients;
  const act = carryOut.bind(undefined, targets);
  const looks = need(env, ENV.looksTopic);
  const lookAt = (keys: readonly BuildKey[]) =>
    sendAll(clients.sqs, looks, looksTopic, keys.map(lookAtBuild)).catch((err: unknown) =>
      clients.log.warn({ err, keys }, "builds that no batch needs stop at their next poll"),
    );
  const shell = { planner: plan, requests, batches, now, nonce, log: clients.log, carryOut: act, lookAt };

  async function run(signals: readonly Signal[]): Promise<void> {
    for (const [queue, ofQueue] of Map.groupBy(signals, (signal) => signal.queue)) {
      const config = queues.get(queue);
      const isPlanned = config !== undefined && (await runPlanner(shell, config, ofQueue)).kind === "planned";
      if (!isPlanned) await setAsideSignals(targets, ofQueue);
    }
  }

  /** Ends a request that can't be planned, and that would wait for good otherwise. Not when a batch carries the request. */
  async function abandon(signal: Signal, error: unknown): Promise<void> {
    if (signal.kind !== "request-ready") return;
    const { sqid } = signal;
    const live = await batches.live(signal.queue);
    if (live.batches.some((batch) => batch.request.sqid === sqid)) return;
    const reason = admissionFailed({
      Error: "internal",
      Cause: error instanceof Error ? error.message : String(error),
    });
    const ended = await terminate(requests, sqid, { outcome: "error", reason, now: clients.now(), from: ["ready"] });
    if (ended.kind !== "ended" && ended.kind !== "already") return;
    await send(clients.sqs, log, logTopic, endOf(ended.request));
    await releaseClaims(claims, sqid, ended.request.changes);
  }

  return groupHandler({ topic: signalsTopic, clients, deadLetters: need(env, ENV.deadLetters) }, run, { abandon });
};

export const handler = onLambda(wire);
