/** How a caller backs off while calls fail. */
export interface BackOff {
  /** The longest wait after the first failure, in milliseconds. It doubles with each further failure. */
  readonly firstMs: number;
  /** No wait is longer. */
  readonly longestMs: number;
}

/**
 * For how many milliseconds to wait after so many failures in a row, at least one. Up to half of the time is left to chance, so that the many
 * callers that a server refused at once do not come back at once. Example with 1 s and 16 s: 0.5 to 1 s, 1 to 2, 2 to 4, 4 to 8, 8 to 16, 8 to 16.
 */
export const backOffMs = (failures: number, { firstMs, longestMs }: BackOff, random: () => number): number =>
  Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (1 - random() / 2);
