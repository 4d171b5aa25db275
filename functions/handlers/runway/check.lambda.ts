import { secretsOf } from "../../adapters/secrets.ts";
import { configOf, loadQueues, need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { CheckTask } from "../../contracts/messages/runway-tasks.ts";
import { check } from "../../runway/compose.ts";
import { openQueueRepository } from "../../runway/queue-repository.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
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
