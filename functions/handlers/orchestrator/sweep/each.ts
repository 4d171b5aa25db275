import { concurrently } from "../../../domain/concurrently.ts";

/**
 * Does `work` for each item, at most `limit` at once, also after it has failed for one: a sweep is there for what is broken, and one broken
 * item keeps no other from being swept. Answers the failures.
 */
export async function failuresOfEach<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  await concurrently(items, limit, (item) => work(item).catch((error: unknown) => void failures.push(error)));
  return failures;
}
