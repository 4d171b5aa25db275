import { type Reason, ReasonCode } from "../../contracts/reasons.ts";
import { cut } from "../../contracts/text.ts";
import type { TaskFailure } from "../../contracts/workflows.ts";

/** Cut to what a reason holds. */
export const reasonOf = (code: ReasonCode, message: string): Reason => ({ code, message: cut(message, 2_000) });

export const cancelledByCaller = (note: string | undefined): Reason =>
  reasonOf("cancelled.by_caller", note ? `Cancelled: ${note}` : "Cancelled by its caller.");

/** What a failed task said: Lambda wraps the message of what was thrown into JSON. */
export function saidBy({ Error: error, Cause: cause }: TaskFailure): string {
  const { errorMessage } = parsed(cause);
  const said = typeof errorMessage === "string" ? errorMessage : cause;
  return cut(said === "" ? error : `${error}: ${said}`, 1_500);
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
