import { configOf, loadQueues, need, onLambda, type Wire } from "../../adapters/clients.ts";
import { check } from "../../adapters/git/compose.ts";
import { openQueueRepository } from "../../adapters/git/queue-repository.ts";
import { secretsOf } from "../../adapters/secrets.ts";
import { ENV } from "../../contracts/environment.ts";
import { CheckTask } from "../../contracts/messages.ts";
import { taskHandler } from "../task.ts";

/** Step of the admit workflow: CheckTask → CheckResult. Would the request merge onto the trunk as it stands? */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const workDirectory = need(env, ENV.workDirectory);
  const secrets = secretsOf(clients);
  return taskHandler(CheckTask, async (task) => {
    const config = configOf(queues, task.queue);
    return check(await openQueueRepository(workDirectory, secrets, config), config, task);
  });
};

export const handler = onLambda(wire);
