import { setTimeout as pause } from "node:timers/promises";
import { Client, type QueueClient } from "../../client/client.ts";
import type { HistoryPage, RequestPage, RequestSummary } from "../../functions/contracts/api/request-views.ts";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { LIMIT_MS } from "../support/limit.ts";

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
  { withinMs = LIMIT_MS, everyMs = 200 }: EventuallyOptions = {},
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

interface LandOptions {
  readonly strategy?: MergeStrategy;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A queue as its callers see it: the calls of its HTTP API, none of which is repeated, and waiting for what a request comes to. */
export class Lane {
  readonly name: string;
  /** Of the queue's requests. */
  readonly url: string;
  readonly #queue: QueueClient;

  constructor(api: string, name: string) {
    this.name = name;
    this.url = `${api}/v1/queues/${name}/requests`;
    this.#queue = new Client({ url: api, retries: 0, timeoutMs: LIMIT_MS }).queue(name);
  }

  land(changes: ChangeUri | readonly ChangeUri[], options: LandOptions = {}): Promise<RequestSummary> {
    const { strategy, headers: { "idempotency-key": idempotencyKey } = {} } = options;
    return this.#queue.land([changes].flat(), {
      ...(strategy === undefined ? {} : { strategy }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
  }

  get(sqid: string): Promise<RequestSummary> {
    return this.#queue.request(sqid);
  }

  cancel(sqid: string, reason?: string): Promise<RequestSummary> {
    return this.#queue.cancel(sqid, reason);
  }

  async history(sqid: string): Promise<HistoryPage["events"]> {
    return (await this.#queue.history(sqid)).events;
  }

  list(query: Readonly<Record<string, string>> = {}): Promise<RequestPage> {
    return this.#queue.page(query);
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

  /** Statuses and events, oldest first. Entries may be missing, also once the request has ended: the log's topic keeps no order. */
  async trail(sqid: string): Promise<readonly string[]> {
    return (await this.history(sqid)).map(({ status, event }) => status ?? event ?? "");
  }
}
