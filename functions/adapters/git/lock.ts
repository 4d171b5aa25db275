const tails = new Map<string, Promise<void>>();

/**
 * Runs `work` after all earlier calls with this `key` in this process have ended. Not re-entrant: a call with the same key from inside `work`
 * waits for ever.
 */
export async function exclusively<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = tails.get(key);
  const { promise, resolve } = Promise.withResolvers<void>();
  tails.set(key, promise);
  try {
    await before;
    return await work();
  } finally {
    resolve();
    if (tails.get(key) === promise) tails.delete(key);
  }
}
