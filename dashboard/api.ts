import type { Problem } from "../functions/contracts/api/problem.ts";
import type { HistoryPage, RequestPage, RequestSummary, Why } from "../functions/contracts/api/request-views.ts";
import type { Me } from "../functions/contracts/api/service-views.ts";
import type { Trends } from "../functions/contracts/api/trend-views.ts";
import type { QueueList, QueueNow } from "./contract.ts";
import { apiPrefix, authorization, signInAgain } from "./session.ts";

/** Why a call has no result. `message` is a sentence for people. Without a status, no answer came. */
export class CallFailed extends Error {
  override readonly name = "CallFailed";
  readonly status: number | undefined;
  readonly code: string | undefined;

  constructor(message: string, status?: number, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** How far the server's clock is ahead of this one, in milliseconds, as its last answer had it. */
let aheadMs = 0;

/** The time on the server's clock, in epoch milliseconds. */
export const serverNow = (): number => Date.now() + aheadMs;

interface Call {
  readonly method?: "GET" | "POST" | "PATCH";
  readonly body?: object;
  readonly signal?: AbortSignal;
}

/**
 * One call of the API. The page comes from the server that answers it, so the answer is taken to be what the contract says. Throws CallFailed,
 * and the reason that the signal was aborted with.
 */
async function call<T>(path: string, { method = "GET", body, signal }: Call = {}): Promise<T> {
  const sentAt = Date.now();
  const response = await fetch(`${apiPrefix()}${path}`, {
    method,
    headers: { ...authorization(), ...(method === "GET" ? {} : { "content-type": "application/json" }) },
    ...(method === "GET" ? {} : { body: JSON.stringify(body ?? {}) }),
    ...(signal === undefined ? {} : { signal }),
    cache: "no-store",
    redirect: "error",
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new CallFailed("The server does not answer.");
  });
  learnTime(response, sentAt);
  if (response.status === 401) signInAgain();
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer as T;
  const { detail, code }: Partial<Problem> = (answer as Partial<Problem> | undefined) ?? {};
  throw new CallFailed(detail ?? `The server answered with status ${response.status}.`, response.status, code);
}

/** A Date header has whole seconds; half of the call's own time is taken for the way back. */
function learnTime(response: Response, sentAt: number): void {
  const at = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(at)) return;
  const ahead = at + 500 - (sentAt + Date.now()) / 2;
  if (Math.abs(ahead - aheadMs) > 1_000) aheadMs = Math.abs(ahead) < 1_500 ? 0 : ahead;
}

const queueAt = (queue: string): string => `/v1/queues/${encodeURIComponent(queue)}`;
const requestAt = (queue: string, number: number): string => `${queueAt(queue)}/requests/${number}`;

export const getQueues = (signal: AbortSignal): Promise<QueueList> => call("/v1/queues", { signal });
export const getQueue = (queue: string, signal: AbortSignal): Promise<QueueNow> => call(queueAt(queue), { signal });

/** Who looks at the page, and what they may do. */
export const getMe = (signal: AbortSignal): Promise<Me> => call("/v1/me", { signal });

export const getRequest = (queue: string, number: number, signal: AbortSignal): Promise<RequestSummary> =>
  call(requestAt(queue, number), { signal });
export const getHistory = (queue: string, number: number, signal: AbortSignal): Promise<HistoryPage> =>
  call(`${requestAt(queue, number)}/history`, { signal });

/** How long the API waits in one call, in seconds. */
const WAIT_SECONDS = 25;

/** Resolves once a request's history has more than `known` entries, or after 25 seconds. */
export async function historyBeyond(queue: string, number: number, known: number, signal: AbortSignal): Promise<void> {
  await call(`${requestAt(queue, number)}/history?wait=${WAIT_SECONDS}&known=${known}`, { signal });
}
export const getWhy = (queue: string, number: number, signal: AbortSignal): Promise<Why> =>
  call(`${requestAt(queue, number)}/why`, { signal });

/** A page of requests, newest first. */
export const listRequests = (
  queue: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<RequestPage> => call(`${queueAt(queue)}/requests?${new URLSearchParams(query).toString()}`, { signal });

export const getTrends = (queue: string, by: Trends["by"], signal: AbortSignal): Promise<Trends> =>
  call(`${queueAt(queue)}/trends?by=${by}`, { signal });

export const setMode = (queue: string, verb: "pause" | "drain" | "resume", note?: string): Promise<unknown> =>
  call(`${queueAt(queue)}/${verb}`, { method: "POST", body: note === undefined || note === "" ? {} : { note } });
export const cancelRequest = (queue: string, number: number, reason: string): Promise<unknown> =>
  call(`${requestAt(queue, number)}/cancel`, { method: "POST", body: reason === "" ? {} : { reason } });
export const setPriority = (queue: string, number: number, priority: number, reason: string): Promise<unknown> =>
  call(requestAt(queue, number), { method: "PATCH", body: { priority, ...(reason === "" ? {} : { reason }) } });
