import { requestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { need } from "../../../adapters/settings.ts";
import { send } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { CodedError } from "../../../contracts/errors.ts";
import { signalsTopic } from "../../../contracts/messages.ts";
import { cut } from "../../../contracts/text.ts";
import { type ReadyResult, ReadyTask } from "../../../contracts/workflows.ts";
import { type LandingRequest, requestHasEnded } from "../../../domain/request.ts";
import { boundedTouches } from "../../../domain/touches.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";

/**
 * Marks the request as ready, and tells the planner, who tells the log. A repeat tells the planner again. A request that ended during the check
 * stays ended. Two calls; one more when a review has said something about the request, and in a repeat.
 */
export const wire: Wire = (env, clients) => {
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const signals = need(env, ENV.signalsTopic);

  /** The request, ready. Undefined when it is in no state to become that. */
  async function marked({ sqid, review = {} }: ReadyTask): Promise<LandingRequest | undefined> {
    const author = review.author === undefined ? {} : { author: cut(review.author, 200) };
    const isSaid = review.targets !== undefined || review.messages !== undefined;
    if (!isSaid) return requests.change(sqid, ["validated"], { state: "ready", ...author });
    const found = await requests.get(sqid);
    if (found?.state !== "validated") return undefined;
    return requests.change(sqid, ["validated"], { state: "ready", ...author, ...touchesWith(found, review) });
  }

  return taskHandler(ReadyTask, async (task): Promise<ReadyResult> => {
    const { queue, sqid } = task;
    if ((await marked(task)) === undefined) {
      const found = await requests.get(sqid);
      if (found && requestHasEnded(found.state)) return { kind: "ended" };
      if (found?.state !== "ready")
        throw new CodedError("internal", `${sqid} can't be ready: it is ${found?.state ?? "missing"}`);
    }
    await send(clients.sqs, signals, signalsTopic, { v: 1, kind: "request-ready", queue, sqid });
    return { kind: "ready" };
  });
};

/** What the request touches, with what its pull requests say: the messages of squashes, and the targets of labels, which take the place of none. */
function touchesWith(
  { touches }: LandingRequest,
  { targets, messages }: NonNullable<ReadyTask["review"]>,
): Pick<LandingRequest, "touches"> {
  if (touches === undefined) return {};
  const said = {
    ...(targets === undefined || touches.targets !== undefined ? {} : { targets }),
    ...(messages === undefined ? {} : { messages }),
  };
  return { touches: boundedTouches({ ...touches, ...said }) };
}

export const handler = onLambda(wire);
