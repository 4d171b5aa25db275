import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import type { LambdaFunction } from "./lambda-function.ts";

/** Runs the function every minute. A run that failed is not repeated: the next one is at most a minute away. */
export function everyMinute(fn: LambdaFunction): void {
  fn.lambda.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
  new Rule(fn, "EveryMinute", {
    description: `Runs ${fn.functionName}`,
    schedule: Schedule.rate(Duration.minutes(1)),
    targets: [new LambdaTarget(fn.lambda, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
  });
}
