import { setTimeout as pause } from "node:timers/promises";
import { BatchGetCommand, type DynamoDBDocumentClient, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { ChangeUri } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import { partsOfSqid, type QueueName, type RequestNumber } from "../../contracts/ids.ts";
import type { Land } from "../../contracts/messages.ts";
import { KEY, padded, viewKeys } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Summary } from "../../domain/request-log.ts";
import { stored } from "../aws-errors.ts";
import { Pointer, summaryIn, UnansweredCancel, UnansweredLand } from "./view-items.ts";

/** The requests received at or after `since` and before `until`. */
export interface Window {
  readonly since: EpochMs;
  readonly until: EpochMs;
}

export interface PointerPage {
  /** Newest first. */
  readonly pointers: readonly Pointer[];
  /** Whether there are older ones in the window. */
  readonly more: boolean;
}

/** DynamoDB's bound on one BatchGetItem. */
const BATCH_KEYS = 100;
const BATCH_ATTEMPTS = 6;

/** The parts of the view table that are read as lists. */
export const viewListings = (dynamodb: DynamoDBDocumentClient, table: string) => ({
  ...pointers(dynamodb, table),
  ...unanswered(dynamodb, table),

  /** The summaries in the order of the keys. One BatchGetItem per hundred, and again for what a throttled table left out. Throws internal when one is missing. */
  async summaries(queue: QueueName, numbers: readonly RequestNumber[]): Promise<Summary[]> {
    const chunks: RequestNumber[][] = [];
    for (let from = 0; from < numbers.length; from += BATCH_KEYS) chunks.push(numbers.slice(from, from + BATCH_KEYS));
    const found = await Promise.all(chunks.map((chunk) => batchOf(dynamodb, table, queue, chunk)));
    const byNumber = new Map(found.flat().map((summary) => [summary.number, summary]));
    return numbers.map((n) => {
      const summary = byNumber.get(n);
      // Pointers are written after the summary, so a pointer to nothing is damage, and is better said than hidden.
      if (summary === undefined) throw new CodedError("internal", `${queue}/${n} is listed but has no summary`);
      return summary;
    });
  },
});

async function batchOf(
  dynamodb: DynamoDBDocumentClient,
  table: string,
  queue: QueueName,
  numbers: readonly RequestNumber[],
): Promise<Summary[]> {
  const summaries: Summary[] = [];
  let Keys: Record<string, unknown>[] = numbers.map((n) => viewKeys.summary(queue, n));
  for (let attempt = 0; Keys.length > 0; attempt++) {
    if (attempt === BATCH_ATTEMPTS)
      throw new CodedError("store.unavailable", `${Keys.length} summaries of ${queue} were not read`);
    if (attempt > 0) await pause(10 * 2 ** attempt);
    const get = new BatchGetCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } });
    const { Responses, UnprocessedKeys } = await stored(`reading summaries of ${queue}`, dynamodb.send(get));
    summaries.push(...(Responses?.[table] ?? []).map(summaryIn));
    Keys = UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return summaries;
}

const pointers = (dynamodb: DynamoDBDocumentClient, table: string) => {
  /** Reads on until the page is full: a filter is applied after DynamoDB has counted. */
  async function page(query: Condition, limit: number): Promise<PointerPage> {
    const found: Pointer[] = [];
    let after: Record<string, unknown> | undefined;
    do {
      const answer = await stored(
        "listing requests",
        dynamodb.send(
          new QueryCommand({
            TableName: table,
            ConsistentRead: true,
            ScanIndexForward: false,
            Limit: limit + 1,
            ExclusiveStartKey: after,
            ...query,
          }),
        ),
      );
      found.push(...(answer.Items ?? []).map((item) => Pointer.parse(item)));
      after = answer.LastEvaluatedKey;
    } while (after !== undefined && found.length <= limit);
    return { pointers: found.slice(0, limit), more: found.length > limit };
  }

  return {
    /** Makes the request listed, by time and by change. One PutItem, and one per change; repeats write the same. */
    async pointAt({ queue, sqid, changes, receivedAt }: Land): Promise<void> {
      const { n: number } = partsOfSqid(sqid);
      const keys = [
        viewKeys.received(queue, receivedAt, number),
        ...changes.map((uri) => viewKeys.byChange(queue, uri, number)),
      ];
      const puts = keys.map((key) => new PutCommand({ TableName: table, Item: { ...key, number, receivedAt } }));
      await Promise.all(puts.map((put) => stored(`listing ${sqid}`, dynamodb.send(put))));
    },

    /** A queue's requests, older than `before` when given. One Query per megabyte read. */
    received: (queue: QueueName, { since, until }: Window, limit: number, before?: Pointer): Promise<PointerPage> =>
      page(
        {
          // The bounds are inclusive, and no sort key equals a bare time: it would continue with `#<number>`.
          KeyConditionExpression: "#pk = :pk AND #sk BETWEEN :from AND :to",
          ExpressionAttributeNames: { "#pk": KEY.pk, "#sk": KEY.sk },
          ExpressionAttributeValues: {
            ":pk": `received#${queue}`,
            ":from": padded(since),
            ":to": before === undefined ? padded(until) : `${padded(before.receivedAt)}#${padded(before.number - 1)}`,
          },
        },
        limit,
      ),

    /** The requests of a queue that named exactly this URI, older than `before` when given. One Query, more when the window leaves many out. */
    naming: (queue: QueueName, uri: ChangeUri, { since, until }: Window, limit: number, before?: Pointer) =>
      page(
        {
          KeyConditionExpression: "#pk = :pk AND #sk < :before",
          FilterExpression: "#at >= :since AND #at < :until",
          ExpressionAttributeNames: { "#pk": KEY.pk, "#sk": KEY.sk, "#at": "receivedAt" },
          ExpressionAttributeValues: {
            ":pk": `change#${queue}#${uri}`,
            ":before": before === undefined ? "~" : padded(before.number),
            ":since": since,
            ":until": until,
          },
        },
        limit,
      ),
  };
};

interface Condition {
  readonly KeyConditionExpression: string;
  readonly FilterExpression?: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, unknown>;
}

/** How many markers one look covers: those that are answered meanwhile make room for the others. */
const MARKERS = 500;

const unanswered = (dynamodb: DynamoDBDocumentClient, table: string) => {
  async function markers(queue: QueueName, kind: "land" | "cancel", before: EpochMs): Promise<unknown[]> {
    const query = new QueryCommand({
      TableName: table,
      ConsistentRead: true,
      Limit: MARKERS,
      KeyConditionExpression: "#pk = :pk AND begins_with(#sk, :kind)",
      FilterExpression: "#since <= :before",
      ExpressionAttributeNames: { "#pk": KEY.pk, "#sk": KEY.sk, "#since": "since" },
      ExpressionAttributeValues: { ":pk": `unanswered#${queue}`, ":kind": `${kind}#`, ":before": before },
    });
    return (await stored(`looking for unanswered messages of ${queue}`, dynamodb.send(query))).Items ?? [];
  }

  return {
    /** Land messages marked at or before then, by number. One Query; the first 500. */
    unansweredLands: async (queue: QueueName, before: EpochMs): Promise<UnansweredLand[]> =>
      (await markers(queue, "land", before)).map((item) => UnansweredLand.parse(item)),

    /** Cancel messages marked at or before then, by number. One Query; the first 500. */
    unansweredCancels: async (queue: QueueName, before: EpochMs): Promise<UnansweredCancel[]> =>
      (await markers(queue, "cancel", before)).map((item) => UnansweredCancel.parse(item)),
  };
};
