import { claimsStore } from "../../../adapters/dynamodb/claims-store.ts";
import { requestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { need } from "../../../adapters/settings.ts";
import { sendAll } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { logTopic } from "../../../contracts/messages/log-messages.ts";
import { RejectTask } from "../../../contracts/workflows.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { admissionFailed } from "../reasons.ts";
import { endOf, IN_ADMISSION, releaseClaims, type Termination, terminate } from "../termination.ts";
import { startedEntries } from "./started-entries.ts";

/**
 * Ends the request as `error`, also a request that was never written. A repeat announces the end again. Does nothing to a request that ended
 * otherwise, or that the planner owns by now. Two calls, and one per change.
 */
export const wire: Wire = (env, clients) => {
  const requests = requestsStore(clients.dynamodb, need(env, ENV.requestsTable));
  const claims = claimsStore(clients.dynamodb, need(env, ENV.claimsTable));
  const log = need(env, ENV.logTopic);
  return taskHandler(RejectTask, async ({ land, reason, error }): Promise<Pick<Termination, "kind">> => {
    const why = reason ?? admissionFailed(error ?? { Error: "internal", Cause: "" });
    const ending = { outcome: "error", reason: why, now: clients.now(), from: IN_ADMISSION, ifMissing: land } as const;
    const ended = await terminate(requests, land.sqid, ending);
    if (ended.kind === "ended" || ended.kind === "already")
      await sendAll(clients.sqs, log, logTopic, [...startedEntries(land, land.started), endOf(ended.request)]);
    if (ended.kind !== "elsewhere") await releaseClaims(claims, land.sqid, land.changes);
    return { kind: ended.kind };
  });
};

export const handler = onLambda(wire);
