import {
  Choice,
  Condition,
  type IChainable,
  type INextable,
  Pass,
  Result,
  type State,
  Succeed,
  Wait,
  WaitTime,
} from "aws-cdk-lib/aws-stepfunctions";
import type { LambdaInvoke } from "aws-cdk-lib/aws-stepfunctions-tasks";
import type { Construct } from "constructs";
import type { ErrorCode } from "../../functions/contracts/errors.ts";
import type { LambdaFunction } from "../constructs/lambda-function.ts";
import { fields, task } from "./task.ts";

export type AdmitFunctions = Record<
  "start" | "inspect" | "validate" | "check" | "wait" | "ready" | "reject",
  LambdaFunction
> & {
  /** Undefined where no queue lands pull requests. */
  readonly review: LambdaFunction | undefined;
};

/** The repository does not answer, or the queue is not configured at the moment: `wait` says when the step is tried again. */
const AWAITED: readonly ErrorCode[] = ["repository.unavailable", "queue.unknown"];

/** Some five minutes: the tables and topics of the orchestrator are AWS's, and are away for seconds. */
const RETRIES = 10;

/**
 * From an accepted request to one that is ready for its batch. Its input is the Land message, and stays at the root of its state; what the
 * first step answered is at `$.started`, what `inspect` answered and after it `validate` at `$.step`, what `check` answered at `$.checked`, what
 * a step failed with at `$.error`, how it waits for the repository at `$.wait`, and for a review at `$.review`. An execution with `$.woken` begins at the review: it runs beside the one that waits, and asks once. In the end the
 * request is ready, or rejected, or had ended.
 */
export function admitDefinition(scope: Construct, functions: AdmitFunctions): IChainable {
  const step = "$.step";
  const answered = (kind: string, at = step) => Condition.stringEquals(`${at}.kind`, kind);
  const reject = (id: string, why: Record<string, string>) =>
    task(scope, id, functions.reject, { input: { "land.$": "$", ...why }, retries: RETRIES });

  // One state per place that the reason is in, since JSONPath can't leave out a field that is not there.
  const refused = reject("Refused", { "reason.$": `${step}.reason` });
  const gaveUp = reject("GaveUp", { "reason.$": "$.wait.reason" });
  const failed = reject("Failed", { "error.$": "$.error" });
  const ended = new Succeed(scope, "Ended", { comment: "Cancelled meanwhile, or a repeat of what had ended." });
  const orFail = (state: LambdaInvoke): LambdaInvoke => {
    state.addCatch(failed, { resultPath: "$.error" });
    return state;
  };

  /** A step that reads the repository: tried again as long as `wait` says so. Answers where the step begins. */
  function patient(
    name: "Inspect" | "Check",
    resultPath: string,
    input: Record<string, unknown>,
    then: IChainable,
  ): State & INextable {
    const fn = name === "Inspect" ? functions.inspect : functions.check;
    const work = task(scope, name, fn, { input, resultPath, retries: 3, awaited: AWAITED });
    const delay = orFail(
      task(scope, `${name}Delay`, functions.wait, {
        input: { "land.$": "$", step: name.toLowerCase(), "since.$": "$.wait.since", "error.$": "$.error" },
        resultPath: "$.wait",
        retries: RETRIES,
      }),
    );
    const pause = new Wait(scope, `${name}Pause`, { time: WaitTime.secondsPath("$.wait.seconds") });
    delay.next(
      new Choice(scope, `${name} again?`)
        .when(answered("waiting", "$.wait"), pause.next(work))
        .when(answered("refused", "$.wait"), gaveUp)
        .otherwise(ended),
    );
    work.addCatch(delay, { errors: [...AWAITED], resultPath: "$.error" });
    orFail(work).next(then);
    const begin = new Pass(scope, `${name}Begin`, { result: Result.fromObject({ since: 0 }), resultPath: "$.wait" });
    begin.next(work);
    return begin;
  }

  /** Asks GitHub again as long as `review` says so. Answers where the step begins. */
  function reviewed(fn: LambdaFunction, then: IChainable): State & INextable {
    const at = "$.review";
    const ask = orFail(task(scope, "Review", fn, { resultPath: at, retries: RETRIES }));
    const pause = new Wait(scope, "ReviewPause", { time: WaitTime.secondsPath(`${at}.seconds`) });
    ask.next(
      new Choice(scope, "Reviewed?")
        .when(answered("waiting", at), pause.next(ask))
        .when(answered("refused", at), reject("NotReviewed", { "reason.$": `${at}.reason` }))
        .when(answered("ended", at), ended)
        .otherwise(then),
    );
    const begin = new Pass(scope, "ReviewBegin", { result: Result.fromObject({ kind: "begun" }), resultPath: at });
    begin.next(ask);
    return begin;
  }

  const ready = orFail(task(scope, "Ready", functions.ready, { resultPath: step, retries: RETRIES }));
  const checked = "$.checked";
  const check = patient(
    "Check",
    checked,
    { ...fields("queue"), step: fields("sqid", "changes", "strategy") },
    new Choice(scope, "Merges?")
      .when(answered("refused", checked), reject("NotMerging", { "reason.$": `${checked}.reason` }))
      .otherwise(ready),
  );
  const review = functions.review && reviewed(functions.review, check);
  const validate = orFail(task(scope, "Validate", functions.validate, { resultPath: step, retries: RETRIES }));
  validate.next(
    new Choice(scope, "Valid?")
      .when(answered("ended"), ended)
      .when(answered("refused"), refused)
      .otherwise(review ?? check),
  );
  const inspect = patient(
    "Inspect",
    step,
    fields("queue", "changes"),
    new Choice(scope, "Readable?").when(answered("refused"), refused).otherwise(validate),
  );
  const started = "$.started";
  const start = orFail(task(scope, "Start", functions.start, { resultPath: started, retries: RETRIES }));
  start.next(new Choice(scope, "Live?").when(answered("ended", started), ended).otherwise(inspect));
  if (review === undefined) return start;
  return new Choice(scope, "Woken?").when(Condition.isPresent("$.woken"), review).otherwise(start);
}
