import { configOf, loadQueues, need, onLambda, type Wire } from "../../adapters/clients.ts";
import { giveUp, land } from "../../adapters/git/land.ts";
import { openQueueRepository } from "../../adapters/git/queue-repository.ts";
import { tidy } from "../../adapters/git/sweep.ts";
import { secretsOf } from "../../adapters/secrets.ts";
import { send } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import { LandBatch, type SignalOf, signalsTopic } from "../../contracts/messages.ts";
import { isForTarget } from "../../domain/removed-queue.ts";
import { queueHandler } from "../queue.ts";

type Results = readonly SignalOf<"land-finished">["results"][number][];

/** Consumes merges: lands the batches of a message in one push, and answers with a LandFinished signal, the same for a repeat. */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const workDirectory = need(env, ENV.workDirectory);
  const signals = need(env, ENV.signalsTopic);
  const secrets = secretsOf(clients);

  const open = async ({ queue }: LandBatch) => {
    const config = configOf(queues, queue);
    return { config, repository: await openQueueRepository(workDirectory, secrets, config) };
  };
  const answer = ({ queue, id: landId }: LandBatch, results: Results) =>
    send(clients.sqs, signals, signalsTopic, {
      v: 1,
      kind: "land-finished",
      queue,
      landId,
      results: results.map(({ batchId, outcome }) => ({ batchId, outcome })),
    });

  const work = async (message: LandBatch): Promise<void> => {
    // The orchestrator sends the message again, should the queue be put back; until then nothing of it may land.
    if (!isForTarget(message.target, queues.get(message.queue))) {
      clients.log.warn({ queue: message.queue, target: message.target, id: message.id }, "not landed: no such queue");
      return;
    }
    const { config, repository } = await open(message);
    const { results, spent } = await land(repository, config, message, { now: clients.now() });
    await answer(message, results);
    const problem = await tidy(repository, spent, clients.now());
    if (problem) clients.log.warn({ queue: message.queue, problem }, "refs were left over");
  };

  const abandon = async (message: LandBatch, error: unknown): Promise<void> => {
    const { config, repository } = await open(message);
    await answer(message, await giveUp(repository, config, message, { why: String(error), now: clients.now() }));
  };

  const topic = { name: "merges", schema: LandBatch };
  return queueHandler(topic, clients, need(env, ENV.deadLetters), work, { abandon });
};

export const handler = onLambda(wire);
