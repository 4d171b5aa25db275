import { isHTTPError, isNetworkError, isTimeoutError } from "ky";
import * as z from "zod";
import { Problem } from "../functions/contracts/api/problem.ts";

/**
 * Why a call has no result. refused: the API answered with a problem. unreachable: no answer came. misunderstood: the answer is not one of
 * this API.
 */
export type Failure =
  | { readonly kind: "refused"; readonly status: number; readonly problem?: Problem }
  | { readonly kind: "unreachable" }
  | { readonly kind: "misunderstood" };

/** The one error that a client throws, apart from the reason of an aborted signal. `message` is a sentence for people. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly failure: Failure;

  constructor(failure: Failure, message: string, cause: unknown) {
    super(message, { cause });
    this.failure = failure;
  }

  /** The stable code of the problem document, as `queue.unknown`. Undefined unless the API refused the call with one. */
  get code(): string | undefined {
    return this.failure.kind === "refused" ? this.failure.problem?.code : undefined;
  }
}

/** API Gateway answers so by itself beyond the rate of its stage, without a problem document and without Retry-After. */
const TOO_MANY = 429;

/** What a call of the API threw, as an ApiError; anything else (an abort, a programming error) is returned as it is. */
export function apiErrorOf(call: string, error: unknown): unknown {
  if (isHTTPError(error)) {
    const { status } = error.response;
    const { data: problem } = Problem.safeParse(error.data);
    const said = typeof error.data === "string" ? error.data : (JSON.stringify(error.data) ?? "no text");
    const message = problem
      ? `${problem.code}: ${problem.detail}`
      : status === TOO_MANY
        ? `${call} was refused, because the API gets too many calls: try again in a few seconds.`
        : `${call} was answered ${status}: ${said.slice(0, 500)}`;
    return new ApiError({ kind: "refused", status, ...(problem ? { problem } : {}) }, message, error);
  }
  if (error instanceof z.ZodError || error instanceof SyntaxError) {
    const details = error instanceof z.ZodError ? z.prettifyError(error) : error.message;
    return new ApiError({ kind: "misunderstood" }, `The answer to ${call} is not one of this API: ${details}`, error);
  }
  if (isNetworkError(error) || isTimeoutError(error))
    return new ApiError({ kind: "unreachable" }, `${call} got no answer: ${innermost(error)}.`, error);
  return error;
}

/** The reason that fetch gives stands in the cause of its error. */
function innermost(error: Error): string {
  return error.cause instanceof Error ? innermost(error.cause) : error.message;
}
