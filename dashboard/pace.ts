import { backOffMs } from "../client/back-off.ts";

/** How the page learns of news: told by the server, or by asking again. */
export type Feed = "events" | "polls";

export const POLL_MS = 3_000;
/** With events: in case one was lost. */
const BACKSTOP_MS = 30_000;
const AFTER_FAILURES = { firstMs: 2_000, longestMs: 30_000 };

/** What the time until the page loads again depends on. `failures`: how many loads have failed in a row. */
export interface Pace {
  readonly failures: number;
  readonly feed: Feed;
  readonly isHidden: boolean;
}

/**
 * After how many milliseconds the page loads again. Undefined while the page is hidden: it loads when a user looks at it again.
 */
export function pauseMs({ failures, feed, isHidden }: Pace, random: () => number = Math.random): number | undefined {
  if (isHidden) return undefined;
  if (failures > 0) return backOffMs(failures, AFTER_FAILURES, random);
  return feed === "events" ? BACKSTOP_MS : POLL_MS;
}
