import { requestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { ENV } from "../../../contracts/environment.ts";
import { targetOf } from "../../../contracts/queues.ts";
import { AdmitTask, type StartResult } from "../../../contracts/workflows.ts";
import { requestHasEnded } from "../../../domain/request.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";

/**
 * Writes the request unless it is written already, and answers when. A later step tells the log, together with what it has to tell itself. Does
 * nothing to a request that was cancelled before. One call, two on a repeat.
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  return taskHandler(AdmitTask, async (land): Promise<StartResult> => {
    const { v: _v, kind: _kind, ...asked } = land;
    const { sqid } = asked;
    const config = queues.get(asked.queue);
    const target = config === undefined ? {} : { target: targetOf(config.repository) };
    // Read before the first call, so that an end that comes meanwhile has a later time, and stands last in the history.
    const at = clients.now();
    const fresh = await requests.create({ ...asked, ...target, state: "started", version: 1 });
    const found = fresh ? undefined : await requests.get(sqid);
    if (found && requestHasEnded(found.state)) return { kind: "ended" };
    return { kind: "started", at };
  });
};

export const handler = onLambda(wire);
