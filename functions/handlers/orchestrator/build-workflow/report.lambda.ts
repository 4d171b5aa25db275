import { need } from "../../../adapters/settings.ts";
import { send, sendAll } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { logTopic, type SignalOf, signalsTopic } from "../../../contracts/messages.ts";
import { ReportTask } from "../../../contracts/workflows.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { buildHappened } from "./happening.ts";
import { verdictOf } from "./verdict.ts";

/**
 * Tells the log and the planner how the build came out. Answers the signal, so that sweep can send it again. Two calls; one when the tree
 * could not be composed: the batch that does not apply need not be one of the build's own, so the planner tells the log.
 */
export const wire: Wire = (env, clients) => {
  const [log, signals] = [need(env, ENV.logTopic), need(env, ENV.signalsTopic)];
  return taskHandler(ReportTask, async (task): Promise<SignalOf<"build-finished">> => {
    const { queue, batchId, buildKey, url } = task;
    const verdict = verdictOf(task);
    const reason = verdict.kind !== "unappliable" && "reason" in verdict ? verdict.reason : undefined;
    const event = verdict.kind === "passed" ? "built" : reason && "build_failed";
    if (event) await sendAll(clients.sqs, log, logTopic, buildHappened(task, event, clients.now(), { url, reason }));
    const located = url === undefined ? {} : { url };
    const signal: SignalOf<"build-finished"> = {
      v: 1,
      kind: "build-finished",
      queue,
      batchId,
      buildKey,
      verdict,
      ...located,
    };
    await send(clients.sqs, signals, signalsTopic, signal);
    return signal;
  });
};

export const handler = onLambda(wire);
