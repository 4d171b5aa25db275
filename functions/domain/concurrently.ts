/** Works on all items, at most `limit` at a time, in their order. Throws the first failure once nothing runs any more. */
export async function concurrently<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = Iterator.from(items);
  const failures: unknown[] = [];
  const worker = async () => {
    for (let next = rest.next(); next.done !== true && failures.length === 0; next = rest.next())
      await work(next.value).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 0) throw failures[0];
}
