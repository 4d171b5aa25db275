import { Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import type { LambdaFunction } from "./lambda-function.ts";

/** EventBridge takes patterns of 2,048 characters, and a project has a name of at most 150. */
const NAMES_PER_RULE = 10;

const ENDED = ["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"];

/** Calls the function whenever a build of one of the projects has ended. A call that fails is repeated for a day. */
export function onBuildsOf(projects: readonly string[], fn: LambdaFunction): void {
  for (let from = 0; from < projects.length; from += NAMES_PER_RULE)
    new Rule(fn, `Ended${from / NAMES_PER_RULE}`, {
      description: `Tells ${fn.functionName} that a CodeBuild build has ended`,
      eventPattern: {
        source: ["aws.codebuild"],
        detailType: ["CodeBuild Build State Change"],
        detail: { "build-status": ENDED, "project-name": projects.slice(from, from + NAMES_PER_RULE) },
      },
      targets: [new LambdaTarget(fn.lambda)],
    });
}
