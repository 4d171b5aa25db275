import { Duration } from "aws-cdk-lib";
import { JitterType, type RetryProps, TaskInput, Timeout } from "aws-cdk-lib/aws-stepfunctions";
import { LambdaInvoke } from "aws-cdk-lib/aws-stepfunctions-tasks";
import type { Construct } from "constructs";
import { type ErrorCode, RETRYABLE_CODES } from "../../functions/contracts/errors.ts";
import type { LambdaFunction } from "../constructs/lambda-function.ts";

/** What Step Functions and Lambda call failures of their own, none of which says anything about the task. */
const PASSING = [
  "Lambda.ClientExecutionTimeoutException",
  "Lambda.ServiceException",
  "Lambda.AWSLambdaException",
  "Lambda.SdkClientException",
  "Lambda.TooManyRequestsException",
  "Lambda.Unknown",
  "Runtime.ExitError",
  "Sandbox.Timedout",
  "States.Timeout",
];

export interface TaskProps {
  readonly resultPath?: string;
  /** What the function gets, in JSONPath; the whole state when absent. */
  readonly input?: Record<string, unknown>;
  /** How often the task is tried again. */
  readonly retries?: number;
  /** Codes of errors after which the task is not tried again here, because the workflow waits for them in another way. */
  readonly awaited?: readonly ErrorCode[];
  /** For about how many seconds the task is tried again when the repository does not answer: after 2, 4, 8 … seconds, then every minute. */
  readonly repositoryWaitSeconds?: number;
}

/** A state that calls the function with its input as the event, and tries again what may pass: an error is matched by its code. */
export function task(scope: Construct, id: string, fn: LambdaFunction, props: TaskProps = {}): LambdaInvoke {
  const state = new LambdaInvoke(scope, id, {
    lambdaFunction: fn.lambda,
    payloadResponseOnly: true,
    retryOnServiceExceptions: false,
    // Past the function's own time-out, so that the function is the one to say that it took too long.
    taskTimeout: Timeout.duration(fn.timeout.plus(Duration.seconds(10))),
    ...(props.input === undefined ? {} : { payload: TaskInput.fromObject(props.input) }),
    ...(props.resultPath === undefined ? {} : { resultPath: props.resultPath }),
  });
  const { repositoryWaitSeconds, awaited = [] } = props;
  if (repositoryWaitSeconds !== undefined) state.addRetry(repositoryRetry(repositoryWaitSeconds));
  state.addRetry(retry(props.retries ?? 5, awaited));
  return state;
}

const REPOSITORY_RETRY_SECONDS = 60;
/** 2 + 4 + 8 + 16 + 32 seconds, about as long as one of the retries that follow. */
const QUICK_RETRIES = 5;

const repositoryRetry = (seconds: number): RetryProps => ({
  errors: ["repository.unavailable" satisfies ErrorCode],
  interval: Duration.seconds(2),
  backoffRate: 2,
  maxDelay: Duration.seconds(REPOSITORY_RETRY_SECONDS),
  maxAttempts: QUICK_RETRIES + Math.ceil(seconds / REPOSITORY_RETRY_SECONDS),
  jitterStrategy: JitterType.NONE,
});

const retry = (maxAttempts: number, awaited: readonly ErrorCode[]): RetryProps => ({
  errors: [...RETRYABLE_CODES.filter((code) => !awaited.includes(code)), ...PASSING],
  interval: Duration.seconds(1),
  backoffRate: 2,
  maxDelay: Duration.seconds(60),
  maxAttempts,
  jitterStrategy: JitterType.FULL,
});

/** The fields of the state under their own names, for a task that takes some of them. */
export const fields = (...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`${name}.$`, `$.${name}`]));
