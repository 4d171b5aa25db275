import { requestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { sendAll } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { happeningEvent } from "../../../contracts/log-event.ts";
import { logTopic } from "../../../contracts/messages/log-messages.ts";
import { epochMs, isAhead } from "../../../contracts/time.ts";
import { type WaitResult, WaitTask } from "../../../contracts/workflows.ts";
import { nextTryIn } from "../../../domain/next-try.ts";
import { requestHasEnded } from "../../../domain/request.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { reasonOf, remoteIsAway, remoteStayedAway } from "../reasons.ts";
import { startedEntries } from "./started-entries.ts";

/** How soon a request whose queue is not configured is looked at again. The sweep ends it, unless the queue is put back. */
const UNCONFIGURED_SECONDS = 60;

/**
 * Says when a step of admission that found the repository, or the queue, missing is tried again, and tells the log once that the request
 * waits. A request that was cancelled meanwhile stops. One call, two at the first failure.
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const log = need(env, ENV.logTopic);
  return taskHandler(WaitTask, async ({ land, step, since: before, error }): Promise<WaitResult> => {
    const { queue, sqid } = land;
    const now = clients.now();
    const since = before === 0 || isAhead(before, now) ? now : epochMs(before);
    const found = await requests.get(sqid);
    if (found && requestHasEnded(found.state)) return { kind: "ended" };
    const config = queues.get(queue);
    if (config === undefined || error.Error === "queue.unknown")
      return { kind: "waiting", since, seconds: UNCONFIGURED_SECONDS };
    const { repositoryTimeoutSeconds: maxWaitSeconds } = config;
    const seconds = nextTryIn((now - since) / 1_000, maxWaitSeconds);
    if (seconds === undefined)
      return { kind: "refused", reason: reasonOf("repository.unavailable", remoteStayedAway(error, maxWaitSeconds)) };
    if (before === 0) {
      const reason = reasonOf("repository.unavailable", remoteIsAway(error, maxWaitSeconds));
      const details = { occurrence: `${step}/${since}`, reason, metadata: { blocker: "repository" } };
      const blocked = happeningEvent(sqid, "blocked", now, details);
      await sendAll(clients.sqs, log, logTopic, [...startedEntries(land, land.started), blocked]);
    }
    return { kind: "waiting", since, seconds };
  });
};

export const handler = onLambda(wire);
