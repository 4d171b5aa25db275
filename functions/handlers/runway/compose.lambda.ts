import { secretsOf } from "../../adapters/secrets.ts";
import { configOf, loadQueues, need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { ComposeTask } from "../../contracts/messages/runway-tasks.ts";
import { isForTarget } from "../../domain/removed-queue.ts";
import { compose } from "../../runway/compose.ts";
import { openQueueRepository } from "../../runway/queue-repository.ts";
import { tidy } from "../../runway/tidy.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
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
      if (!isForTarget(task.target, config))
        throw new CodedError("queue.unknown", `queue ${task.queue} is not configured for ${task.target}`);
      const repository = await openQueueRepository(workDirectory, secrets, config);
      const result = await compose(repository, config, task, clients.now());
      // Once an hour: a queue of which nothing lands leaves refs of builds too.
      for (const problem of await tidy(repository, [], clients.now())) clients.log.warn({ queue: task.queue }, problem);
      return result;
    },
    wholeComposition(clients),
  );
};

export const handler = onLambda(wire);
