/**
 * Callers of the HTTP API go before the messages of queues. Everything runs in one thread here: without an order, a call waits behind the
 * work that earlier calls have caused.
 */
export interface Precedence {
  /** Work on messages waits while this call is answered, up to the limits below. */
  call<T>(answer: Promise<T>): Promise<T>;
  /** Begins at once when no call is being answered, and else when that is so. */
  afterCalls(begin: () => void): void;
}

/** A call that takes longer waits for something itself (`wait=`), and holds nothing up. */
const HELD_UP_BY_ONE_CALL_MS = 250;
/** However many calls come, work on messages begins after so long. */
const HELD_UP_AT_MOST_MS = 2_000;

export function precedence(): Precedence {
  const answering = new Set<object>();
  let waiting: (() => void)[] = [];
  let limit: NodeJS.Timeout | undefined;

  function beginWaiting(): void {
    clearTimeout(limit);
    limit = undefined;
    const begun = waiting;
    waiting = [];
    for (const begin of begun) begin();
  }

  return {
    call: async (answer) => {
      const call = {};
      answering.add(call);
      const over = () => {
        if (answering.delete(call) && answering.size === 0) beginWaiting();
      };
      const timer = setTimeout(over, HELD_UP_BY_ONE_CALL_MS);
      try {
        return await answer;
      } finally {
        clearTimeout(timer);
        over();
      }
    },
    afterCalls: (begin) => {
      if (answering.size === 0) return begin();
      waiting.push(begin);
      limit ??= setTimeout(beginWaiting, HELD_UP_AT_MOST_MS);
    },
  };
}
