import { Choice, Condition, type IChainable, Succeed } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import type { LambdaFunction } from "../constructs/lambda-function.ts";
import { fields, task } from "./task.ts";

export type AdmitFunctions = Record<"start" | "validate" | "check" | "ready" | "reject", LambdaFunction>;

/**
 * From an accepted request to one that is ready for its batch. Its input is the Land message, and stays at the root of its state; what the
 * last step answered is at `$.step`, what it failed with at `$.error`. Whatever happens, the request is ready, or rejected, or had ended.
 */
export function admitDefinition(scope: Construct, functions: AdmitFunctions): IChainable {
  const step = "$.step";
  const answered = (kind: string) => Condition.stringEquals(`${step}.kind`, kind);

  // Two states, since JSONPath can't leave out a field that is not there.
  const refused = task(scope, "Refused", functions.reject, {
    input: { "land.$": "$", "reason.$": `${step}.reason` },
    retries: 8,
  });
  const failed = task(scope, "Failed", functions.reject, {
    input: { "land.$": "$", "error.$": "$.error" },
    retries: 8,
  });
  const ended = new Succeed(scope, "Ended", { comment: "Cancelled meanwhile, or a repeat of what had ended." });
  const ready = task(scope, "Ready", functions.ready, { resultPath: step });
  const check = task(scope, "Check", functions.check, {
    input: { ...fields("queue"), step: fields("sqid", "changes", "strategy") },
    resultPath: step,
    retries: 3,
  });
  const validate = task(scope, "Validate", functions.validate, { resultPath: step, retries: 3 });
  const start = task(scope, "Start", functions.start, { resultPath: step });
  for (const state of [start, validate, check, ready]) state.addCatch(failed, { resultPath: "$.error" });

  const checked = new Choice(scope, "Merges?").when(answered("refused"), refused).otherwise(ready);
  const validated = new Choice(scope, "Valid?")
    .when(answered("ended"), ended)
    .when(answered("refused"), refused)
    .otherwise(check.next(checked));
  return start.next(new Choice(scope, "Live?").when(answered("ended"), ended).otherwise(validate.next(validated)));
}
