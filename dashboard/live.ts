import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { CallFailed } from "./api.ts";
import { type Feed, POLL_MS, pauseMs } from "./pace.ts";
import { hasToken } from "./session.ts";

const isHidden = (): boolean => document.visibilityState === "hidden";

type Listener = (queue: string | undefined) => void;

/** The server's events, once for the whole page. */
const news = {
  feed: "polls" as Feed,
  listeners: new Set<Listener>(),
  source: undefined as EventSource | undefined,
  /** The server has no stream of events. */
  isRefused: false,
};

/**
 * Listens to the stream of events where there is one, as long as the page is looked at: a browser opens six connections to a server, for all
 * tabs together, and a stream keeps one. A server without a stream refuses the first attempt, which is the last: polls it is, then.
 */
export function listen(): void {
  // An EventSource sends no header, so no token either.
  if (hasToken()) return;
  const follow = () => (isHidden() ? leave() : join());
  document.addEventListener("visibilitychange", follow);
  follow();
}

function join(): void {
  if (news.isRefused || news.source !== undefined) return;
  const source = new EventSource("/v1/events");
  let wasOpen = false;
  news.source = source;
  source.onopen = () => {
    wasOpen = true;
    news.feed = "events";
    tell(undefined);
  };
  source.onerror = () => {
    news.feed = "polls";
    if (source.readyState !== EventSource.CLOSED) return;
    news.source = undefined;
    news.isRefused = !wasOpen;
  };
  source.onmessage = ({ data }) => tell(queueIn(data));
}

function leave(): void {
  news.source?.close();
  news.source = undefined;
  news.feed = "polls";
}

const tell = (queue: string | undefined): void => {
  for (const listener of news.listeners) listener(queue);
};

/** The queue that an event is about. Undefined when the event names none: it concerns every queue then. */
function queueIn(data: unknown): string | undefined {
  try {
    const event = JSON.parse(String(data)) as { readonly data?: { readonly queue?: unknown } };
    return typeof event.data?.queue === "string" ? event.data.queue : undefined;
  } catch {
    return undefined;
  }
}

export interface Live<T> {
  /** The last answer; undefined before the first. */
  readonly data: T | undefined;
  /** Why the last call failed; undefined once a call has succeeded again. */
  readonly error: CallFailed | undefined;
  /** Looks again now. */
  readonly refresh: () => void;
}

/** Several events within this time are one look. */
const GATHER_MS = 250;

export interface LiveOptions<T> {
  /** True when there is nothing more to wait for. */
  readonly isOver?: (data: T) => boolean;
  /** Resolves once there may be something new. Used where the server tells no events. Absent: it is loaded every few seconds there. */
  readonly awaitNews?: (data: T, signal: AbortSignal) => Promise<void>;
}

/** Loaded once. */
export const ONCE: LiveOptions<unknown> = { isOver: () => true };

/**
 * What `load` answers, kept up to date while the page is looked at: loaded again at an event of the queue, else when there is news or every
 * few seconds, and more rarely while calls fail. `key` names what is loaded: another key is another thing.
 */
export function useLive<T>(
  key: string,
  queue: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
  options: LiveOptions<T> = {},
): Live<T> {
  const [state, setState] = useState<Loaded<T>>({ key, data: undefined, error: undefined });
  const loop = useRef<Loop<T> | undefined>(undefined);
  useEffect(() => {
    const running = new Loop(load, queue, options, (outcome) =>
      setState((before) =>
        outcome.kind === "loaded"
          ? { key, data: outcome.data, error: undefined }
          : { key, data: before.key === key ? before.data : undefined, error: outcome.error },
      ),
    );
    loop.current = running;
    running.soon(0);
    return () => running.stop();
  }, [key]);
  const refresh = useCallback(() => loop.current?.soon(0), []);
  return state.key === key ? { ...state, refresh } : { data: undefined, error: undefined, refresh };
}

interface Loaded<T> {
  readonly key: string;
  readonly data: T | undefined;
  readonly error: CallFailed | undefined;
}

type Outcome<T> =
  | { readonly kind: "loaded"; readonly data: T }
  | { readonly kind: "failed"; readonly error: CallFailed };

/** Loads again and again until it is stopped, or over. */
class Loop<T> {
  readonly #load: (signal: AbortSignal) => Promise<T>;
  readonly #options: LiveOptions<T>;
  readonly #report: (outcome: Outcome<T>) => void;
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueAt = 0;
  #loading = false;
  #again = false;
  #waiting: AbortController | undefined;
  #over = false;
  #failures = 0;

  constructor(
    load: (signal: AbortSignal) => Promise<T>,
    queue: string | undefined,
    options: LiveOptions<T>,
    report: (outcome: Outcome<T>) => void,
  ) {
    this.#load = load;
    this.#options = options;
    this.#report = report;
    const listener: Listener = (about) => {
      if (about === undefined || queue === undefined || about === queue) this.soon(GATHER_MS);
    };
    news.listeners.add(listener);
    const seen = () => {
      if (!isHidden()) this.soon(0);
    };
    document.addEventListener("visibilitychange", seen);
    this.#abort.signal.addEventListener("abort", () => {
      news.listeners.delete(listener);
      document.removeEventListener("visibilitychange", seen);
      clearTimeout(this.#timer);
    });
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Loads after so long, or sooner when that is due already. What comes while it loads makes it load once more. */
  soon(delayMs: number): void {
    if (this.#over || this.#abort.signal.aborted) return;
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#schedule(delayMs);
  }

  /** Undefined: when the page is looked at again. A look that is due earlier stays: events that keep coming must not put it off. */
  #schedule(delayMs: number | undefined): void {
    if (delayMs === undefined) return;
    const dueAt = performance.now() + delayMs;
    if (this.#timer !== undefined && this.#dueAt <= dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => void this.#run(), delayMs);
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#loading = true;
    this.#again = false;
    this.#waiting?.abort();
    let next: T | undefined;
    try {
      const data = await this.#load(this.#abort.signal);
      if (this.#abort.signal.aborted) return;
      this.#failures = 0;
      this.#report({ kind: "loaded", data });
      this.#over = this.#options.isOver?.(data) ?? false;
      next = data;
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#failures += 1;
      this.#report({ kind: "failed", error: error instanceof CallFailed ? error : new CallFailed(String(error)) });
    } finally {
      this.#loading = false;
    }
    if (this.#over || this.#abort.signal.aborted) return;
    if (this.#again) this.#schedule(GATHER_MS);
    else if (next !== undefined && this.#options.awaitNews !== undefined && this.#mustAsk()) this.#await(next);
    else this.#schedule(pauseMs({ failures: this.#failures, feed: news.feed, isHidden: isHidden() }));
  }

  /** True when nothing but a call of this page's own brings news. */
  #mustAsk(): boolean {
    return news.feed === "polls" && !isHidden();
  }

  /** A load that comes before the news ends the waiting. A wait that fails is no news: the next load says what is wrong. */
  #await(data: T): void {
    const waiting = new AbortController();
    this.#waiting = waiting;
    const signal = AbortSignal.any([waiting.signal, this.#abort.signal]);
    const wait = this.#options.awaitNews?.(data, signal) ?? Promise.resolve();
    void wait.then(
      () => this.soon(0),
      () => (signal.aborted ? undefined : this.#schedule(POLL_MS)),
    );
  }
}
