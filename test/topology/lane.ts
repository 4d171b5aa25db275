import { setTimeout as pause } from "node:timers/promises";
import type { z } from "zod";
import { HistoryPage, Problem, RequestPage, RequestSummary } from "../../functions/contracts/api.ts";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";

export interface EventuallyOptions {
  readonly withinMs?: number;
  /** Looking costs the runtime what any call costs it: ten tests that look often starve it. */
  readonly everyMs?: number;
}

/** Looks again until what it sees holds, and returns that. Throws, with what it saw last, when it takes too long. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T>,
  holds: (seen: T) => boolean,
  { withinMs = 120_000, everyMs = 200 }: EventuallyOptions = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > deadline)
      throw new Error(`not within ${withinMs} ms: ${what}. Last seen: ${JSON.stringify(seen, undefined, 1)}`);
    await pause(everyMs);
  }
}

export interface LandOptions {
  readonly strategy?: MergeStrategy;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A queue as its callers see it: the calls of its HTTP API. Each throws what the API answers when it refuses. */
export class Lane {
  readonly name: string;
  /** Of the queue's requests. */
  readonly url: string;

  constructor(api: string, name: string) {
    this.name = name;
    this.url = `${api}/v1/queues/${name}/requests`;
  }

  land(changes: ChangeUri | readonly ChangeUri[], { strategy, headers }: LandOptions = {}): Promise<RequestSummary> {
    const body = { changes: [changes].flat(), ...(strategy ? { strategy } : {}) };
    return call(RequestSummary, this.url, { body, headers });
  }

  get(sqid: string): Promise<RequestSummary> {
    return call(RequestSummary, this.#at(sqid));
  }

  cancel(sqid: string, reason?: string): Promise<RequestSummary> {
    return call(RequestSummary, `${this.#at(sqid)}/cancel`, { body: reason === undefined ? {} : { reason } });
  }

  async history(sqid: string): Promise<HistoryPage["events"]> {
    return (await call(HistoryPage, `${this.#at(sqid)}/history`)).events;
  }

  list(query: Readonly<Record<string, string>> = {}): Promise<RequestPage> {
    return call(RequestPage, `${this.url}?${new URLSearchParams(query)}`);
  }

  /** The request once it has ended, however that is. */
  end(sqid: string, options?: EventuallyOptions): Promise<RequestSummary> {
    return eventually(
      `${sqid} ends`,
      () => this.get(sqid),
      ({ ended }) => ended,
      options,
    );
  }

  /** Lands changes and waits for the end of the request. */
  async landed(changes: ChangeUri | readonly ChangeUri[], options?: LandOptions): Promise<RequestSummary> {
    const { sqid } = await this.land(changes, options);
    return this.end(sqid);
  }

  /** The names of all that the request has been through once `name`, a status or an event, is among them. */
  async reaches(sqid: string, name: string, options?: EventuallyOptions): Promise<readonly string[]> {
    const look = () => this.trail(sqid);
    return eventually(`${sqid} gets to ${name}`, look, (trail) => trail.includes(name), options);
  }

  /** Statuses and events, oldest first. */
  async trail(sqid: string): Promise<readonly string[]> {
    return (await this.history(sqid)).map(({ status, event }) => status ?? event ?? "");
  }

  #at(sqid: string): string {
    return `${this.url}/${sqid.slice(sqid.lastIndexOf("/") + 1)}`;
  }
}

interface Call {
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

async function call<S extends z.ZodType>(schema: S, url: string, post?: Call): Promise<z.infer<S>> {
  const headers = { "content-type": "application/json", ...post?.headers };
  const response = await fetch(url, post && { method: "POST", headers, body: JSON.stringify(post.body) });
  const answer: unknown = await response.json();
  if (response.ok) return schema.parse(answer);
  throw new Error(`${url} answers ${response.status}: ${JSON.stringify(Problem.safeParse(answer).data ?? answer)}`);
}
