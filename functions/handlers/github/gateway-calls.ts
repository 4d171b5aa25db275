import { ApiError } from "../../../client/api-error.ts";
import { CodedError } from "../../contracts/errors.ts";

/** Why the gateway refused a call, in its own words. */
export interface Refused {
  readonly refused: string;
}

/**
 * Awaits a call of the gateway's API. An answer 4xx is a refusal; anything else that fails may pass. Throws store.unavailable, config.invalid.
 */
export async function asked<T>(call: Promise<T>): Promise<T | Refused> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { failure } = error;
    if (failure.kind === "misunderstood") throw new CodedError("internal", error.message, { cause: error });
    if (failure.kind === "refused" && (failure.status === 401 || failure.status === 403))
      throw new CodedError("config.invalid", `the gateway does not let the github service in: ${error.message}`, {
        cause: error,
      });
    if (failure.kind === "refused" && failure.status < 500 && failure.status !== 429 && failure.status !== 408)
      return { refused: failure.problem?.detail ?? error.message };
    throw new CodedError("store.unavailable", `the gateway did not answer: ${error.message}`, { cause: error });
  }
}

export const wasRefused = <T extends object>(answer: T | Refused): answer is Refused => "refused" in answer;
