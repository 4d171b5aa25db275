import { Choice, Condition, type IChainable } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import type { LambdaFunction } from "../constructs/lambda-function.ts";
import { fields, task } from "./task.ts";

export type AskFunctions = Record<"inspect" | "check" | "answer", LambdaFunction>;

/** A caller waits for the answer: what does not pass within seconds is told instead of awaited. */
const RETRIES = 2;

/**
 * From a question of the gateway's to its answer. Its input is the Question, and stays at the root of its state; what `inspect` and `check`
 * answered is at `$.inspected` and `$.checked`, what one of them failed with at `$.error`. Every execution ends with `answer`.
 */
export function askDefinition(scope: Construct, functions: AskFunctions): IChainable {
  const answer = task(scope, "Answer", functions.answer, { retries: 10 });
  const step = (name: "Inspect" | "Check", input: Record<string, string>, resultPath: string) => {
    const fn = name === "Inspect" ? functions.inspect : functions.check;
    const state = task(scope, name, fn, {
      input,
      resultPath,
      retries: RETRIES,
      awaited: ["repository.unavailable"],
    });
    return state.addCatch(answer, { resultPath: "$.error" });
  };
  const inspect = step("Inspect", { ...fields("queue"), "changes.$": "$.step.changes" }, "$.inspected");
  const check = step("Check", fields("queue", "step"), "$.checked").next(answer);
  inspect.next(
    new Choice(scope, "Readable?").when(Condition.stringEquals("$.inspected.kind", "refused"), answer).otherwise(check),
  );
  return new Choice(scope, "Trial?").when(Condition.stringEquals("$.kind", "trial"), inspect).otherwise(answer);
}
