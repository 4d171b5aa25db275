import { configOf, loadQueues, need, onLambda, type Wire } from "../../adapters/clients.ts";
import { giveUp, land } from "../../adapters/git/land.ts";
import { openQueueRepository } from "../../adapters/git/queue-repository.ts";
import { tidy } from "../../adapters/git/sweep.ts";
import { secretsOf } from "../../adapters/secrets.ts";
import { send } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import { type LandBatch, MergeMessage, signalsTopic } from "../../contracts/messages.ts";
import { wholeLandBatch } from "../payloads.ts";
import { queueHandler } from "../queue.ts";
import { answersOf, type Results } from "./answers.ts";

/** Consumes merges: lands the batches of a message in one push, and answers with LandFinished signals, the same for a repeat. */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const workDirectory = need(env, ENV.workDirectory);
  const signals = need(env, ENV.signalsTopic);
  const secrets = secretsOf(clients);

  const open = async ({ queue }: LandBatch) => {
    const config = configOf(queues, queue);
    return { config, repository: await openQueueRepository(workDirectory, secrets, config) };
  };
  const answer = async (message: LandBatch, results: Results): Promise<void> => {
    for (const signal of answersOf(message, results)) await send(clients.sqs, signals, signalsTopic, signal);
  };

  const work = async (received: MergeMessage): Promise<void> => {
    const message = await wholeLandBatch(clients, received);
    const { config, repository } = await open(message);
    const { results, spent } = await land(repository, config, message, { now: clients.now() });
    await answer(message, results);
    const problem = await tidy(repository, spent, clients.now());
    if (problem) clients.log.warn({ queue: message.queue, problem }, "refs were left over");
  };

  const abandon = async (received: MergeMessage, error: unknown): Promise<void> => {
    const message = await wholeLandBatch(clients, received);
    const { config, repository } = await open(message);
    await answer(message, await giveUp(repository, config, message, { why: String(error), now: clients.now() }));
  };

  const topic = { name: "merges", schema: MergeMessage };
  return queueHandler(topic, clients, need(env, ENV.deadLetters), work, { abandon });
};

export const handler = onLambda(wire);
