import { claimsStore } from "../../../adapters/dynamodb/claims-store.ts";
import { requestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { need } from "../../../adapters/settings.ts";
import { send } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { CodedError } from "../../../contracts/errors.ts";
import { signalsTopic } from "../../../contracts/messages/signals.ts";
import { cut } from "../../../contracts/text.ts";
import type { Touches } from "../../../contracts/touches.ts";
import { type ReadyResult, ReadyTask } from "../../../contracts/workflows.ts";
import { type LandingRequest, type RequestState, requestHasEnded } from "../../../domain/request.ts";
import { boundedTouches, touchesOf } from "../../../domain/touches.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { IN_ADMISSION, releaseClaims } from "../termination.ts";

/**
 * Marks the request as ready, stores what it touches unless that is stored, and tells the planner, who tells the log. A repeat tells the planner
 * again. A request that ended since it was started stays ended, and its claims are released: it may have claimed its changes after its end.
 * A request that was validated by one release and is marked by another may have lost what it touches; then it counts as touching everything.
 * Two calls; one more when a review has said something about the request, and two in a repeat; of an ended request three, and one per change.
 */
export const wire: Wire = (env, clients) => {
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const claims = claimsStore(clients.dynamodb, need(env, ENV.claimsTable));
  const signals = need(env, ENV.signalsTopic);

  /** The request as `ready`. Undefined when its state may not become `ready`. */
  async function marked({ sqid, step, targets, review = {} }: ReadyTask): Promise<LandingRequest | undefined> {
    const author = review.author === undefined ? {} : { author: cut(review.author, 200) };
    const mark = (touches: Touches | undefined, from: readonly RequestState[]) =>
      requests.change(sqid, from, { state: "ready", ...author, ...(touches === undefined ? {} : { touches }) });
    if (step?.touches !== undefined) return mark(saidToo(touchesOf(step.touches, targets), review), IN_ADMISSION);
    const isSaid = review.targets !== undefined || review.messages !== undefined;
    const known = isSaid ? undefined : await mark(undefined, ["validated"]);
    if (known !== undefined) return known;
    const found = await requests.get(sqid);
    if (found?.state === "validated") return mark(found.touches && saidToo(found.touches, review), ["validated"]);
    if (found?.state !== "started") return undefined;
    clients.log.warn({ sqid }, "what the request touches was lost between two deployments: it counts as everything");
    return mark(saidToo(touchesOf(EVERYTHING, targets), review), ["started"]);
  }

  return taskHandler(ReadyTask, async (task): Promise<ReadyResult> => {
    const { queue, sqid } = task;
    if ((await marked(task)) === undefined) {
      const found = await requests.get(sqid);
      if (found && requestHasEnded(found.state)) {
        await releaseClaims(claims, sqid, task.changes);
        return { kind: "ended" };
      }
      if (found?.state !== "ready")
        throw new CodedError("internal", `${sqid} can't be ready: it is ${found?.state ?? "missing"}`);
    }
    await send(clients.sqs, signals, signalsTopic, { v: 1, kind: "request-ready", queue, sqid });
    return { kind: "ready" };
  });
};

/** What a request touches of which that is not known: it conflicts with every other request. */
const EVERYTHING: Touches = { paths: "everything", files: 0, additions: 0, deletions: 0, authors: [] };

/** What the request touches, with what its pull requests say: the messages of squashes, and the targets of labels, which take the place of none. */
function saidToo(touches: Touches, { targets, messages }: NonNullable<ReadyTask["review"]>): Touches {
  const said = {
    ...(targets === undefined || touches.targets !== undefined ? {} : { targets }),
    ...(messages === undefined ? {} : { messages }),
  };
  return boundedTouches({ ...touches, ...said });
}

export const handler = onLambda(wire);
