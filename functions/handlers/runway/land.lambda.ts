import { refusals } from "../../adapters/git/refusals.ts";
import { type HeadBranches, headBranches } from "../../adapters/github/head-branches.ts";
import { providerClients } from "../../adapters/github/provider-clients.ts";
import { reviewedQueues } from "../../adapters/github/reviewed-queues.ts";
import { secretsOf } from "../../adapters/secrets.ts";
import { configOf, loadQueues, need } from "../../adapters/settings.ts";
import { send } from "../../adapters/sqs.ts";
import { gitHubOf } from "../../contracts/code-host.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { type LandBatch, MergeMessage } from "../../contracts/messages/landing-messages.ts";
import { signalsTopic } from "../../contracts/messages/signals.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { isForTarget } from "../../domain/removed-queue.ts";
import { giveUp, land } from "../../runway/land.ts";
import { openQueueRepository } from "../../runway/queue-repository.ts";
import { tidy } from "../../runway/tidy.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { wholeLandBatch } from "../payloads.ts";
import { queueHandler } from "../queue.ts";
import { answersOf, type Results, shortened } from "./answers.ts";

const changesOf = ({ steps }: LandBatch["batches"][number]) => steps.flatMap(({ changes }) => changes);

/**
 * Consumes merges: lands the batches of a message in one push, and answers with LandFinished signals, the same for a repeat. A host that
 * refuses the queue itself is answered with LandHeld, and the message is kept for people. Pull requests are looked at once more, with one call of
 * GitHub for all of them: what lost its review in the queue does not land.
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const workDirectory = need(env, ENV.workDirectory);
  const signals = need(env, ENV.signalsTopic);
  const secrets = secretsOf(clients);
  const reviews = reviewedQueues(clients);

  const open = async ({ queue }: LandBatch) => {
    const config = configOf(queues, queue);
    return { config, repository: await openQueueRepository(workDirectory, secrets, config) };
  };
  const clientOf = providerClients(clients);
  const headsOf = async (config: QueueConfig): Promise<HeadBranches | undefined> =>
    config.markMerged === "moveHead" && config.changeProvider?.type === "github"
      ? headBranches(await clientOf(config), {
          branch: config.repository.branch,
          targets: targetsBeside(config, [...queues.values()]),
        })
      : undefined;
  const answer = async (message: LandBatch, results: Results): Promise<void> => {
    for (const signal of answersOf(message, results)) await send(clients.sqs, signals, signalsTopic, signal);
  };
  const hold = ({ queue, id: landId, batches }: LandBatch, reason: Reason, landed: Results) => {
    const has = new Set(landed.map(({ batchId }) => batchId));
    const held = batches.flatMap(({ batchId }) => (has.has(batchId) ? [] : [batchId]));
    const results = [...shortened(landed)];
    const at = clients.now();
    return send(clients.sqs, signals, signalsTopic, {
      v: 1,
      kind: "land-held",
      queue,
      landId,
      held,
      results,
      reason,
      at,
    });
  };

  const work = async (received: MergeMessage): Promise<void> => {
    const message = await wholeLandBatch(clients, received);
    // The orchestrator sends the message again, should the queue be put back; until then nothing of it may land.
    if (!isForTarget(message.target, queues.get(message.queue))) {
      clients.log.warn({ queue: message.queue, target: message.target, id: message.id }, "not landed: no such queue");
      return;
    }
    const { config, repository } = await open(message);
    const answered = await land(repository, config, message, {
      now: clients.now(),
      obstacles: (batches, moved) =>
        reviews.obstacles(config, new Map(batches.map((batch) => [batch.batchId, changesOf(batch)])), moved),
      heads: await headsOf(config),
    });
    if (answered.kind === "held") {
      await hold(message, answered.reason, answered.landed);
      throw new CodedError("repository.refused", answered.reason.message, { detail: { isAnswered: true } });
    }
    for (const [uri, why] of answered.unmoved)
      clients.log.info(
        { queue: message.queue, uri, why },
        "head branch not moved: GitHub does not mark the pull request as merged, so the GitHub App closes it, where it is installed",
      );
    await answer(message, answered.results);
    for (const problem of await tidy(repository, answered.spent, clients.now()))
      clients.log.warn({ queue: message.queue }, problem);
  };

  const abandon = async (received: MergeMessage, error: unknown): Promise<void> => {
    const message = await wholeLandBatch(clients, received);
    if (isOperators(error)) {
      if (error.detail["isAnswered"] !== true) await hold(message, refusals.outOfReach(error.message), []);
      return;
    }
    const { config, repository } = await open(message);
    await answer(
      message,
      await giveUp(repository, config, message, {
        why: String(error),
        now: clients.now(),
        heads: await headsOf(config),
      }),
    );
  };

  const topic = { name: "merges", schema: MergeMessage };
  const url = env[ENV.mergesTopic];
  const lease = url === undefined ? undefined : { url, seconds: LEASE_SECONDS };
  return queueHandler({ topic, clients, deadLetters: need(env, ENV.deadLetters) }, work, { abandon, lease });
};

/**
 * A landing that dies holds its branch up for so long. A push takes a second or two, and its lease is renewed every 20 seconds however long
 * it takes: a minute survives two renewals that fail. Should a landing outlive its lease, a second one harms nothing, since each push
 * names what it expects of the remote.
 */
export const LEASE_SECONDS = 60;

/** The configuration, the credentials or the host are at fault, and no change. */
const isOperators = (error: unknown): error is CodedError =>
  error instanceof CodedError && (error.code === "repository.refused" || error.code === "config.invalid");

export const handler = onLambda(wire);

/** The branches that queues of the same repository land on, however their remotes spell it. */
export function targetsBeside(config: QueueConfig, queues: readonly QueueConfig[]): readonly string[] {
  const places = placesOf(config);
  return queues.flatMap((queue) =>
    placesOf(queue).some((place) => places.includes(place)) ? [queue.repository.branch] : [],
  );
}

/** The names of a queue's repository: its remote, and, on GitHub, what the remote and the change provider call it there. */
function placesOf({ changeProvider, repository: { remote } }: QueueConfig): readonly string[] {
  const host = gitHubOf(remote);
  const named = changeProvider?.type === "github" ? changeProvider.repository : undefined;
  return [remote, host && `${host.owner}/${host.repo}`, named].flatMap((place) => place?.toLowerCase() ?? []);
}
