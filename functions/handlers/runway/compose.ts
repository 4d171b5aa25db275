import { configOf, loadQueues, need, onLambda, type Wire } from "../../adapters/clients.ts";
import { compose } from "../../adapters/git/compose.ts";
import { openQueueRepository } from "../../adapters/git/queue-repository.ts";
import { secretsOf } from "../../adapters/secrets.ts";
import { ENV } from "../../contracts/environment.ts";
import { ComposeTask } from "../../contracts/messages.ts";
import { wholeComposition } from "../payloads.ts";
import { taskHandler } from "../task.ts";

/** Step of the build workflow: ComposeTask → ComposeResult. Makes the commit that CI builds, and pushes it under its path ref. */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const workDirectory = need(env, ENV.workDirectory);
  const secrets = secretsOf(clients);
  return taskHandler(
    ComposeTask,
    async (task) => {
      const config = configOf(queues, task.queue);
      return compose(await openQueueRepository(workDirectory, secrets, config), config, task, clients.now());
    },
    wholeComposition(clients),
  );
};

export const handler = onLambda(wire);
