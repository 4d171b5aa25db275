import type { Clients } from "../../adapters/aws-clients.ts";
import type { ClaimsStore } from "../../adapters/dynamodb/claims-store.ts";
import type { RequestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { send } from "../../adapters/sqs.ts";
import { describeNamed, type Execution } from "../../adapters/step-functions.ts";
import { executionName } from "../../contracts/ids.ts";
import { logTopic } from "../../contracts/messages/log-messages.ts";
import type { Land } from "../../contracts/messages/request-messages.ts";
import { type LandingRequest, requestHasEnded } from "../../domain/request.ts";
import { admissionFailed } from "./reasons.ts";
import { endOf, IN_ADMISSION, releaseClaims, terminate } from "./termination.ts";

export interface Admission {
  readonly clients: Clients;
  readonly requests: RequestsStore;
  readonly claims: ClaimsStore;
  readonly admitWorkflow: string;
  /** The log topic. */
  readonly log: string;
}

/**
 * Ends a request whose execution of the admit workflow is over, and tells the log. Does nothing to a request that the planner owns, and to one
 * that has ended otherwise. `execution` says why. Two to four calls, and one per change.
 */
export async function endAdmission(
  { clients, requests, claims, log }: Admission,
  request: Pick<LandingRequest, "sqid" | "changes" | "strategy" | "receivedAt">,
  execution: Execution,
): Promise<void> {
  const failure =
    execution.kind === "failed"
      ? { Error: execution.error, Cause: execution.cause }
      : { Error: "internal", Cause: "its workflow was lost" };
  const ending = { outcome: "error", reason: admissionFailed(failure), now: clients.now() } as const;
  const ended = await terminate(requests, request.sqid, { ...ending, from: IN_ADMISSION, ifMissing: request });
  if (ended.kind === "ended" || ended.kind === "already") await announceEnd({ clients, claims, log }, ended.request);
}

/**
 * Brings a request on whose Land comes again although its execution of the admit workflow is over: Step Functions gives a name once, so the
 * Land starts nothing. A request that was never written, or that is still in admission, is ended with the reason of the execution; the end of
 * one that has ended is told again, since the log has not been told. Does nothing while the execution runs, and to a request that the planner
 * owns. A repeat is harmless. One call for a request that the planner owns, two for a running execution, else as `endAdmission` and two more.
 */
export async function bringOn(admission: Admission, land: Land): Promise<void> {
  const { clients, requests, admitWorkflow } = admission;
  const found = await requests.get(land.sqid);
  if (found !== undefined && requestHasEnded(found.state)) return announceEnd(admission, found);
  if (found !== undefined && !IN_ADMISSION.includes(found.state)) return;
  const execution = await describeNamed(clients.sfn, admitWorkflow, executionName("admit", land.sqid));
  if (execution.kind !== "running") await endAdmission(admission, land, execution);
}

async function announceEnd(
  { clients, claims, log }: Pick<Admission, "clients" | "claims" | "log">,
  ended: LandingRequest,
): Promise<void> {
  await send(clients.sqs, log, logTopic, endOf(ended));
  // A request that has landed keeps its claims, as when the planner ends the request.
  if (ended.state !== "landed") await releaseClaims(claims, ended.sqid, ended.changes);
}
