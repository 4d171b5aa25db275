import {
  DescribeExecutionCommand,
  type ExecutionListItem,
  type ExecutionStatus,
  ListExecutionsCommand,
  type SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { asciiJson } from "../contracts/text.ts";
import type { EpochMs } from "../contracts/time.ts";
import { translated } from "./aws-errors.ts";

const named = (cause: unknown, name: string): boolean => cause instanceof Error && cause.name === name;

const failure = (doing: string, cause: unknown) => translated(cause, "workflow.unavailable", doing);

/** Starts an execution under a name that is its identity: `exists` when there is, or was, one of that name. One call. */
export async function startExecution(
  sfn: SFNClient,
  workflow: string,
  name: string,
  input: unknown,
): Promise<"started" | "exists"> {
  try {
    await sfn.send(new StartExecutionCommand({ stateMachineArn: workflow, name, input: asciiJson(input) }));
    return "started";
  } catch (cause) {
    if (named(cause, "ExecutionAlreadyExists")) return "exists";
    throw failure(`starting ${name}`, cause);
  }
}

/** What has become of an execution. `input` and `output` are parsed JSON, for the caller to check. */
export type Execution =
  | { readonly kind: "running" }
  | { readonly kind: "succeeded"; readonly input: unknown; readonly output: unknown }
  | { readonly kind: "failed"; readonly input: unknown; readonly error: string; readonly cause: string }
  | { readonly kind: "missing" };

const executionArn = (workflow: string, name: string): string =>
  `${workflow.replace(":stateMachine:", ":execution:")}:${name}`;

export const describeNamed = (sfn: SFNClient, workflow: string, name: string): Promise<Execution> =>
  describeExecution(sfn, executionArn(workflow, name));

/** One call. */
export async function describeExecution(sfn: SFNClient, arn: string): Promise<Execution> {
  try {
    const { status, input, output, error, cause } = await sfn.send(new DescribeExecutionCommand({ executionArn: arn }));
    if (status === "SUCCEEDED") return { kind: "succeeded", input: parsed(input), output: parsed(output) };
    if (status === "FAILED" || status === "TIMED_OUT" || status === "ABORTED")
      return { kind: "failed", input: parsed(input), error: error ?? status, cause: cause ?? "" };
    return { kind: "running" };
  } catch (cause) {
    if (named(cause, "ExecutionDoesNotExist")) return { kind: "missing" };
    throw failure(`describing ${arn}`, cause);
  }
}

const FAILED: readonly ExecutionStatus[] = ["FAILED", "TIMED_OUT", "ABORTED"];

/** An execution that ran for weeks is listed by its start, behind all that failed since. So many pages of a hundred reach it, as a rule. */
const MOST_PAGES = 20;

/**
 * The ARNs of the executions that failed and stopped at or after `since`: of the newest two thousand of each kind of failure, by their starts.
 * Three calls; one more per hundred failures within the 90 days that Step Functions remembers.
 */
export async function failedSince(sfn: SFNClient, workflow: string, since: EpochMs): Promise<readonly string[]> {
  const executions = (await Promise.all(FAILED.map((status) => listed(sfn, workflow, status)))).flat();
  return executions.flatMap(({ executionArn: arn, stopDate }) =>
    arn !== undefined && (stopDate?.getTime() ?? since) >= since ? [arn] : [],
  );
}

async function listed(
  sfn: SFNClient,
  workflow: string,
  status: ExecutionStatus,
): Promise<readonly ExecutionListItem[]> {
  const found: ExecutionListItem[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page === 0 || (nextToken !== undefined && page < MOST_PAGES); page++) {
    const list = { stateMachineArn: workflow, statusFilter: status, maxResults: 100, nextToken };
    const answer = await sfn.send(new ListExecutionsCommand(list)).catch((cause: unknown) => {
      throw failure(`listing ${workflow}`, cause);
    });
    found.push(...(answer.executions ?? []));
    nextToken = answer.nextToken;
  }
  return found;
}

function parsed(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? "null");
  } catch {
    return undefined;
  }
}
