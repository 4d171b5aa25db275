import * as z from "zod";
import type { Clients } from "../../../adapters/aws-clients.ts";
import type { ClaimsStore } from "../../../adapters/dynamodb/claims-store.ts";
import type { RequestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { send } from "../../../adapters/sqs.ts";
import { describeExecution, describeNamed, type Execution, failedSince } from "../../../adapters/step-functions.ts";
import { executionName } from "../../../contracts/ids.ts";
import { logTopic } from "../../../contracts/messages/log-messages.ts";
import { Land } from "../../../contracts/messages/request-messages.ts";
import { ageOf, epochMs } from "../../../contracts/time.ts";
import type { LandingRequest } from "../../../domain/request.ts";
import { admissionFailed } from "../reasons.ts";
import { endOf, IN_ADMISSION, releaseClaims, terminate } from "../termination.ts";
import { failuresOfEach } from "./each.ts";
import { LOOK_AFTER_MS } from "./open-requests.ts";

const DAY_MS = 86_400_000;

export interface Admissions {
  readonly clients: Clients;
  readonly requests: RequestsStore;
  readonly claims: ClaimsStore;
  readonly admitWorkflow: string;
  readonly log: string;
  /** The names of failed executions that were dealt with. */
  readonly settled: Set<string>;
}

/** The input of an execution that looks at a review once, beside the execution that admits the request. */
const Woken = z.object({ woken: z.literal(true) });

/**
 * Ends the requests whose admit workflow failed within the last day, because its step `reject` failed too. A request may not have been
 * written yet. An execution that ran beside the one that admits the request ends nothing. Answers the failures. One call per failed execution,
 * once per process.
 */
export async function endFailedAdmissions(admissions: Admissions): Promise<readonly unknown[]> {
  const { clients, admitWorkflow, settled } = admissions;
  const since = epochMs(Math.max(0, clients.now() - DAY_MS));
  const failed = await failedSince(clients.sfn, admitWorkflow, since);
  return failuresOfEach(
    failed.filter((arn) => !settled.has(arn)),
    4,
    async (arn) => {
      const execution = await describeExecution(clients.sfn, arn);
      const land = execution.kind === "failed" ? Land.safeParse(execution.input) : undefined;
      if (land?.success && execution.kind === "failed" && !Woken.safeParse(execution.input).success)
        await end(admissions, land.data, execution);
      settled.add(arn);
    },
  );
}

/**
 * Ends the requests that are in admission although their workflow does not run any more. Answers the failures. One call per request that has
 * been in admission for long.
 */
export async function endLostAdmissions(
  admissions: Admissions,
  requests: readonly LandingRequest[],
): Promise<readonly unknown[]> {
  const { clients, admitWorkflow } = admissions;
  const due = requests.filter(
    ({ state, receivedAt }) => IN_ADMISSION.includes(state) && ageOf(receivedAt, clients.now()) >= LOOK_AFTER_MS,
  );
  return failuresOfEach(due, 4, async (request) => {
    const execution = await describeNamed(clients.sfn, admitWorkflow, executionName("admit", request.sqid));
    if (execution.kind !== "running") await end(admissions, request, execution);
  });
}

type Admitted = Pick<LandingRequest, "sqid" | "changes" | "strategy" | "receivedAt">;

async function end(
  { clients, requests, claims, log }: Admissions,
  request: Admitted,
  execution: Execution,
): Promise<void> {
  const { sqid, changes } = request;
  const failure =
    execution.kind === "failed"
      ? { Error: execution.error, Cause: execution.cause }
      : { Error: "internal", Cause: "its workflow was lost" };
  const ending = { outcome: "error", reason: admissionFailed(failure), now: clients.now() } as const;
  const ended = await terminate(requests, sqid, { ...ending, from: IN_ADMISSION, ifMissing: request });
  if (ended.kind !== "ended" && ended.kind !== "already") return;
  await send(clients.sqs, log, logTopic, endOf(ended.request));
  await releaseClaims(claims, sqid, changes);
}
