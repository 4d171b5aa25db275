import { type Trends, TrendsQuery } from "../../../contracts/api.ts";
import { epochMs } from "../../../contracts/time.ts";
import { percentileOf, sumOf, type Tally } from "../../../domain/trends.ts";
import type { Route } from "../../http.ts";
import { type Gateway, listedQueueOf } from "../gateway.ts";
import { timestamp } from "../shown.ts";

const SPANS = { hour: { ms: 3_600_000, count: 48 }, day: { ms: 24 * 3_600_000, count: 30 } } as const;

/**
 * What became of a queue's requests over time. One Query per megabyte of hours: one by hour, one to three by day. A GetItem more for a queue
 * that is not configured.
 */
export const trends = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/trends",
  takes: Object.keys(TrendsQuery.shape),
  answer: async (call) => {
    const queue = await listedQueueOf(gateway, call);
    const { by } = call.query(TrendsQuery);
    const { ms, count } = SPANS[by];
    const last = Math.floor(gateway.now() / ms) * ms;
    const starts = Array.from({ length: count }, (_, i) => last - (count - 1 - i) * ms);
    const hours = await gateway.view.hoursSince(queue, epochMs(Math.max(0, starts[0] ?? last)));
    const within = Map.groupBy(hours, ({ start }) => Math.floor(start / ms) * ms);
    const tallyAt = (start: number): Tally => sumOf((within.get(start) ?? []).map(({ tally }) => tally));
    const body: Trends = {
      queue,
      by,
      buckets: starts.map((start) => ({ start: timestamp(start), ...shownTally(tallyAt(start)) })),
      total: shownTally(sumOf(starts.map(tallyAt))),
    };
    return { status: 200, body };
  },
});

const rounded = (seconds: number): number => Number(seconds.toPrecision(3));

function shownTally(tally: Tally): Trends["total"] {
  const { buildMs, ...counts } = tally.counters;
  const [p50, p95] = [percentileOf(tally, 0.5), percentileOf(tally, 0.95)];
  return {
    ...counts,
    ...(p50 === undefined ? {} : { p50Seconds: rounded(p50) }),
    ...(p95 === undefined ? {} : { p95Seconds: rounded(p95) }),
    buildMinutes: Math.round(buildMs / 6_000) / 10,
    reasons: tally.reasons,
  };
}
