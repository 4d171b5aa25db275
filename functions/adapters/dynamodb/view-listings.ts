import { type DynamoDBDocumentClient, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { ChangeUri } from "../../contracts/change-uri.ts";
import { partsOfSqid, type QueueName } from "../../contracts/ids.ts";
import type { Land } from "../../contracts/messages.ts";
import { KEY, padded, viewKeys } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { stored } from "../aws-errors.ts";
import type { TablePut } from "./batch-write.ts";
import { Pointer } from "./view-items.ts";

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

/** The parts of the view table that list requests. */
export const viewListings = (dynamodb: DynamoDBDocumentClient, table: string) => {
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
    /** The items that make the request listed, by time and by change: the same however often they are made. */
    pointersOf({ queue, sqid, changes, receivedAt }: Land): readonly TablePut[] {
      const { n: number } = partsOfSqid(sqid);
      const keys = [
        viewKeys.received(queue, receivedAt, number),
        ...changes.map((uri) => viewKeys.byChange(queue, uri, number)),
      ];
      return keys.map((key) => ({ table, item: { ...key, number, receivedAt } }));
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
