import { concurrently } from "./concurrently.ts";

/**
 * What the steps of a procedure wait for: one value, which may be a promise, or other procedures that may run side by side, at most `limit`
 * of them at a time.
 */
export type Wait =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "all"; readonly procedures: IteratorObject<Steps<void>>; readonly limit: number };

/**
 * A procedure that does not know whether what it calls answers now or later. `runSteps` waits for promises. `runStepsNow` runs the whole
 * procedure before it returns, for callers whose stores are in memory. A failure is thrown inside the procedure, as by `await`.
 *
 * Example: `function* twice(get: () => Awaitable<number>): Steps<number> { return 2 * (yield* waitFor(get())); }`
 */
export type Steps<T> = Generator<Wait, T, unknown>;

export type Awaitable<T> = T | Promise<T>;

/** Waits for `value`. Its rejection is thrown. */
export function* waitFor<T>(value: Awaitable<T>): Steps<T> {
  return (yield { kind: "value", value }) as T;
}

/** Waits for one procedure per item, in their order and at most `limit` at a time. Throws the first failure once nothing runs any more. */
export function* waitForEach<T>(items: Iterable<T>, limit: number, work: (item: T) => Steps<void>): Steps<void> {
  yield { kind: "all", procedures: Iterator.from(items).map(work), limit };
}

export async function runSteps<T>(steps: Steps<T>): Promise<T> {
  let next = steps.next();
  while (next.done !== true) {
    let answer: unknown;
    try {
      answer = await (next.value.kind === "value"
        ? next.value.value
        : concurrently(next.value.procedures, next.value.limit, runSteps));
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
  return next.value;
}

/** Throws when the procedure waits for a promise. */
export function runStepsNow<T>(steps: Steps<T>): T {
  let next = steps.next();
  while (next.done !== true) {
    let answer: unknown;
    try {
      if (next.value.kind === "value") answer = settled(next.value.value);
      else for (const procedure of next.value.procedures) runStepsNow(procedure);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
  return next.value;
}

function settled(value: unknown): unknown {
  if (value instanceof Promise) throw new Error("a procedure that is to end at once waits for a promise");
  return value;
}
