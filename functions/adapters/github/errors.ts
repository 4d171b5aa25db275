import { CodedError } from "../../contracts/errors.ts";
import { type EpochMs, epochMs } from "../../contracts/time.ts";

interface Answered {
  readonly status: number;
  readonly message: string;
  readonly response?: { readonly headers?: Readonly<Record<string, string | number | undefined>> };
}

const MINUTE_MS = 60_000;

/** GitHub's limits count by the hour. A later time is a clock that is wrong, and is asked again after a day. */
const LONGEST_MS = 24 * 60 * MINUTE_MS;

/** GitHub's answer to a call that failed: its HTTP status. Undefined when there was no answer. */
export const statusOf = (error: unknown): number | undefined => answerOf(error)?.status;

/** When to call again, of an error that a rate limit has caused. Undefined for any other. */
export function retryAtOf(error: unknown): EpochMs | undefined {
  const retryAt = error instanceof CodedError ? error.detail["retryAt"] : undefined;
  return typeof retryAt === "number" ? epochMs(retryAt) : undefined;
}

/** A failed call as a coded error; what a caller may expect (404, 409, 410, 422) as it is. */
export function translatedError(error: unknown, now: EpochMs): unknown {
  if (error instanceof CodedError) return error;
  const answer = answerOf(error);
  if (answer === undefined || answer.status >= 500) {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return new CodedError("github.unavailable", `GitHub did not answer (${said})`, { cause: error });
  }
  const retryAt = limitOf(answer, now);
  if (retryAt !== undefined)
    return new CodedError(
      "github.limited",
      `GitHub takes no more calls until ${new Date(retryAt).toISOString()} (${answer.message})`,
      {
        cause: error,
        detail: { retryAt },
      },
    );
  if (answer.status === 401)
    return new CodedError(
      "config.invalid",
      `GitHub refuses the credentials (${answer.message}): check the secret that the queue names`,
      { cause: error },
    );
  if (answer.status === 403) {
    const needed = answer.response?.headers?.["x-accepted-github-permissions"];
    const advice = needed === undefined ? "grant them what doc/howto/ci.md lists" : `grant them ${needed}`;
    return new CodedError("config.invalid", `The credentials may not do this (${answer.message}): ${advice}`, {
      cause: error,
    });
  }
  return error;
}

/** GitHub does not tell a repository that is not there from one that the credentials may not see: no pull request is at fault. */
export const unseen = (
  { owner, repo }: { readonly owner: string; readonly repo: string },
  cause?: unknown,
): CodedError =>
  new CodedError(
    "config.invalid",
    `GitHub has no repository ${owner}/${repo}, or the credentials may not see it: check the repository and credentialsSecret of the queue's changeProvider`,
    { cause },
  );

/** When a call that met a limit may be repeated. Undefined for an answer that is no limit. */
function limitOf({ status, message, response }: Answered, now: EpochMs): EpochMs | undefined {
  if (status !== 403 && status !== 429) return undefined;
  const header = (name: string): number | undefined => {
    const value = response?.headers?.[name];
    return value === undefined || !/^\d+$/.test(String(value)) ? undefined : Number(value);
  };
  const within = (at: number): EpochMs => epochMs(Math.min(Math.max(at, now), now + LONGEST_MS));
  const retryAfter = header("retry-after");
  if (retryAfter !== undefined) return within(now + retryAfter * 1_000);
  const reset = header("x-ratelimit-reset");
  if (header("x-ratelimit-remaining") === 0 && reset !== undefined) return within(reset * 1_000);
  return status === 429 || /rate limit/i.test(message) ? epochMs(now + MINUTE_MS) : undefined;
}

function answerOf(error: unknown): Answered | undefined {
  if (!(error instanceof Error) || !("response" in error) || !("status" in error)) return undefined;
  return error.response === undefined ? undefined : (error as unknown as Answered);
}
