import { obstaclesFor } from "../../../adapters/build-runner/preflight.ts";
import { claimsStore } from "../../../adapters/dynamodb/claims-store.ts";
import { requestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { sendAll } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { CodedError } from "../../../contracts/errors.ts";
import { type Metadata, statusEvent } from "../../../contracts/log-event.ts";
import { logTopic } from "../../../contracts/messages/log-messages.ts";
import type { Land } from "../../../contracts/messages/request-messages.ts";
import { cut, printable } from "../../../contracts/text.ts";
import type { Touches } from "../../../contracts/touches.ts";
import { type ValidateResult, ValidateTask } from "../../../contracts/workflows.ts";
import { requestHasEnded } from "../../../domain/request.ts";
import { boundedTouches, touchesOf } from "../../../domain/touches.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { cannotBuild } from "../reasons.ts";
import { releaseClaims } from "../termination.ts";
import { claimChanges } from "./claiming.ts";
import { commitsOf } from "./commits-of.ts";
import { startedEntries } from "./started-entries.ts";

/**
 * Tells the log that the request was started and is being validated. Refuses a request of a queue that can't build, and claims the changes.
 * Answers what runway found that they touch, for `ready` to store: the steps in between do not read the request's row. Where a review may
 * hold the request up, it stores that at once, with the request's state. One call and one per change, one more where a review is asked for,
 * and the calls of the preflight of the queue's build runner.
 */
export const wire: Wire = (env, clients) => {
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const claims = claimsStore(clients.dynamodb, need(env, ENV.claimsTable));
  const log = need(env, ENV.logTopic);
  const queues = loadQueues(env);
  const obstaclesOf = obstaclesFor(clients);

  async function unbuildable({ queue, changes }: Land): Promise<ValidateResult | undefined> {
    const config = queues.get(queue);
    const obstacles = config && (await obstaclesOf(config, changes.flatMap(commitsOf)));
    if (!obstacles || obstacles.length === 0) return undefined;
    return { kind: "refused", reason: cannotBuild(queue, obstacles) };
  }

  /** True when GitHub may be asked about the request: also when the queue is not configured at the moment, since it may be put back. */
  const isReviewed = ({ queue }: Land): boolean => {
    const config = queues.get(queue);
    return config === undefined || config.changeProvider?.type === "github";
  };

  /** What became of a request that is in no state to be validated: a repeat of this step, or a cancel, was faster. */
  async function otherwise(land: Land): Promise<ValidateResult> {
    const found = await requests.get(land.sqid);
    if (found === undefined) throw new CodedError("internal", `${land.sqid} was never started`);
    if (!requestHasEnded(found.state)) return { kind: "validated" };
    await releaseClaims(claims, land.sqid, land.changes);
    return { kind: "ended" };
  }

  return taskHandler(ValidateTask, async ({ step, started, ...land }): Promise<ValidateResult> => {
    // Read before the first call, so that an end that comes meanwhile has a later time, and stands last in the history.
    const at = clients.now();
    const validating = statusEvent(land.sqid, "validating", at, { metadata: shownIn(step.touches) });
    await sendAll(clients.sqs, log, logTopic, [...startedEntries(land, started), validating]);
    const refused = await unbuildable(land);
    if (refused) return refused;
    const duplicate = await claimChanges({ requests, claims, now: clients.now }, land);
    if (duplicate) return { kind: "refused", reason: duplicate };
    if (!isReviewed(land)) return { kind: "validated", touches: boundedTouches(step.touches) };
    const touches = touchesOf(step.touches, land.targets);
    const validated = await requests.change(land.sqid, ["started"], { state: "validated", touches });
    return validated === undefined ? otherwise(land) : { kind: "validated" };
  });
};

/** For people who look at the queue: the author of the first commit, and the subject of the last. */
const shownIn = ({ authors: [author], title }: Touches): Metadata => ({
  ...(author === undefined ? {} : { author: cut(printable(author), 200) }),
  ...(title === undefined ? {} : { title }),
});

export const handler = onLambda(wire);
