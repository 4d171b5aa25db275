import { setTimeout as delay } from "node:timers/promises";

/** How often something is looked at while a caller waits for it. */
const LOOK_EVERY_MS = 500;

/** API Gateway waits for 30 seconds at most. */
const MOST_SECONDS = 25;

/**
 * Calls `look` twice a second until `isDone` is true of its answer, or until `seconds` (at most 25) have passed, the time that `look` takes
 * included, and answers the last answer: `first` at once when it is done, or when `seconds` is 0.
 */
export async function lookUntil<T>(
  first: T,
  seconds: number,
  { look, isDone }: { readonly look: () => Promise<T>; readonly isDone: (found: T) => boolean },
): Promise<T> {
  let found = first;
  const until = performance.now() + Math.min(seconds, MOST_SECONDS) * 1_000;
  for (let left = until - performance.now(); left > 0 && !isDone(found); left = until - performance.now()) {
    await delay(Math.min(left, LOOK_EVERY_MS));
    found = await look();
  }
  return found;
}
