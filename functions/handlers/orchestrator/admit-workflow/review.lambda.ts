import { requestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { retryAtOf } from "../../../adapters/github/errors.ts";
import { reviewedQueues } from "../../../adapters/github/reviewed-queues.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { send } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { CodedError, isRetryable } from "../../../contracts/errors.ts";
import { happeningEvent } from "../../../contracts/log-event.ts";
import { logTopic } from "../../../contracts/messages/log-messages.ts";
import type { QueueConfig } from "../../../contracts/queues.ts";
import { type Reason, reasonOf } from "../../../contracts/reasons.ts";
import { type EpochMs, isAhead } from "../../../contracts/time.ts";
import { type ReviewResult, ReviewTask } from "../../../contracts/workflows.ts";
import { nextTryIn } from "../../../domain/next-try.ts";
import { nextOf, type Standing } from "../../../domain/pull-request.ts";
import type { LandingRequest } from "../../../domain/request.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { IN_ADMISSION } from "../termination.ts";

/**
 * Asks GitHub whether the request's pull requests may land, and says when to ask again as long as a review, or a check, is missing. Tells the
 * log what the request waits for, once each time that changes. GitHub's silence is waited for as that of the repository is. One read of the
 * request, and what `standing` costs; nothing more for a queue without pull requests.
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const log = need(env, ENV.logTopic);
  const reviews = reviewedQueues(clients);

  async function look(task: ReviewTask, config: QueueConfig, at: EpochMs): Promise<ReviewResult> {
    const before = task.review.kind === "waiting" ? task.review : undefined;
    const since = before === undefined || isAhead(before.since, at) ? at : before.since;
    const most = config.changeProvider?.type === "github" ? config.changeProvider.waitSeconds : 0;
    const nextAfter = (found: Standing | Silence) =>
      found.kind === "silent"
        ? silentFor(found.error, at, before?.failingSince ?? at, config)
        : nextOf(found, (at - since) / 1_000, most);
    const standing = await orSilence(reviews.standing(config, task.changes));
    const squashes = nextAfter(standing).kind === "fit" ? await messagesFor(task, config) : {};
    const found = "kind" in squashes ? squashes : standing;
    const next = nextAfter(found);
    if (next.kind === "fit")
      return { ...next, ...("kind" in squashes ? {} : squashes), ...(await namedTargets(task, config)) };
    if (next.kind !== "waiting") return next;
    if (task.woken) return { kind: "ended" };
    const told = found.kind === "silent" ? silence(found.error) : said(found);
    if (told !== undefined && told.reason.message !== before?.told) await tell(task, told, at);
    return {
      kind: "waiting",
      seconds: next.seconds,
      since,
      ...(found.kind === "silent" ? { failingSince: before?.failingSince ?? at } : {}),
      ...(told === undefined ? {} : { told: told.reason.message }),
    };
  }

  async function orSilence<T>(asked: Promise<T>): Promise<T | Silence> {
    try {
      return await asked;
    } catch (error) {
      if (isSilence(error)) return { kind: "silent", error };
      throw error;
    }
  }

  /** What squashes are to say, of a request that may enter the queue. A squash says nothing else because GitHub did not answer. */
  async function messagesFor({ strategy, changes }: ReviewTask, config: QueueConfig) {
    if (strategy !== "SQUASH_REBASE") return {};
    const messages = await orSilence(reviews.messages(config, changes));
    if (messages === undefined) return {};
    return "kind" in messages ? messages : { messages };
  }

  /** Read last, when people and CI have had the time to name them. That GitHub does not say holds no request up. */
  async function namedTargets({ sqid, changes, targets: byCaller }: ReviewTask, config: QueueConfig) {
    if (byCaller !== undefined) return {};
    try {
      const targets = await reviews.targets(config, changes);
      return targets === undefined ? {} : { targets };
    } catch (err) {
      if (!isSilence(err)) throw err;
      clients.log.warn({ sqid, err }, "the targets can't be read: the request counts as affecting everything");
      return {};
    }
  }

  async function tell({ sqid }: ReviewTask, { blocker, reason }: Told, at: EpochMs): Promise<void> {
    // A repeat of this task tells it again, at another time: the log then holds it twice, and says the same.
    const details = { occurrence: `${blocker}/${at}`, reason, metadata: { blocker } };
    await send(clients.sqs, log, logTopic, happeningEvent(sqid, "blocked", at, details));
  }

  return taskHandler(ReviewTask, async (task): Promise<ReviewResult> => {
    // Before the first call: an end that comes meanwhile is then later than this.
    const at = clients.now();
    const found = await requests.get(task.sqid);
    const config = queues.get(task.queue);
    if (!isInAdmission(found) || (config === undefined && task.woken)) return { kind: "ended" };
    // The sweep ends the request, unless the queue is put back.
    if (config === undefined) return waitingAsBefore(task, at);
    return look(task, config, at);
  });
};

/** A queue that came to land pull requests after the request was validated finds the request `started`. */
const isInAdmission = (found: LandingRequest | undefined): boolean =>
  found !== undefined && IN_ADMISSION.includes(found.state);

/** How soon a request whose queue is not configured is looked at again. */
const UNCONFIGURED_SECONDS = 60;

const waitingAsBefore = ({ review }: ReviewTask, at: EpochMs): ReviewResult =>
  review.kind === "waiting"
    ? { ...review, seconds: UNCONFIGURED_SECONDS }
    : { kind: "waiting", seconds: UNCONFIGURED_SECONDS, since: at };

/** True when GitHub did not answer. Credentials that GitHub refuses are an operator's to mend, and no reason to end what people asked for. */
const isSilence = (error: unknown): boolean =>
  isRetryable(error) || (error instanceof CodedError && error.code === "config.invalid");

interface Silence {
  readonly kind: "silent";
  readonly error: unknown;
}

interface Told {
  readonly blocker: "review" | "checks" | "repository";
  readonly reason: Reason;
}

/** The log is not told that GitHub is still working out whether a pull request merges: that takes seconds. */
const said = (standing: Standing): Told | undefined =>
  standing.kind === "waits" && standing.for !== "mergeable"
    ? { blocker: standing.for, reason: standing.reason }
    : undefined;

const silence = (error: unknown): Told => ({
  blocker: "repository",
  reason: reasonOf(
    "repository.unavailable",
    `Whether the pull request may land can't be asked: ${error instanceof Error ? error.message : String(error)} The request goes on by itself once GitHub answers.`,
  ),
});

/** Not before the time that a limit of GitHub names. */
function silentFor(error: unknown, at: EpochMs, failingSince: EpochMs, { repositoryTimeoutSeconds }: QueueConfig) {
  const seconds = nextTryIn((at - failingSince) / 1_000, repositoryTimeoutSeconds);
  if (seconds === undefined) return { kind: "refused" as const, reason: silence(error).reason };
  const limit = Math.ceil(((retryAtOf(error) ?? at) - at) / 1_000);
  return { kind: "waiting" as const, seconds: Math.max(seconds, limit) };
}

export const handler = onLambda(wire);
