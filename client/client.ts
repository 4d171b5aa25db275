import ky, { type KyInstance, type Options } from "ky";
import type * as z from "zod";
import type { LandBody } from "../functions/contracts/api/land-call.ts";
import { Preflight, Trial } from "../functions/contracts/api/question-views.ts";
import { QueueList, QueueView } from "../functions/contracts/api/queue-views.ts";
import type { ListQuery } from "../functions/contracts/api/request-calls.ts";
import { HistoryPage, RequestPage, RequestSummary, Why } from "../functions/contracts/api/request-views.ts";
import { Me, Ping } from "../functions/contracts/api/service-views.ts";
import { Trends } from "../functions/contracts/api/trend-views.ts";
import { apiErrorOf } from "./api-error.ts";
import { lenient } from "./lenient.ts";
import { QueueNow } from "./queue-now.ts";

export interface ClientOptions {
  /** Of the API, with or without a stage: `https://….execute-api.….amazonaws.com/prod`. */
  readonly url: string;
  /** Sent with every call, as `{ authorization: "Bearer …" }`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How often a call is repeated that got no answer, or one that says to come back (429, 503). Default: 2. */
  readonly retries?: number | undefined;
  /** Makes the calls: `signedFetch` (sign.ts) for an API with IAM authorization. Default: the global fetch. */
  readonly fetch?: typeof fetch | undefined;
  /** Ends every call of the client when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** How long one try of a call may take, in milliseconds. Default: 35,000, a little more than API Gateway waits for a Lambda (30,000). */
  readonly timeoutMs?: number | undefined;
}

export interface LandOptions extends Omit<LandBody, "changes"> {
  /** Names this Land: a repeat of the call with the same key finds the first one's request. Default: a random key, for the client's own repeats. */
  readonly idempotencyKey?: string;
}

/** A request: its sqid, `<queue>/<n>`, or its number. */
export type RequestId = string | number;

export interface WaitOptions {
  /** In seconds. */
  readonly wait?: number;
  /** Ends this call when it aborts. */
  readonly signal?: AbortSignal;
}

/** The API waits no longer in one call. */
export const MOST_WAIT_SECONDS = 25;

const secondsOf = (seconds: number): number => Math.max(0, Math.min(MOST_WAIT_SECONDS, Math.ceil(seconds)));

/** Asks again until there is an answer, or `seconds` are over. */
async function answered<T extends { readonly state: string }>(
  first: T,
  seconds: number,
  again: (wait: number) => Promise<T>,
): Promise<T> {
  let found = first;
  for (let left = seconds; left > 0 && found.state === "waiting"; left -= MOST_WAIT_SECONDS) found = await again(left);
  return found;
}

type Query = Readonly<Partial<Record<keyof ListQuery, string | number | undefined>>>;

/**
 * A client of the HTTP API. Every call is safe to repeat, and is repeated with jitter when its answer is lost. Every call throws ApiError
 * when the API refuses it, can't be reached, or answers with something that lacks what the contract asks for. An API of a later release may
 * answer with names that the types do not list, such as a new status or reason code: they are handed on as they are (`lenient`).
 */
export class Client {
  readonly #http: KyInstance;

  constructor({ url, headers = {}, retries = 2, fetch, signal, timeoutMs = 35_000 }: ClientOptions) {
    this.#http = ky.create({
      prefix: url,
      headers,
      redirect: "error",
      timeout: timeoutMs,
      retry: { limit: retries, methods: ["get", "post"], statusCodes: [408, 429, 502, 503, 504], jitter: true },
      ...(fetch === undefined ? {} : { fetch }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  ping(): Promise<Ping> {
    return this.call(Ping, "v1/ping");
  }

  /** Who the API takes the caller for, and what the caller may do in each queue. */
  me(): Promise<Me> {
    return this.call(Me, "v1/me");
  }

  async queues(): Promise<readonly QueueView[]> {
    return (await this.call(QueueList, "v1/queues")).queues;
  }

  queue(name: string): QueueClient {
    return new QueueClient(this, name);
  }

  /**
   * One call: a GET, or with `json` a POST, unless `method` says otherwise. The answer is read by `lenient(schema)`. For calls that the client
   * has no name for yet.
   */
  async call<T>(schema: z.ZodType<T>, path: string, options: Options = {}): Promise<T> {
    const method = options.method ?? (options.json === undefined ? "GET" : "POST");
    try {
      return lenient(schema).parse(await this.#http(path, { ...options, method }).json());
    } catch (error) {
      throw apiErrorOf(`${method} /${path}`, error);
    }
  }
}

/** The calls that concern one queue. */
export class QueueClient {
  readonly name: string;
  readonly #client: Client;
  readonly #path: string;

  constructor(client: Client, name: string) {
    this.name = name;
    this.#client = client;
    this.#path = `v1/queues/${encodeURIComponent(name)}`;
  }

  /** Asks for a stack of changes, lowest first, to be landed. */
  land(
    changes: readonly string[],
    { idempotencyKey = crypto.randomUUID(), ...rest }: LandOptions = {},
  ): Promise<RequestSummary> {
    const headers = { "idempotency-key": idempotencyKey };
    return this.#client.call(RequestSummary, `${this.#path}/requests`, { json: { changes, ...rest }, headers });
  }

  /**
   * A Land that lands nothing: would these changes be admitted, and do they merge? Waits up to `seconds` for the answer; a trial that is not
   * answered by then is `waiting`, and may be asked for again: `trial`.
   */
  async tryLand(
    changes: readonly string[],
    options: Omit<LandOptions, "idempotencyKey"> = {},
    seconds = 60,
  ): Promise<Trial> {
    const searchParams = { dryRun: "true", wait: secondsOf(seconds) };
    const json = { changes, ...options };
    const asked = await this.#client.call(Trial, `${this.#path}/requests`, { json, searchParams });
    return answered(asked, seconds - MOST_WAIT_SECONDS, (wait) => this.trial(asked.id, wait));
  }

  /** A trial of the last hour. Waits up to 25 seconds for what comes of it. */
  trial(id: string, seconds = 0): Promise<Trial> {
    const searchParams = { wait: secondsOf(seconds) };
    return this.#client.call(Trial, `${this.#path}/trials/${encodeURIComponent(id)}`, { searchParams });
  }

  /** Can the queue build, and which checks do its builds wait for? Waits up to `seconds` for the answer. */
  async preflight(seconds = 60): Promise<Preflight> {
    const path = `${this.#path}/preflights`;
    const asked = await this.#client.call(Preflight, path, { json: {}, searchParams: { wait: secondsOf(seconds) } });
    return answered(asked, seconds - MOST_WAIT_SECONDS, (wait) =>
      this.#client.call(Preflight, `${path}/${asked.id}`, { searchParams: { wait: secondsOf(wait) } }),
    );
  }

  /** Where a request stands. With `wait`: once its status has changed, once it has ended, or after so many seconds, 25 at most. */
  request(id: RequestId, { wait = 0, signal }: WaitOptions = {}): Promise<RequestSummary> {
    const searchParams = wait > 0 ? { searchParams: { wait: secondsOf(wait) } } : {};
    return this.#client.call(RequestSummary, this.#at(id), { ...searchParams, ...(signal ? { signal } : {}) });
  }

  /** With `wait`: once there are more than `known` entries, once the request has ended, or after so many seconds, 25 at most. */
  history(
    id: RequestId,
    { wait = 0, known = 0, signal }: WaitOptions & { readonly known?: number } = {},
  ): Promise<HistoryPage> {
    const searchParams = wait > 0 ? { searchParams: { wait: secondsOf(wait), known } } : {};
    return this.#client.call(HistoryPage, `${this.#at(id)}/history`, {
      ...searchParams,
      ...(signal ? { signal } : {}),
    });
  }

  why(id: RequestId): Promise<Why> {
    return this.#client.call(Why, `${this.#at(id)}/why`);
  }

  cancel(id: RequestId, reason?: string): Promise<RequestSummary> {
    const json = reason === undefined ? {} : { reason };
    return this.#client.call(RequestSummary, `${this.#at(id)}/cancel`, { json });
  }

  /** Moves a request ahead of those of lower priority that have not started to land. */
  prioritize(id: RequestId, priority: number, reason?: string): Promise<RequestSummary> {
    const json = { priority, ...(reason === undefined ? {} : { reason }) };
    return this.#client.call(RequestSummary, this.#at(id), { method: "PATCH", json });
  }

  /** Has a request look at once at what it waits for before it enters the queue: a review, or checks. */
  recheck(id: RequestId): Promise<RequestSummary> {
    return this.#client.call(RequestSummary, `${this.#at(id)}/recheck`, { json: {} });
  }

  /** One page of the queue's requests, newest first. */
  page(query: Query = {}): Promise<RequestPage> {
    return this.#client.call(RequestPage, `${this.#path}/requests`, { searchParams: { ...query } });
  }

  /** All requests that the query names, newest first: one call per page, made when the page is needed. */
  async *requests(query: Query = {}): AsyncGenerator<RequestSummary, void, void> {
    let page: string | undefined;
    do {
      const { requests, nextPage } = await this.page({ limit: 200, ...query, page });
      yield* requests;
      page = nextPage;
    } while (page !== undefined);
  }

  /** How the queue runs, and what it holds now. */
  show(): Promise<QueueNow> {
    return this.#client.call(QueueNow, this.#path);
  }

  /** What became of the queue's requests by the last 48 hours, 30 days or 4 weeks, and its flaky tests. */
  trends(by: Trends["by"] = "hour"): Promise<Trends> {
    return this.#client.call(Trends, `${this.#path}/trends`, { searchParams: { by } });
  }

  pause(note?: string): Promise<QueueView> {
    return this.#mode("pause", note === undefined ? {} : { note });
  }

  drain(note?: string): Promise<QueueView> {
    return this.#mode("drain", note === undefined ? {} : { note });
  }

  resume(): Promise<QueueView> {
    return this.#mode("resume", {});
  }

  #mode(verb: string, json: object): Promise<QueueView> {
    return this.#client.call(QueueView, `${this.#path}/${verb}`, { json });
  }

  #at(id: RequestId): string {
    const text = String(id);
    return `${this.#path}/requests/${encodeURIComponent(text.slice(text.lastIndexOf("/") + 1))}`;
  }
}
