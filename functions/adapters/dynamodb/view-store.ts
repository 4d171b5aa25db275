import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import { CodedError } from "../../contracts/errors.ts";
import { partsOfSqid, type QueueName, RequestNumber } from "../../contracts/ids.ts";
import type { Cancel, Land } from "../../contracts/messages.ts";
import { KEY, viewKeys } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import type { Summary } from "../../domain/request-log.ts";
import { stored, won } from "../aws-errors.ts";
import { FirstUse, summaryIn, UnansweredCancel } from "./view-items.ts";
import { viewListings } from "./view-listings.ts";
import { viewModes } from "./view-modes.ts";
import { viewTrends } from "./view-trends.ts";

export type ViewStore = ReturnType<typeof viewStore>;

/** How long an idempotency key is remembered. */
const KEY_LIVES_SECONDS = 24 * 60 * 60;

/** DynamoDB removes an expired item up to days late, so a reader checks the item's date. */
const secondsOf = (at: EpochMs): number => Math.floor(at / 1000);

const ABSENT = { ConditionExpression: "attribute_not_exists(#pk)", ExpressionAttributeNames: { "#pk": KEY.pk } };

/**
 * The view table: what the gateway knows of each request beside its log. Every method throws store.unavailable or internal; each is
 * one call to DynamoDB unless it says otherwise. Every read is strongly consistent.
 */
export const viewStore = (dynamodb: DynamoDBDocumentClient, table: string) => {
  async function read(Key: { pk: string; sk: string }): Promise<Record<string, unknown> | undefined> {
    const get = new GetCommand({ TableName: table, Key, ConsistentRead: true });
    return (await stored(`reading ${Key.pk}`, dynamodb.send(get))).Item;
  }

  const put = (Item: { pk: string; sk: string; [name: string]: unknown }, condition = {}) =>
    dynamodb.send(new PutCommand({ TableName: table, Item, ...condition }));

  return {
    ...viewListings(dynamodb, table),
    ...viewModes(dynamodb, table),
    ...viewTrends(dynamodb, table),
    ...counting(dynamodb, table),

    /** Undefined when the request does not exist. */
    async summary(queue: QueueName, n: RequestNumber): Promise<Summary | undefined> {
      const item = await read(viewKeys.summary(queue, n));
      return item === undefined ? undefined : summaryIn(item);
    },

    /** False when there is one already. */
    createSummary: (summary: Summary): Promise<boolean> =>
      won(
        `creating the summary of ${summary.sqid}`,
        put({ ...viewKeys.summary(summary.queue, summary.number), ...summary }, ABSENT),
      ),

    /** Writes `next` in the place of `before`. False when another writer has written since `before` was read. */
    replaceSummary: (next: Summary, before: Summary): Promise<boolean> =>
      won(
        `replacing the summary of ${next.sqid}`,
        put(
          { ...viewKeys.summary(next.queue, next.number), ...next },
          {
            ConditionExpression: "#version = :before",
            ExpressionAttributeNames: { "#version": "version" },
            ExpressionAttributeValues: { ":before": before.version },
          },
        ),
      ),

    /** What the key was first used for; undefined when it is new, or was used more than a day ago. */
    async firstUse(queue: QueueName, key: string, now: EpochMs): Promise<FirstUse | undefined> {
      const item = await read(viewKeys.idempotency(queue, key));
      const gone = item === undefined || Number(item[KEY.ttl]) <= secondsOf(now);
      return gone ? undefined : FirstUse.parse(item);
    },

    /** False when the key is in use already. */
    claimKey: (queue: QueueName, key: string, use: FirstUse, now: EpochMs): Promise<boolean> =>
      won(
        `claiming an idempotency key of ${queue}`,
        put(
          { ...viewKeys.idempotency(queue, key), ...use, [KEY.ttl]: secondsOf(now) + KEY_LIVES_SECONDS },
          {
            ConditionExpression: "attribute_not_exists(#pk) OR #ttl <= :now",
            ExpressionAttributeNames: { "#pk": KEY.pk, "#ttl": KEY.ttl },
            ExpressionAttributeValues: { ":now": secondsOf(now) },
          },
        ),
      ),

    /** Remembers that the message is to be answered. Writes again what stands already, with a new `since`. */
    async markLand(message: Land, since: EpochMs): Promise<void> {
      const { queue, n } = partsOfSqid(message.sqid);
      await stored(`marking ${message.sqid}`, put({ ...viewKeys.unanswered(queue, "land", n), message, since }));
    },

    /** Remembers that the message is to be answered, and returns the one that stands: the first cancel is the one that counts. Two calls when there is one. */
    async markCancel(message: Cancel, since: EpochMs): Promise<Cancel> {
      const { queue, n } = partsOfSqid(message.sqid);
      const Key = viewKeys.unanswered(queue, "cancel", n);
      if (await won(`marking the cancel of ${message.sqid}`, put({ ...Key, message, since }, ABSENT))) return message;
      const standing = await read(Key);
      return standing === undefined ? message : UnansweredCancel.parse(standing).message;
    },

    /** The message has been answered. With `since`, only a marker that was written then is removed. */
    async unmark(queue: QueueName, kind: "land" | "cancel", n: RequestNumber, since?: EpochMs): Promise<void> {
      const condition =
        since === undefined
          ? {}
          : {
              ConditionExpression: "#since = :since",
              ExpressionAttributeNames: { "#since": "since" },
              ExpressionAttributeValues: { ":since": since },
            };
      const Key = viewKeys.unanswered(queue, kind, n);
      await won(`unmarking ${Key.sk}`, dynamodb.send(new DeleteCommand({ TableName: table, Key, ...condition })));
    },
  };
};

/** What came of a mint: the request's number, and when it counts as received. */
export interface Minted {
  readonly number: RequestNumber;
  readonly receivedAt: EpochMs;
}

const counting = (dynamodb: DynamoDBDocumentClient, table: string) => ({
  /** True when the queue has ever given out a number. */
  async hasMinted(queue: QueueName): Promise<boolean> {
    const get = new GetCommand({ TableName: table, Key: viewKeys.counter(queue), ConsistentRead: true });
    return (await stored(`reading the counter of ${queue}`, dynamodb.send(get))).Item !== undefined;
  },

  /**
   * The queue's next number, from 1. `receivedAt` never decreases as numbers grow: it is `now`, or the latest time that a number was
   * given out at when `now` lies before that (two calls then), since the clocks of two instances may differ.
   */
  async mint(queue: QueueName, now: EpochMs): Promise<Minted> {
    const Key = viewKeys.counter(queue);
    const update = { TableName: table, Key, ReturnValues: "ALL_NEW" } as const;
    const doing = `minting a number in ${queue}`;
    const advance = new UpdateCommand({
      ...update,
      UpdateExpression: "SET #last = :now ADD #n :one",
      ConditionExpression: "attribute_not_exists(#last) OR #last <= :now",
      ExpressionAttributeNames: { "#n": "n", "#last": "lastAt" },
      ExpressionAttributeValues: { ":one": 1, ":now": now },
    });
    try {
      return mintedIn((await stored(doing, dynamodb.send(advance))).Attributes);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "store.version_conflict") throw error;
    }
    const count = new UpdateCommand({
      ...update,
      UpdateExpression: "ADD #n :one",
      ExpressionAttributeNames: { "#n": "n" },
      ExpressionAttributeValues: { ":one": 1 },
    });
    return mintedIn((await stored(doing, dynamodb.send(count))).Attributes);
  },
});

const Counter = z.object({ n: RequestNumber, lastAt: EpochMs });

function mintedIn(item: unknown): Minted {
  const { n, lastAt } = Counter.parse(item);
  return { number: n, receivedAt: lastAt };
}
