/** How the page learns of news: told by the server, or by asking again. */
export type Feed = "events" | "polls";

export const POLL_MS = 3_000;
/** With events: in case one was lost. */
const BACKSTOP_MS = 30_000;
const LONGEST_WAIT_MS = 30_000;

/** What the time until the page loads again depends on. `failures`: how many loads have failed in a row. */
export interface Pace {
  readonly failures: number;
  readonly feed: Feed;
  readonly isHidden: boolean;
}

/**
 * After how many milliseconds the page loads again. Undefined while it is not looked at: it loads once it is. After failures up to half of the
 * time is left to chance, so that the many pages that a server refused at once do not come back at once.
 */
export function pauseMs({ failures, feed, isHidden }: Pace, random: () => number = Math.random): number | undefined {
  if (isHidden) return undefined;
  if (failures > 0) return Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** failures) * (1 - random() / 2);
  return feed === "events" ? BACKSTOP_MS : POLL_MS;
}
