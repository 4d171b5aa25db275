import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { QueueName, RequestNumber } from "../../contracts/ids.ts";
import { HOURS, KEY, viewKeys } from "../../contracts/tables.ts";
import { type EpochMs, epochMs } from "../../contracts/time.ts";
import { COUNTERS, type Counter, type EndTally, hourOf, sumOf, type Tally } from "../../domain/trends.ts";
import { stored, won } from "../aws-errors.ts";
import { queryAll } from "./query-all.ts";
import { LOST, retryOnConflict } from "./retry-on-conflict.ts";

/** The ends of requests of a queue within one hour. */
export interface Hour {
  readonly start: EpochMs;
  readonly tally: Tally;
}

/** How long an hour is kept, in seconds: a little more than the thirty days that are shown. */
const KEPT_SECONDS = 35 * 24 * 3_600;

const TIME = "t#";
const REASON = "r#";

/**
 * The part of the view table that counts the ends of requests: one item per queue and hour. Beside the counters, an item holds the numbers of
 * the requests that were counted, so that a repeat counts nothing: some 5 bytes for each request that ended in the hour.
 */
export interface ViewTrends {
  /**
   * Counts ends of requests; each end counts once however often it is given. One UpdateItem for all ends in one hour; one GetItem and one
   * UpdateItem more when some of them were counted already. Throws store.version_conflict.
   */
  countEnds(queue: QueueName, ends: readonly EndTally[]): Promise<void>;
  /**
   * The hours of a queue from `since` on, oldest first, without the hours in which no request ended. One Query per megabyte, eventually
   * consistent.
   */
  hoursSince(queue: QueueName, since: EpochMs): Promise<readonly Hour[]>;
}

export const viewTrends = (dynamodb: DynamoDBDocumentClient, table: string): ViewTrends => {
  async function countedIn(queue: QueueName, hour: EpochMs): Promise<ReadonlySet<number>> {
    const get = new GetCommand({
      TableName: table,
      Key: viewKeys.trend(queue, hour),
      ConsistentRead: true,
      ProjectionExpression: "#seen",
      ExpressionAttributeNames: { "#seen": "seen" },
    });
    const { Item } = await stored(`reading the trends of ${queue}`, dynamodb.send(get));
    return new Set(z.set(z.number()).default(new Set()).parse(Item?.["seen"]));
  }

  return {
    async countEnds(queue, ends) {
      for (const [hour, ofHour] of Map.groupBy(ends, ({ endedAt }) => hourOf(endedAt))) {
        let news = [...new Map(ofHour.map((end) => [end.number, end])).values()];
        await retryOnConflict(`the trend of ${queue}`, async () => {
          if (await won(`counting ends of ${queue}`, dynamodb.send(additionOf(table, queue, hour, news))))
            return undefined;
          const counted = await countedIn(queue, hour);
          news = news.filter(({ number }) => !counted.has(number));
          return news.length === 0 ? undefined : LOST;
        });
      }
    },

    async hoursSince(queue, since) {
      const { pk, sk } = viewKeys.trend(queue, since);
      const items = await queryAll(dynamodb, `reading the trends of ${queue}`, {
        TableName: table,
        KeyConditionExpression: "#pk = :pk AND #sk BETWEEN :since AND :last",
        ExpressionAttributeNames: { "#pk": KEY.pk, "#sk": KEY.sk },
        ExpressionAttributeValues: { ":pk": pk, ":since": sk, ":last": `${HOURS}~` },
      });
      return items.filter(isHour).map(hourIn);
    },
  };
};

/** Adds the ends to the item of their hour, on the condition that none of the ends was added before. */
function additionOf(table: string, queue: QueueName, hour: EpochMs, ends: readonly EndTally[]): UpdateCommand {
  const added = Object.entries(attributesOf(sumOf(ends.map(({ tally }) => tally)))).filter(
    ([, amount]) => amount !== 0,
  );
  const numbers = ends.map(({ number }) => number);
  return new UpdateCommand({
    TableName: table,
    Key: viewKeys.trend(queue, hour),
    UpdateExpression: `SET #ttl = :ttl ADD #seen :seen, ${added.map((_, i) => `#a${i} :a${i}`).join(", ")}`,
    ConditionExpression: numbers.map((_, i) => `NOT contains(#seen, :n${i})`).join(" AND "),
    ExpressionAttributeNames: {
      "#ttl": KEY.ttl,
      "#seen": "seen",
      ...Object.fromEntries(added.map(([name], i) => [`#a${i}`, name])),
    },
    ExpressionAttributeValues: {
      ":ttl": Math.floor(hour / 1_000) + KEPT_SECONDS,
      ":seen": new Set<RequestNumber>(numbers),
      ...Object.fromEntries(added.map(([, amount], i) => [`:a${i}`, amount])),
      ...Object.fromEntries(numbers.map((number, i) => [`:n${i}`, number])),
    },
  });
}

/** A tally as attributes of an item: `landed`, `t#43` of a time, `r#build.failed` of a reason. */
const attributesOf = ({ counters, times, reasons }: Tally): Record<string, number> => ({
  ...counters,
  ...Object.fromEntries(Object.entries(times).map(([step, count]) => [`${TIME}${step}`, count])),
  ...Object.fromEntries(Object.entries(reasons).map(([code, count]) => [`${REASON}${code}`, count])),
});

const HOUR_KEY = new RegExp(`^${HOURS}\\d{1,15}$`);

/** True for the stored item of an hour. */
export const isHour = (item: Readonly<Record<string, unknown>>): boolean => HOUR_KEY.test(String(item[KEY.sk]));

/** An hour, from its stored item. Attributes that this release does not know are left out. */
export function hourIn(item: Readonly<Record<string, unknown>>): Hour {
  const amount = (name: string): number => (typeof item[name] === "number" ? item[name] : 0);
  const withPrefix = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      Object.keys(item)
        .filter((name) => name.startsWith(prefix))
        .map((name) => [name.slice(prefix.length), amount(name)]),
    );
  const counters = Object.fromEntries(COUNTERS.map((counter) => [counter, amount(counter)])) as Record<Counter, number>;
  return {
    start: epochMs(Number(String(item[KEY.sk]).slice(HOURS.length))),
    tally: { counters, times: withPrefix(TIME), reasons: withPrefix(REASON) },
  };
}
