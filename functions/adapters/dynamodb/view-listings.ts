import { type DynamoDBDocumentClient, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { ChangeUri } from "../../contracts/change-uri.ts";
import { partsOfSqid, type QueueName } from "../../contracts/ids.ts";
import type { Land } from "../../contracts/messages/request-messages.ts";
import { KEY, padded, viewKeys } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { stored } from "../aws-errors.ts";
import type { TablePut } from "./batch-write.ts";
import { type Item, type OnUnreadable, parseItem, readableIn } from "./stored-item.ts";
import { Pointer } from "./view-items.ts";

/** The requests received at or after `since` and before `until`. */
export interface Window {
  readonly since: EpochMs;
  readonly until: EpochMs;
}

export interface PointerPage {
  /** Newest first. */
  readonly pointers: readonly Pointer[];
  /** True when the window holds older requests. */
  readonly more: boolean;
}

/**
 * The part of the view table that lists requests, by time and by change, once the orchestrator has answered them. An item that can't be read is
 * left out of a list.
 */
export interface ViewListings {
  /** The items that list a request. The same request always has the same items. No call. */
  pointersOf(land: Land): readonly TablePut[];
  /** The requests that a queue received in the window, older than `before` when given. One Query per megabyte read. */
  received(queue: QueueName, window: Window, limit: number, before?: Pointer): Promise<PointerPage>;
  /**
   * The requests of a queue that named exactly this URI in the window, older than `before` when given. One Query; more when many such requests
   * lie outside the window.
   */
  naming(queue: QueueName, uri: ChangeUri, window: Window, limit: number, before?: Pointer): Promise<PointerPage>;
}

export const viewListings = (
  dynamodb: DynamoDBDocumentClient,
  table: string,
  onUnreadable: OnUnreadable,
): ViewListings => {
  /** Queries until the page is full: DynamoDB applies the limit before the filter, so one query may find fewer items than the limit. */
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
      found.push(...(answer.Items ?? []).flatMap((item) => readableIn(item, pointerIn, onUnreadable)));
      after = answer.LastEvaluatedKey;
    } while (after !== undefined && found.length <= limit);
    return { pointers: found.slice(0, limit), more: found.length > limit };
  }

  return {
    pointersOf({ queue, sqid, changes, receivedAt }) {
      const { n: number } = partsOfSqid(sqid);
      const keys = [
        viewKeys.received(queue, receivedAt, number),
        ...changes.map((uri) => viewKeys.byChange(queue, uri, number)),
      ];
      return keys.map((key) => ({ table, item: { ...key, number, receivedAt } }));
    },

    received: (queue, { since, until }, limit, before) =>
      page(
        {
          // The bounds are inclusive. A sort key is `<time>#<number>`, so none equals the bound `<time>`.
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

    naming: (queue, uri, { since, until }, limit, before) =>
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

const pointerIn = (item: Item): Pointer => parseItem(Pointer, item, `the pointer ${item[KEY.pk]} ${item[KEY.sk]}`);

interface Condition {
  readonly KeyConditionExpression: string;
  readonly FilterExpression?: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, unknown>;
}
