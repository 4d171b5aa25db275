import * as z from "zod";
import { FlakeView, QueueView, RedTrunkView } from "../functions/contracts/api/queue-views.ts";
import { Status } from "../functions/contracts/log-event.ts";
import { Reason } from "../functions/contracts/reasons.ts";

const Ends = z.object({ landed: z.int(), refused: z.int(), cancelled: z.int() });

/** A request in flight, as its queue shows it. */
const Queued = z.object({
  sqid: z.string(),
  status: Status,
  title: z.string().optional(),
  changes: z.array(z.string()),
  receivedAt: z.string(),
  blocker: z.string().optional(),
  on: z.array(z.string()).optional(),
  sentence: z.string(),
  estimateSeconds: z.number().optional(),
  builds: z.array(z.object({ state: z.string(), url: z.string().optional() })),
});
export type Queued = z.infer<typeof Queued>;

/** What the client reads of a queue. Each part is optional: an API of an earlier release answers with the view alone. */
export const QueueNow = QueueView.extend({
  budget: z.int().optional(),
  red: RedTrunkView.optional(),
  flakes: z.array(FlakeView).optional(),
  buildsRunning: z.int().optional(),
  counts: z.object({ waiting: z.int(), building: z.int(), landing: z.int() }).optional(),
  ended: z.object({ lastHour: Ends, lastDay: Ends }).optional(),
  timeToLand: z
    .object({ count: z.int(), medianSeconds: z.number().optional(), p95Seconds: z.number().optional() })
    .optional(),
  load: z.object({ receivedLastHour: z.int(), buildMinutes: z.number().optional() }).optional(),
  requests: z.array(Queued).optional(),
  more: z.boolean().optional(),
  unreadable: z.int().optional(),
  recent: z
    .array(
      z.object({
        sqid: z.string(),
        status: Status,
        reason: Reason.optional(),
        endedAt: z.string(),
        commit: z.string().optional(),
      }),
    )
    .optional(),
});
export type QueueNow = z.infer<typeof QueueNow>;
