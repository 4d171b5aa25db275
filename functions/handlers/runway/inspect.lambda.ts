import { changeProviderFor } from "../../adapters/change-provider/index.ts";
import { repositoryToken } from "../../adapters/github/repository-token.ts";
import { secretsOf } from "../../adapters/secrets.ts";
import { configOf, loadQueues, need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { type InspectResult, InspectTask } from "../../contracts/messages/runway-tasks.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { taskHandler } from "../task.ts";

/** Step of the admit workflow: InspectTask → InspectResult. What does the request touch? Asks the queue's change provider. */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const workDirectory = need(env, ENV.workDirectory);
  const secrets = secretsOf(clients);
  return taskHandler(InspectTask, async ({ queue, changes }): Promise<InspectResult> => {
    const config = configOf(queues, queue);
    const token = await repositoryToken(secrets, config);
    const result = await changeProviderFor(config, { workDirectory, token }).touches(changes);
    return result.kind === "refused" ? result : { kind: "inspected", touches: result.touches };
  });
};

export const handler = onLambda(wire);
