import { examinationBy, obstaclesFor } from "../../../adapters/build-runner/preflight.ts";
import { claimsStore } from "../../../adapters/dynamodb/claims-store.ts";
import { requestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { reviewedQueues } from "../../../adapters/github/reviewed-queues.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { send } from "../../../adapters/sqs.ts";
import type { ChangeUri } from "../../../contracts/change-uri.ts";
import { ENV } from "../../../contracts/environment.ts";
import { CodedError, isRetryable } from "../../../contracts/errors.ts";
import { logMessages } from "../../../contracts/messages/log-messages.ts";
import type { Preflight } from "../../../contracts/messages/request-messages.ts";
import { type Answer, namedPaths, type Touched } from "../../../contracts/questions.ts";
import type { QueueConfig } from "../../../contracts/queues.ts";
import type { Touches } from "../../../contracts/touches.ts";
import { AnswerTask } from "../../../contracts/workflows.ts";
import type { Standing } from "../../../domain/pull-request.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { duplicateOf } from "../admit-workflow/claiming.ts";
import { commitsOf } from "../admit-workflow/commits-of.ts";
import { cannotBuild, saidBy } from "../reasons.ts";

/**
 * Last step of the ask workflow: tells the gateway the answer to its question, the same again for a repeat. It claims nothing and writes to
 * no table. SendMessage; of a trial that merges two calls per change more, at most; and what the preflight of the build runner and, of pull
 * requests, the look at their reviews cost.
 */
export const wire: Wire = (env, clients) => {
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const claims = claimsStore(clients.dynamodb, need(env, ENV.claimsTable));
  const log = need(env, ENV.logTopic);
  const queues = loadQueues(env);
  const examine = examinationBy(clients);
  const obstaclesOf = obstaclesFor(clients);
  const reviews = reviewedQueues(clients);

  async function examined({ queue }: Preflight): Promise<Answer> {
    const config = queues.get(queue);
    if (config === undefined) return GONE;
    const findings = await examine(config);
    return findings === undefined
      ? couldNotTell("the build runner did not answer")
      : { kind: "examined", findings: [...findings] };
  }

  /** Where the pull requests stand, or why GitHub can't be asked. A review that is missing may come, and refuses nothing. */
  async function standingOf(config: QueueConfig, changes: readonly ChangeUri[]): Promise<Standing | string> {
    try {
      return await reviews.standing(config, changes);
    } catch (error) {
      if (!isRetryable(error) && !(error instanceof CodedError && error.code === "config.invalid")) throw error;
      return error instanceof Error ? error.message : String(error);
    }
  }

  async function tried({ queue, step, inspected, checked }: Extract<AnswerTask, { kind: "trial" }>): Promise<Answer> {
    if (inspected?.kind === "refused") return inspected;
    if (inspected === undefined || checked === undefined) return couldNotTell("a step is missing");
    const config = queues.get(queue);
    if (config === undefined) return GONE;
    const touches = touchedBy(inspected.touches);
    if (checked.kind === "refused") {
      const { reason, conflicts } = checked;
      return { kind: "refused", reason, touches, ...(conflicts === undefined ? {} : { conflicts: [...conflicts] }) };
    }
    const standing = await standingOf(config, step.changes);
    if (typeof standing === "string") return couldNotTell(standing);
    if (standing.kind === "refused") return { kind: "refused", reason: standing.reason, touches };
    const obstacles = (await obstaclesOf(config, step.changes.flatMap(commitsOf))) ?? [];
    const reason =
      obstacles.length > 0
        ? cannotBuild(queue, obstacles)
        : await duplicateOf({ requests, claims }, queue, step.changes);
    if (reason !== undefined) return { kind: "refused", reason, touches };
    // That GitHub is still working out whether it merges takes seconds.
    const isMissing = standing.kind === "waits" && standing.for !== "mergeable";
    const waits = isMissing ? { waits: standing.reason.message } : {};
    return { kind: "mergeable", trunk: checked.trunk, touches, ...waits };
  }

  return taskHandler(AnswerTask, async (task) => {
    const { queue, id, error } = task;
    const found = async () => (task.kind === "trial" ? tried(task) : examined(task));
    const answer = error === undefined ? await found() : couldNotTell(saidBy(error));
    await send(clients.sqs, log, logMessages, { v: 1, kind: "answer", queue, id, answer });
  });
};

const couldNotTell = (why: string): Answer => ({
  kind: "failed",
  sentence: `It could not be found out: ${why.replace(/\.$/, "")}. Ask again in a minute.`,
});

const GONE = couldNotTell("the queue is not configured any more");

const touchedBy = ({ paths, files, additions, deletions }: Touches): Touched => ({
  files,
  additions,
  deletions,
  ...(paths === "everything" ? {} : { paths: namedPaths(paths) }),
});

export const handler = onLambda(wire);
