import type { Trends } from "../../functions/contracts/api/trend-views.ts";

export type Bucket = Trends["buckets"][number];
type Tally = Trends["total"];

/** How many requests have ended. */
export const ended = ({ landed, refused, cancelled }: Tally): number => landed + refused + cancelled;

/** How many builds passed or failed. A build that was given up did neither. */
export const verdicts = ({ passed, failed, retried }: Tally): number => passed + failed + retried;

/** `87 %`, or a dash where there is no whole. */
export const percent = (part: number, whole: number): string =>
  whole === 0 ? "–" : `${Math.round((100 * part) / whole)} %`;

/** The share of the builds with a verdict that passed. */
export const passRate = (tally: Tally): string => percent(tally.passed, verdicts(tally));
