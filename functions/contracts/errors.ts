/** Who is at fault, whether a repeat can help, and the HTTP status where a caller sees it. A code is part of the API: never renamed. */
export interface ErrorKind {
  readonly fault: "caller" | "infra";
  readonly retry: boolean;
  readonly status: number;
  readonly title: string;
}

export const ERROR_CODES = {
  "request.invalid": { fault: "caller", retry: false, status: 400, title: "The request is not valid" },
  "request.malformed_json": { fault: "caller", retry: false, status: 400, title: "The body is not JSON" },
  "request.unsupported_media_type": {
    fault: "caller",
    retry: false,
    status: 415,
    title: "The content type must be application/json",
  },
  "request.too_large": { fault: "caller", retry: false, status: 413, title: "The body is too large" },
  "request.headers_too_large": { fault: "caller", retry: false, status: 431, title: "The headers are too large" },
  "request.foreign_host": { fault: "caller", retry: false, status: 403, title: "The server goes by another name" },
  "request.foreign_origin": {
    fault: "caller",
    retry: false,
    status: 403,
    title: "Pages of another origin may not call this server",
  },
  "request.idempotency_conflict": {
    fault: "caller",
    retry: false,
    status: 409,
    title: "The idempotency key was used for another request",
  },
  "caller.unauthenticated": { fault: "caller", retry: false, status: 401, title: "The call does not say who makes it" },
  "caller.not_allowed": { fault: "caller", retry: false, status: 403, title: "The caller may not do this" },
  "route.unknown": { fault: "caller", retry: false, status: 404, title: "There is nothing at this path" },
  "route.method_not_allowed": { fault: "caller", retry: false, status: 405, title: "The method is not allowed here" },
  "queue.unknown": { fault: "caller", retry: false, status: 404, title: "The queue is not configured" },
  "queue.draining": { fault: "caller", retry: false, status: 409, title: "The queue takes no new requests" },
  "land.unknown": { fault: "caller", retry: false, status: 404, title: "No such land request" },
  "land.ended": { fault: "caller", retry: false, status: 409, title: "The request has ended" },
  "land.refused_too_often": {
    fault: "caller",
    retry: false,
    status: 409,
    title: "The change was refused too often today",
  },
  "question.unknown": {
    fault: "caller",
    retry: false,
    status: 404,
    title: "No such trial or preflight, or it is forgotten",
  },
  "page.invalid_token": {
    fault: "caller",
    retry: false,
    status: 400,
    title: "The page token does not belong to this listing",
  },
  "change.not_found": { fault: "caller", retry: false, status: 422, title: "The change does not exist" },
  "change.stale": { fault: "caller", retry: false, status: 422, title: "The change has moved on" },
  "change.unsupported": {
    fault: "caller",
    retry: false,
    status: 422,
    title: "The change is of a kind this queue does not take",
  },
  "service.overloaded": { fault: "infra", retry: true, status: 503, title: "The call was not answered in time" },
  "message.undecodable": { fault: "infra", retry: false, status: 500, title: "A message could not be read" },
  "store.version_conflict": { fault: "infra", retry: true, status: 503, title: "Another writer was faster" },
  "store.unavailable": { fault: "infra", retry: true, status: 503, title: "A table did not answer" },
  "store.unreadable": { fault: "infra", retry: false, status: 500, title: "A stored item could not be read" },
  "queue.unavailable": { fault: "infra", retry: true, status: 503, title: "A message queue did not answer" },
  "events.unavailable": { fault: "infra", retry: true, status: 503, title: "The event bus did not answer" },
  "workflow.unavailable": { fault: "infra", retry: true, status: 503, title: "Step Functions did not answer" },
  "repository.unavailable": { fault: "infra", retry: true, status: 503, title: "The repository did not answer" },
  "repository.refused": {
    fault: "infra",
    retry: false,
    status: 500,
    title: "The repository's host refuses the queue",
  },
  "repository.failed": { fault: "infra", retry: false, status: 500, title: "git failed in an unexpected way" },
  "runner.unavailable": { fault: "infra", retry: true, status: 503, title: "The build runner did not answer" },
  "github.limited": { fault: "infra", retry: true, status: 503, title: "GitHub takes no more calls for now" },
  "github.unavailable": { fault: "infra", retry: true, status: 503, title: "GitHub did not answer" },
  "config.invalid": { fault: "infra", retry: false, status: 500, title: "The configuration is not valid" },
  internal: { fault: "infra", retry: false, status: 500, title: "Something went wrong on our side" },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The one error class. `message` says what happened and what to do; `detail` goes into the problem document of a 4xx. */
export class CodedError extends Error {
  readonly code: ErrorCode;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; detail?: Record<string, unknown> } = {}) {
    // Step Functions takes text in UTF-8 only, and a lone surrogate has no bytes there.
    super(message.toWellFormed(), "cause" in options ? { cause: options.cause } : undefined);
    // Step Functions matches on the name of an error: Retry and Catch clauses name codes.
    this.name = code;
    this.code = code;
    this.detail = options.detail ?? {};
  }
}

export const kindOf = (code: ErrorCode): ErrorKind => ERROR_CODES[code];

/** An unclassified error is final. */
export const isRetryable = (error: unknown): boolean => error instanceof CodedError && kindOf(error.code).retry;

/** The codes that a workflow step should be retried for. */
export const RETRYABLE_CODES: readonly ErrorCode[] = (Object.keys(ERROR_CODES) as ErrorCode[]).filter(
  (code) => ERROR_CODES[code].retry,
);
