const tails = new Map<string, Promise<void>>();

/** Runs `work` when everyone who asked for `key` earlier in this process is done. Not re-entrant: asking again from inside waits for ever. */
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
