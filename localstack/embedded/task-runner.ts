import type { Authorize } from "./iam.ts";
import type { Invoke } from "./local-functions.ts";
import type { RunTask } from "./workflows.ts";

/** A function that failed, as Step Functions sees it: the error's name, and its JSON as the cause. */
class TaskFailed extends Error {
  constructor(error: unknown) {
    const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    super(JSON.stringify({ errorType: name, errorMessage: message, trace: stack.split("\n") }));
    this.name = name;
  }
}

/** Runs the tasks of workflows: each is a function, which the role of the workflow has to be allowed to invoke. */
export const taskRunner =
  (authorize: Authorize, invoke: Invoke): RunTask =>
  async (roleArn, functionArn, input) => {
    const decision = await authorize(roleArn, { action: "lambda:InvokeFunction", resource: functionArn });
    if (!decision.allowed) {
      const refused = new Error(`${roleArn} may not invoke ${functionArn} ${decision.why}`);
      throw new TaskFailed(Object.assign(refused, { name: "Lambda.AccessDeniedException" }));
    }
    return invoke(functionArn, input).catch((error: unknown) => {
      throw new TaskFailed(error);
    });
  };
