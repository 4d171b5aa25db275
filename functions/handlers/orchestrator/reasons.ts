import { type Reason, ReasonCode, reasonOf } from "../../contracts/reasons.ts";
import type { TaskFailure } from "../../contracts/workflows.ts";

export { reasonOf };

export const cancelledByCaller = (note: string | undefined): Reason =>
  reasonOf("cancelled.by_caller", note ? `Cancelled: ${note}` : "Cancelled by its caller.");

/** What a failed task said: Lambda wraps the message of what was thrown into JSON. */
export function saidBy({ Error: error, Cause: cause }: TaskFailure): string {
  const { errorMessage } = parsed(cause);
  const said = typeof errorMessage === "string" ? errorMessage : cause;
  return (said === "" ? error : `${error}: ${said}`).slice(0, 1_500);
}

/** Why admission failed: the caller's fault when the code of the error says so, ours otherwise. */
export function admissionFailed(failure: TaskFailure): Reason {
  const code = ReasonCode.safeParse(failure.Error);
  if (code.success) return reasonOf(code.data, saidBy(failure));
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
