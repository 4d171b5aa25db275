import { type DynamoDBDocumentClient, GetCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import type { QueueName, RequestNumber } from "../../contracts/ids.ts";
import { KEY, padded, viewKeys } from "../../contracts/tables.ts";
import { type EpochMs, epochMs } from "../../contracts/time.ts";
import { COUNTERS, type Counter, type EndOfRequest, hourOf, sumOf, type Tally } from "../../domain/trends.ts";
import { stored, won } from "../aws-errors.ts";
import { LOST, retryOnConflict } from "./retry-on-conflict.ts";

/** An hour of a queue. */
export interface Hour {
  readonly start: EpochMs;
  readonly tally: Tally;
}

/** How long an hour is kept, in seconds: a little more than the thirty days that are shown. */
const KEPT_SECONDS = 35 * 24 * 3_600;

const TIME = "t#";
const REASON = "r#";

/**
 * The part of the view table that counts what became of requests: one item per queue and hour. Beside the counters it holds the numbers that
 * were counted, so that a repeat counts nothing: some 5 bytes for each request that ended in the hour.
 */
export const viewTrends = (dynamodb: DynamoDBDocumentClient, table: string) => {
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
    /**
     * Counts ends of requests, each of which counts once however often it is given. One UpdateItem for all that ended in one hour; one GetItem
     * and one UpdateItem more when some of them were counted already. Throws store.version_conflict.
     */
    async countEnds(queue: QueueName, ends: readonly EndOfRequest[]): Promise<void> {
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

    /** The hours of a queue from one on, oldest first; those in which nothing ended are left out. One Query per megabyte, eventually consistent. */
    async hoursSince(queue: QueueName, since: EpochMs): Promise<readonly Hour[]> {
      const hours: Hour[] = [];
      let after: Record<string, unknown> | undefined;
      do {
        const query = new QueryCommand({
          TableName: table,
          KeyConditionExpression: "#pk = :pk AND #sk >= :since",
          ExpressionAttributeNames: { "#pk": KEY.pk, "#sk": KEY.sk },
          ExpressionAttributeValues: { ":pk": viewKeys.trend(queue, since).pk, ":since": padded(since) },
          ExclusiveStartKey: after,
        });
        const page = await stored(`reading the trends of ${queue}`, dynamodb.send(query));
        hours.push(...(page.Items ?? []).map(hourIn));
        after = page.LastEvaluatedKey;
      } while (after !== undefined);
      return hours;
    },
  };
};

/** Adds the ends to their hour, on the condition that none of them was added before. */
function additionOf(table: string, queue: QueueName, hour: EpochMs, ends: readonly EndOfRequest[]): UpdateCommand {
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

/** An hour as it is stored. Attributes that are not known are left out. */
function hourIn(item: Record<string, unknown>): Hour {
  const amount = (name: string): number => (typeof item[name] === "number" ? item[name] : 0);
  const withPrefix = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      Object.keys(item)
        .filter((name) => name.startsWith(prefix))
        .map((name) => [name.slice(prefix.length), amount(name)]),
    );
  const counters = Object.fromEntries(COUNTERS.map((counter) => [counter, amount(counter)])) as Record<Counter, number>;
  return {
    start: epochMs(Number(item[KEY.sk])),
    tally: { counters, times: withPrefix(TIME), reasons: withPrefix(REASON) },
  };
}
