import type { ModeSet } from "../../../adapters/dynamodb/view-items.ts";
import type { QueueList, QueueNow, QueueSummary } from "../../../contracts/api/queue-views.ts";
import type { QueueName } from "../../../contracts/ids.ts";
import type { RedTrunk } from "../../../contracts/messages/log-messages.ts";
import type { QueueConfig } from "../../../contracts/queues.ts";
import { CLOCKS_DIFFER_MS, type EpochMs, epochMs, isAhead } from "../../../contracts/time.ts";
import type { FlakeLedger } from "../../../domain/flakes.ts";
import { numbersOf, type QueueRecords, queued, recentEnds } from "../../../domain/queue-now.ts";
import { hourOf, sumOf, type Tally } from "../../../domain/trends.ts";
import type { Route } from "../../http.ts";
import { type Gateway, queueOf } from "../gateway.ts";
import { shownFlakes, shownQueue, timestamp } from "../shown.ts";

/** The configured queues with their numbers, in the order of the configuration. The reads of standingOf for each queue. */
export const queues = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues",
  answer: async () => {
    const summaries = [...gateway.queues.values()].map(async (config) => {
      const { set, red, records } = await standingOf(gateway, config.name);
      return summaryOf(config, { set, red }, records);
    });
    const body: QueueList = { queues: await Promise.all(summaries) };
    return { status: 200, body };
  },
});

/** One queue, with the requests that it holds. Costs the reads of `standingOf`. */
export const queue = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}",
  answer: async (call) => {
    const config = queueOf(gateway, call);
    const { name, budget } = config;
    const { set, red, ledger, records, more, unreadable } = await standingOf(gateway, name);
    const shown = queued(records, { budget, mode: set?.mode ?? "open", note: set?.note, red });
    const body: QueueNow = {
      ...summaryOf(config, { set, red }, records),
      flakes: shownFlakes(ledger),
      requests: shown.requests,
      more: more || shown.more,
      ...(unreadable === 0 ? {} : { unreadable }),
      recent: recentEnds(name, records),
    };
    return { status: 200, body };
  },
});

/** How a queue was told to run, and whether its trunk is red. */
interface Condition {
  readonly set: ModeSet | undefined;
  readonly red: RedTrunk | undefined;
}

const summaryOf = (config: QueueConfig, { set, red }: Condition, records: QueueRecords): QueueSummary => ({
  ...shownQueue(config, set),
  ...(red === undefined ? {} : { red: { ...red, since: timestamp(red.since) } }),
  budget: config.budget,
  ...numbersOf(records),
});

const HOUR_MS = 3_600_000;

/** How a queue stands, and what it held in the last day. */
interface Standing extends Condition {
  readonly ledger: FlakeLedger;
  readonly records: QueueRecords;
  /** True when the queue holds more requests than `records`. */
  readonly more: boolean;
  /** How many items of the queue can't be read. */
  readonly unreadable: number;
}

/** Two Query at once: one per megabyte in flight, and one per hundred that ended in the last hour. */
async function standingOf({ view, now }: Gateway, queue: QueueName): Promise<Standing> {
  const at = now();
  const [{ summaries, more, unreadable, mode, red, flakes, hours }, archived] = await Promise.all([
    view.nowOf(queue, dayBefore(at)),
    view.endedBetween(queue, epochMs(Math.max(0, at - HOUR_MS)), epochMs(at + CLOCKS_DIFFER_MS)),
  ]);
  const day = sumOf(hours.filter(upTo(at)).map(({ tally }) => tally));
  const records = { live: summaries, archived, day, now: at };
  return { set: mode, red, ledger: flakes, records, more, unreadable: unreadable.length };
}

/** The first of the last 24 hours of the clock. */
const dayBefore = (at: EpochMs): EpochMs => hourOf(epochMs(Math.max(0, at - 23 * HOUR_MS)));

/** What ended in the last 24 hours of the clock. One Query. */
export const lastDay = async ({ view }: Pick<Gateway, "view">, queue: QueueName, at: EpochMs): Promise<Tally> =>
  sumOf((await view.hoursSince(queue, dayBefore(at))).filter(upTo(at)).map(({ tally }) => tally));

/** True for an hour that has begun: a wrong clock may have counted ends in hours that are to come. */
const upTo =
  (at: EpochMs) =>
  ({ start }: { readonly start: EpochMs }): boolean =>
    !isAhead(start, at);
