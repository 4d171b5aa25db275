import { concurrently } from "./concurrently.ts";

/**
 * A step that a procedure waits for. value: one value, which may be a promise. all: the ends of other procedures, at most `limit` of which run
 * at a time.
 */
type Wait =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "all"; readonly procedures: IteratorObject<Steps<void>>; readonly limit: number };

/**
 * A procedure that can be run with functions that answer at once and with functions that answer by a promise. `runSteps` waits for promises.
 * `runStepsNow` runs the whole procedure before it returns, for callers whose stores are in memory. A failure is thrown inside the
 * procedure, as by `await`.
 *
 * Example: `function* twice(get: () => Awaitable<number>): Steps<number> { return 2 * (yield* waitFor(get())); }`
 */
export type Steps<T> = Generator<Wait, T, unknown>;

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** Waits for `value`, and returns what it resolves to. Throws what it is rejected with. */
export function* waitFor<T>(value: Awaitable<T>): Steps<T> {
  return (yield { kind: "value", value }) as T;
}

/**
 * Runs `work` for each item and waits for the ends. They are started in the order of the items, at most `limit` run at a time, and none is
 * started after a failure. Throws the first failure once nothing runs any more.
 */
export function* waitForEach<T>(items: Iterable<T>, limit: number, work: (item: T) => Steps<void>): Steps<void> {
  yield { kind: "all", procedures: Iterator.from(items).map(work), limit };
}

/** Runs the procedure, and waits for promises. Rejects with what the procedure throws. */
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

/** Runs the whole procedure before it returns. Throws when the procedure waits for a promise. */
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
