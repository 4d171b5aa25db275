import { type Reason, ReasonCode, reasonOf } from "../../contracts/reasons.ts";
import { cut } from "../../contracts/text.ts";
import type { TaskFailure } from "../../contracts/workflows.ts";

export { reasonOf };

export const cancelledByCaller = (note: string | undefined): Reason =>
  reasonOf("cancelled.by_caller", note ? `Cancelled: ${note}` : "Cancelled by its caller.");

/** `obstacles`: sentences that say what to do. */
export const cannotBuild = (queue: string, obstacles: readonly string[]): Reason =>
  reasonOf(
    "queue.cannot_build",
    `The queue ${queue} can't build anything now, and no change is at fault. ${obstacles.join(" ")}`,
  );

/** The code and the message of the error that a failed task threw. */
export function saidBy(failure: TaskFailure): string {
  const said = messageOf(failure);
  return cut(said === "" ? failure.Error : `${failure.Error}: ${said}`, 1_500);
}

/** The message of the error that a failed task threw. Lambda wraps that message into JSON. Empty when the error had none. */
function messageOf({ Cause: cause }: TaskFailure): string {
  const { errorMessage } = parsed(cause);
  return typeof errorMessage === "string" ? errorMessage : cause;
}

const period = (seconds: number): string =>
  seconds >= 120 ? `${Math.round(seconds / 60)} minutes` : `${seconds} ${seconds === 1 ? "second" : "seconds"}`;

/** The sentence for a request that waits because the repository does not answer. */
export const remoteIsAway = (failure: TaskFailure, maxWaitSeconds: number): string =>
  `The queue's repository does not answer (${saidBy(failure)}). The request goes on by itself once the repository answers, and ends if it has not within ${period(maxWaitSeconds)}.`;

export const remoteStayedAway = (failure: TaskFailure, maxWaitSeconds: number): string =>
  `The queue's repository did not answer for ${period(maxWaitSeconds)} (${saidBy(failure)}). Nothing was landed: land the request again once the repository answers.`;

/** The reason of a request whose admission failed. Its code blames the caller only when the code of the error does. */
export function admissionFailed(failure: TaskFailure): Reason {
  const code = ReasonCode.safeParse(failure.Error);
  if (code.success)
    return reasonOf(code.data, `${cut(messageOf(failure) || failure.Error, 1_500).replace(/\.$/, "")}.`);
  return reasonOf(
    "internal",
    `The request could not be admitted (${saidBy(failure)}). Nothing was landed: it is safe to land it again.`,
  );
}

function parsed(json: string): { readonly errorMessage?: unknown } {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
