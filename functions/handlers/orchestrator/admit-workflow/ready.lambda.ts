import { requestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { need } from "../../../adapters/settings.ts";
import { send } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { CodedError } from "../../../contracts/errors.ts";
import { statusEvent } from "../../../contracts/log-event.ts";
import { logTopic, signalsTopic } from "../../../contracts/messages.ts";
import { cut } from "../../../contracts/text.ts";
import { type ReadyResult, ReadyTask } from "../../../contracts/workflows.ts";
import { type LandingRequest, requestHasEnded } from "../../../domain/request.ts";
import { boundedTouches } from "../../../domain/touches.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";

/**
 * Marks the request as ready, and tells the planner. A repeat tells the planner again. A request that ended during the check stays ended.
 * Four calls.
 */
export const wire: Wire = (env, clients) => {
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const [log, signals] = [need(env, ENV.logTopic), need(env, ENV.signalsTopic)];
  return taskHandler(ReadyTask, async ({ queue, sqid, review }): Promise<ReadyResult> => {
    // Read before the first call, so that an end that comes meanwhile has a later time, and stands last in the history.
    const at = clients.now();
    const found = await requests.get(sqid);
    if (found && requestHasEnded(found.state)) return { kind: "ended" };
    if (found?.state !== "validated" && found?.state !== "ready")
      throw new CodedError("internal", `${sqid} can't be ready: it is ${found?.state ?? "missing"}`);
    const ready = found.state === "ready" ? found : readyWith(found, review ?? {});
    if (ready !== found && !(await requests.replace(ready)))
      throw new CodedError("store.version_conflict", `${sqid} was written meanwhile`);
    await send(
      clients.sqs,
      log,
      logTopic,
      statusEvent(sqid, "validated", at, { version: ready.version, ...authorIn(review?.author) }),
    );
    await send(clients.sqs, signals, signalsTopic, { v: 1, kind: "request-ready", queue, sqid });
    return { kind: "ready" };
  });
};

/**
 * The request, ready to be planned, with what its pull requests say: the messages of squashes, and the targets that labels name, which take
 * the place of none.
 */
function readyWith(request: LandingRequest, { targets, messages }: NonNullable<ReadyTask["review"]>): LandingRequest {
  const { touches, version } = request;
  const said = {
    ...(targets === undefined || touches?.targets !== undefined ? {} : { targets }),
    ...(messages === undefined ? {} : { messages }),
  };
  const isSaid = touches !== undefined && Object.keys(said).length > 0;
  const kept = isSaid ? { touches: boundedTouches({ ...touches, ...said }) } : {};
  return { ...request, ...kept, state: "ready", version: version + 1 };
}

/** For people who look at the queue: the author of a pull request by the name that GitHub has. */
const authorIn = (author: string | undefined) =>
  author === undefined ? {} : { metadata: { author: cut(author, 200) } };

export const handler = onLambda(wire);
