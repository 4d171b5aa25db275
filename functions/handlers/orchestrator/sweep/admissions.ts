import * as z from "zod";
import { describeExecution, describeNamed, failedSince } from "../../../adapters/step-functions.ts";
import { executionName } from "../../../contracts/ids.ts";
import { Land } from "../../../contracts/messages/request-messages.ts";
import { ageOf, epochMs } from "../../../contracts/time.ts";
import type { LandingRequest } from "../../../domain/request.ts";
import { type Admission, endAdmission } from "../end-admission.ts";
import { IN_ADMISSION } from "../termination.ts";
import { failuresOfEach } from "./each.ts";
import { LOOK_AFTER_MS } from "./open-requests.ts";

const DAY_MS = 86_400_000;

export interface Admissions extends Admission {
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
        await endAdmission(admissions, land.data, execution);
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
    if (execution.kind !== "running") await endAdmission(admissions, request, execution);
  });
}
