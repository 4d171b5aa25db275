import { Choice, Condition, type IChainable, Wait, WaitTime } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import type { LambdaFunction } from "../constructs/lambda-function.ts";
import { fields, task } from "./task.ts";

export type BuildFunctions = Record<"compose" | "trigger" | "poll" | "report", LambdaFunction>;

/** What a build workflow is made for. */
export interface BuildTiming {
  /** For how long a repository that does not answer is waited for before the build counts as broken down. */
  readonly repositoryWaitSeconds: number;
}

/**
 * One attempt at one path. Its input is a BuildInput, and stays at the root of its state; what was composed is at `$.compose`, what was
 * last seen of the build at `$.outcome`, what a step failed with at `$.error`. Every execution ends in a report, which is its output.
 * A poll is three states; how long to wait for the next is said by what was seen.
 */
export function buildDefinition(
  scope: Construct,
  functions: BuildFunctions,
  { repositoryWaitSeconds }: BuildTiming,
): IChainable {
  const report = task(scope, "Report", functions.report, { retries: 8 });
  const compose = task(scope, "Compose", functions.compose, {
    input: fields("queue", "target", "installation", "buildKey", "base", "head", "sqids", "without", "payload"),
    resultPath: "$.compose",
    retries: 3,
    awaited: ["repository.unavailable"],
    repositoryWaitSeconds,
  });
  const trigger = task(scope, "Trigger", functions.trigger, {
    input: {
      ...fields(
        "queue",
        "batchId",
        "buildKey",
        "attempt",
        "base",
        "head",
        "sqids",
        "without",
        "payload",
        "expectedSeconds",
      ),
      "composed.$": "$.compose.composed",
      "under.$": "$.compose.under",
      "ref.$": "$.compose.ref",
    },
    resultPath: "$.outcome",
    // A CI system that is full, or slow to answer, is no verdict: some half an hour.
    retries: 60,
  });
  const poll = task(scope, "Poll", functions.poll, {
    input: fields("queue", "batchId", "buildKey"),
    resultPath: "$.outcome",
  });
  for (const state of [compose, trigger, poll]) state.addCatch(report, { resultPath: "$.error" });

  const wait = new Wait(scope, "Wait", { time: WaitTime.secondsPath("$.outcome.seconds") });
  const finished = new Choice(scope, "Finished?")
    .when(Condition.stringEquals("$.outcome.kind", "finished"), report)
    .otherwise(wait.next(poll));
  poll.next(finished);
  return compose.next(
    new Choice(scope, "Composed?")
      .when(Condition.stringEquals("$.compose.kind", "composed"), trigger.next(finished))
      .otherwise(report),
  );
}
