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

/** A CI system that is full, or does not answer, is no verdict: some half an hour. */
const CI_RETRIES = 60;

/**
 * One attempt at one path. Its input is a BuildInput, and stays at the root of its state; what was composed is at `$.compose`, what was
 * last seen of the build at `$.outcome`, what a step failed with at `$.error`. Every execution ends in a report, which is its output.
 * A poll is three states; how long to wait for the next is said by what was seen. A CI system that says when it takes calls again is asked for
 * the build then: a wait, and no retry.
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
    retries: CI_RETRIES,
  });
  const poll = task(scope, "Poll", functions.poll, {
    input: fields("queue", "batchId", "buildKey"),
    resultPath: "$.outcome",
    retries: CI_RETRIES,
  });
  for (const state of [compose, trigger, poll]) state.addCatch(report, { resultPath: "$.error" });

  const wait = (id: string) => new Wait(scope, id, { time: WaitTime.secondsPath("$.outcome.seconds") });
  const outcomeIs = (kind: string) => Condition.stringEquals("$.outcome.kind", kind);
  const finished = new Choice(scope, "Finished?")
    .when(outcomeIs("finished"), report)
    .when(outcomeIs("deferred"), wait("Later").next(trigger))
    .otherwise(wait("Wait").next(poll));
  trigger.next(finished);
  poll.next(finished);
  return compose.next(
    new Choice(scope, "Composed?")
      .when(Condition.stringEquals("$.compose.kind", "composed"), trigger)
      .otherwise(report),
  );
}
