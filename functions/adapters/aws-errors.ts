import { CodedError, type ErrorCode } from "../contracts/errors.ts";

/** What the AWS SDK attaches to what it throws; every part may be missing. */
interface SdkError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly $fault?: unknown;
  readonly $retryable?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown };
}

/** Errors that end with the load that causes them, the last ones: too many open executions, too many messages in flight, calls of KMS. */
const THROTTLED = new Set([
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "Throttling",
  "ThrottledException",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "LimitExceededException",
  "ReplicatedWriteConflictException",
  "ExecutionLimitExceeded",
  "OverLimit",
  "KmsThrottled",
  "KmsThrottlingException",
]);

const TOO_MANY_REQUESTS = 429;

const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "TimeoutError",
  "RequestTimeout",
  "RequestTimeoutException",
  "NetworkingError",
  "AbortError",
]);

/** True when an error of any AWS SDK client says that the same call may succeed later. */
export function isTransient(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { name, code, $fault, $retryable, $metadata }: SdkError = error;
  const named = [name, code].filter((label) => typeof label === "string");
  if (named.some((label) => THROTTLED.has(label) || UNREACHABLE.has(label))) return true;
  const status = Number($metadata?.httpStatusCode ?? 0);
  return $retryable !== undefined || $fault === "server" || status === TOO_MANY_REQUESTS || status >= 500;
}

/** What an AWS SDK client threw, as a CodedError: `unavailable` when it may pass, `internal` (final) otherwise. A CodedError is left as it is. */
export function translated(error: unknown, unavailable: ErrorCode, doing: string): CodedError {
  if (error instanceof CodedError) return error;
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new CodedError(isTransient(error) ? unavailable : "internal", `${doing}: ${said}`, { cause: error });
}

const lostCondition = (error: unknown): boolean =>
  error instanceof Error && error.name === "ConditionalCheckFailedException";

/** Awaits a call to DynamoDB. Throws store.version_conflict, store.unavailable or internal. */
export async function stored<T>(doing: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (lostCondition(error))
      throw new CodedError("store.version_conflict", `${doing}: the condition does not hold`, { cause: error });
    throw translated(error, "store.unavailable", doing);
  }
}

/** Awaits a conditional write: false when its condition did not hold. Throws store.unavailable or internal. */
export async function won(doing: string, write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (lostCondition(error)) return false;
    throw translated(error, "store.unavailable", doing);
  }
}
