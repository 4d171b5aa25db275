/**
 * The order of work. Everything runs in one thread here: without an order, a caller of the HTTP API waits behind the work that earlier
 * calls have caused.
 */
export interface Precedence {
  /** The answer of a call that a caller waits for. Work on messages begins later, within the limits below. */
  call<T>(answer: Promise<T>): Promise<T>;
  /** An invocation that no caller waits for. */
  work<T>(invocation: Promise<T>): Promise<T>;
  /**
   * Begins at once when no call is being answered, and else when that is so. `isQuiet` is false when calls are still being answered and two
   * seconds are over: little is to begin then.
   */
  afterCalls(begin: (isQuiet: boolean) => void): void;
  /** Begins when no invocation that could send more has run for 20 ms, or after so many milliseconds. */
  afterWork(begin: () => void, atMostMs: number): void;
}

/** A call that takes longer waits for something itself (`wait=`), and holds nothing up. */
const HELD_UP_BY_ONE_CALL_MS = 250;
/** However many calls come, work on messages begins after so long. */
const HELD_UP_AT_MOST_MS = 2_000;

/** Longer than it takes from one state of a workflow to the next, and from a message to the invocation that it causes. */
const QUIET_MS = 20;

export function precedence(): Precedence {
  const calls = new Going(0);
  const works = new Going(QUIET_MS);
  return {
    call: (answer) => calls.during(answer, HELD_UP_BY_ONE_CALL_MS),
    work: (invocation) => works.during(invocation),
    afterCalls: (begin) => calls.whenNone(begin, HELD_UP_AT_MOST_MS),
    afterWork: (begin, atMostMs) => works.whenNone(begin, atMostMs),
  };
}

/** What is going on, and what begins when nothing has been going on for so many milliseconds. */
class Going {
  readonly #quietMs: number;
  readonly #going = new Set<object>();
  readonly #waiting = new Set<(isQuiet: boolean) => void>();
  #quiet: NodeJS.Timeout | undefined;

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /** Counts as going until it has settled, or for `atMostMs`. */
  async during<T>(promise: Promise<T>, atMostMs?: number): Promise<T> {
    const one = {};
    this.#going.add(one);
    clearTimeout(this.#quiet);
    const over = () => {
      if (this.#going.delete(one) && this.#going.size === 0) this.#whenQuiet();
    };
    const timer = atMostMs === undefined ? undefined : setTimeout(over, atMostMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      over();
    }
  }

  whenNone(begin: (isQuiet: boolean) => void, atMostMs: number): void {
    if (this.#going.size === 0 && this.#quietMs === 0) {
      begin(true);
      return;
    }
    const once = (isQuiet: boolean) => {
      clearTimeout(timer);
      if (this.#waiting.delete(once)) begin(isQuiet);
    };
    const timer = setTimeout(once, atMostMs, false);
    this.#waiting.add(once);
    if (this.#going.size === 0) this.#whenQuiet();
  }

  #whenQuiet(): void {
    const beginAll = () => {
      for (const begin of [...this.#waiting]) begin(true);
    };
    clearTimeout(this.#quiet);
    if (this.#quietMs === 0) beginAll();
    else this.#quiet = setTimeout(beginAll, this.#quietMs);
  }
}
