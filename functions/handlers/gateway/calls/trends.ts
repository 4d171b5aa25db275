import { TrendsQuery } from "../../../contracts/api/queue-calls.ts";
import type { Trends } from "../../../contracts/api/trend-views.ts";
import { epochMs } from "../../../contracts/time.ts";
import { shownPercentile, sumOf, type Tally } from "../../../domain/trends.ts";
import type { Route } from "../../http.ts";
import { type Gateway, listedQueueOf } from "../gateway.ts";
import { shownFlakes, timestamp } from "../shown.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long a bucket is, how many there are, and when one of them began: a week on Monday, 5 January 1970. */
const SPANS = {
  hour: { ms: HOUR_MS, count: 48, origin: 0 },
  day: { ms: DAY_MS, count: 30, origin: 0 },
  week: { ms: 7 * DAY_MS, count: 4, origin: 4 * DAY_MS },
} as const;

/**
 * What became of a queue's requests over time, and its flaky tests. A GetItem, and one Query per megabyte of hours: one by hour, one to three by
 * day and week. A GetItem more for a queue that is not configured.
 */
export const trends = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/trends",
  takes: Object.keys(TrendsQuery.shape),
  answer: async (call) => {
    const queue = await listedQueueOf(gateway, call);
    const { by } = call.query(TrendsQuery);
    const { ms, count, origin } = SPANS[by];
    const startOf = (at: number): number => Math.floor((at - origin) / ms) * ms + origin;
    const last = startOf(gateway.now());
    const starts = Array.from({ length: count }, (_, i) => last - (count - 1 - i) * ms);
    const [hours, ledger] = await Promise.all([
      gateway.view.hoursSince(queue, epochMs(Math.max(0, starts[0] ?? last))),
      gateway.view.flakes(queue),
    ]);
    const within = Map.groupBy(hours, ({ start }) => startOf(start));
    const tallyAt = (start: number): Tally => sumOf((within.get(start) ?? []).map(({ tally }) => tally));
    const body: Trends = {
      queue,
      by,
      buckets: starts.map((start) => ({ start: timestamp(start), ...shownTally(tallyAt(start)) })),
      total: shownTally(sumOf(starts.map(tallyAt))),
      flakes: shownFlakes(ledger),
    };
    return { status: 200, body };
  },
});

function shownTally(tally: Tally): Trends["total"] {
  const { buildMs, ...counts } = tally.counters;
  const [p50, p95] = [shownPercentile(tally, 0.5), shownPercentile(tally, 0.95)];
  return {
    ...counts,
    ...(p50 === undefined ? {} : { p50Seconds: p50 }),
    ...(p95 === undefined ? {} : { p95Seconds: p95 }),
    buildMinutes: Math.round(buildMs / 6_000) / 10,
    reasons: tally.reasons,
  };
}
