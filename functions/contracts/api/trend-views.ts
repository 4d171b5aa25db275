import * as z from "zod";
import { QueueName } from "../ids.ts";
import { Timestamp } from "./fields.ts";
import { TrendsQuery } from "./queue-calls.ts";
import { FlakeView } from "./queue-views.ts";

const TrendCounts = {
  landed: z.int(),
  refused: z.int(),
  cancelled: z.int(),
  /** Time from Land to landed, right to five per cent. Absent when nothing landed. */
  p50Seconds: z.number().optional(),
  p95Seconds: z.number().optional(),
  /** How many builds were started for the requests that ended in this time. Some passed, failed or were retried. The others were given up. */
  builds: z.int(),
  /** Of the builds that came out somehow. */
  buildMinutes: z.number(),
  passed: z.int(),
  failed: z.int(),
  /** Failed, and were repeated: by infrastructure, or because the failure was not believed. */
  retried: z.int(),
  /** Of the retried builds, those whose repeat passed: on the same tree, a test or a check failed and then passed. */
  flaky: z.int(),
  /** How often a request was refused, by the code of the reason. */
  reasons: z.record(z.string(), z.int()),
};

/** What became of the requests of some time. */
export const Tally = z.object(TrendCounts);
export const TrendBucket = z.object({ start: Timestamp, ...TrendCounts });

/**
 * What became of a queue's requests: by the last 48 hours, 30 days, or 4 weeks from Monday to Sunday (of UTC), oldest first; and all of these
 * together.
 */
export const Trends = z.object({
  queue: QueueName,
  by: TrendsQuery.shape.by.unwrap(),
  buckets: z.array(TrendBucket),
  total: Tally,
  /** The last 50 flaky tests, the one seen last first, whenever that was. */
  flakes: z.array(FlakeView),
});
export type Trends = z.infer<typeof Trends>;
