import {
  Choice,
  Condition,
  type IChainable,
  type INextable,
  Pass,
  Result,
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
 * From an accepted request to one that is ready for its batch. Its input is the Land message, and stays at the root of its state:
 *
 * - `$.started`: what the first step answered
 * - `$.step`: what `inspect` answered, and after it `validate`
 * - `$.checked`: what `check` answered
 * - `$.wait`: how it waits for the repository
 * - `$.review`: how it waits for a review
 * - `$.error`: what a step failed with
 *
 * An execution with `$.woken` begins at the review: it runs beside the one that waits, and asks once. In the end the request is ready, or
 * rejected, or had ended.
 */
export function admitDefinition(scope: Construct, functions: AdmitFunctions): IChainable {
  const steps = new AdmitSteps(scope, functions);
  const check = steps.check(steps.ready());
  const review = functions.review && steps.review(functions.review, check);
  const start = steps.start(steps.inspect(steps.validate(review ?? check)));
  if (review === undefined) return start;
  return new Choice(scope, "Woken?").when(Condition.isPresent("$.woken"), review).otherwise(start);
}

/** The states of the workflow. Each step is given what follows it, and answers the state that it begins with. */
class AdmitSteps {
  readonly #scope: Construct;
  readonly #functions: AdmitFunctions;
  readonly #refused: LambdaInvoke;
  readonly #gaveUp: LambdaInvoke;
  readonly #failed: LambdaInvoke;
  readonly #repeated: LambdaInvoke;
  readonly #ended: Succeed;

  constructor(scope: Construct, functions: AdmitFunctions) {
    this.#scope = scope;
    this.#functions = functions;
    // One state per place that the reason is in, since JSONPath can't leave out a field that is not there.
    this.#refused = this.#reject("Refused", { "reason.$": "$.step.reason" });
    this.#gaveUp = this.#reject("GaveUp", { "reason.$": "$.wait.reason" });
    this.#failed = this.#reject("Failed", { "error.$": "$.error" });
    this.#repeated = this.#reject("Repeated", {});
    this.#ended = new Succeed(scope, "Ended", { comment: "Cancelled meanwhile, or admitted by another execution." });
  }

  /** An execution that runs a second time may find that the first run ended the request, and died before it told the log. */
  start(then: IChainable): INextable & IChainable {
    const start = this.#step("Start", this.#functions.start, "$.started");
    start.next(this.#choice("Live?").when(answered("ended", "$.started"), this.#repeated).otherwise(then));
    return start;
  }

  inspect(then: IChainable): IChainable {
    const readable = this.#choice("Readable?").when(answered("refused", "$.step"), this.#refused).otherwise(then);
    return this.#patient("Inspect", "$.step", fields("queue", "changes"), readable);
  }

  validate(then: IChainable): IChainable {
    const validate = this.#step("Validate", this.#functions.validate, "$.step");
    validate.next(
      this.#choice("Valid?")
        .when(answered("ended", "$.step"), this.#ended)
        .when(answered("refused", "$.step"), this.#refused)
        .otherwise(then),
    );
    return validate;
  }

  /** Asks GitHub again as long as `review` says so. */
  review(fn: LambdaFunction, then: IChainable): IChainable {
    const at = "$.review";
    const ask = this.#step("Review", fn, at);
    const pause = new Wait(this.#scope, "ReviewPause", { time: WaitTime.secondsPath(`${at}.seconds`) });
    ask.next(
      this.#choice("Reviewed?")
        .when(answered("waiting", at), pause.next(ask))
        .when(answered("refused", at), this.#reject("NotReviewed", { "reason.$": `${at}.reason` }))
        .when(answered("ended", at), this.#ended)
        .otherwise(then),
    );
    const begin = new Pass(this.#scope, "ReviewBegin", {
      result: Result.fromObject({ kind: "begun" }),
      resultPath: at,
    });
    return begin.next(ask);
  }

  check(then: IChainable): IChainable {
    const at = "$.checked";
    const input = { ...fields("queue"), step: fields("sqid", "changes", "strategy") };
    const merges = this.#choice("Merges?")
      .when(answered("refused", at), this.#reject("NotMerging", { "reason.$": `${at}.reason` }))
      .otherwise(then);
    return this.#patient("Check", at, input, merges);
  }

  ready(): IChainable {
    return this.#step("Ready", this.#functions.ready, "$.step");
  }

  /** A step that reads the repository: tried again as long as `wait` says so. */
  #patient(
    name: "Inspect" | "Check",
    resultPath: string,
    input: Record<string, unknown>,
    then: IChainable,
  ): IChainable {
    const { inspect, check, wait } = this.#functions;
    const options = { input, resultPath, retries: 3, awaited: AWAITED };
    const work = task(this.#scope, name, name === "Inspect" ? inspect : check, options);
    const delay = this.#step(`${name}Delay`, wait, "$.wait", {
      "land.$": "$",
      step: name.toLowerCase(),
      "since.$": "$.wait.since",
      "error.$": "$.error",
    });
    const pause = new Wait(this.#scope, `${name}Pause`, { time: WaitTime.secondsPath("$.wait.seconds") });
    delay.next(
      this.#choice(`${name} again?`)
        .when(answered("waiting", "$.wait"), pause.next(work))
        .when(answered("refused", "$.wait"), this.#gaveUp)
        .otherwise(this.#ended),
    );
    work.addCatch(delay, { errors: [...AWAITED], resultPath: "$.error" });
    this.#orFail(work).next(then);
    const since = Result.fromObject({ since: 0 });
    return new Pass(this.#scope, `${name}Begin`, { result: since, resultPath: "$.wait" }).next(work);
  }

  /** A step that rejects the request when it fails in spite of its retries. */
  #step(id: string, fn: LambdaFunction, resultPath: string, input?: Record<string, unknown>): LambdaInvoke {
    const given = input === undefined ? {} : { input };
    return this.#orFail(task(this.#scope, id, fn, { ...given, resultPath, retries: RETRIES }));
  }

  #orFail(state: LambdaInvoke): LambdaInvoke {
    state.addCatch(this.#failed, { resultPath: "$.error" });
    return state;
  }

  #reject(id: string, why: Record<string, string>): LambdaInvoke {
    return task(this.#scope, id, this.#functions.reject, { input: { "land.$": "$", ...why }, retries: RETRIES });
  }

  #choice(id: string): Choice {
    return new Choice(this.#scope, id);
  }
}

const answered = (kind: string, at: string) => Condition.stringEquals(`${at}.kind`, kind);
