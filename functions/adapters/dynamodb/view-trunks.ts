import { type DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { QueueName } from "../../contracts/ids.ts";
import { RedTrunk, type TrunkChanged } from "../../contracts/messages/log-messages.ts";
import { KEY, viewKeys } from "../../contracts/tables.ts";
import { CLOCKS_DIFFER_MS, type EpochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { type Item, parseItem } from "./stored-item.ts";

/** The part of the view table that says which trunks are red: one item per queue whose trunk ever was. Every method is one call. */
export interface ViewTrunks {
  /** Undefined while the trunk is not known to be red. Throws store.unreadable. */
  redTrunk(queue: QueueName): Promise<RedTrunk | undefined>;
  /**
   * Keeps what was told of the trunk. False, and nothing is written, when something later is stored, unless a clock that was minutes ahead has
   * written that.
   */
  setTrunk(changed: TrunkChanged, now: EpochMs): Promise<boolean>;
}

const StoredTrunk = z.object({ red: RedTrunk.exactOptional() });

/** What a stored item says of the trunk. Throws store.unreadable. */
export const redIn = (item: Item): RedTrunk | undefined =>
  parseItem(StoredTrunk, item, `the trunk ${item[KEY.pk]}`).red;

export const viewTrunks = (dynamodb: DynamoDBDocumentClient, table: string): ViewTrunks => ({
  async redTrunk(queue) {
    const get = new GetCommand({ TableName: table, Key: viewKeys.trunk(queue), ConsistentRead: true });
    const { Item } = await stored(`reading the trunk of ${queue}`, dynamodb.send(get));
    return Item === undefined ? undefined : redIn(Item);
  },

  setTrunk: ({ queue, at, red }, now) =>
    won(
      `writing the trunk of ${queue}`,
      dynamodb.send(
        new PutCommand({
          TableName: table,
          Item: { ...viewKeys.trunk(queue), at, ...(red === undefined ? {} : { red }) },
          ConditionExpression: "attribute_not_exists(#pk) OR #at <= :at OR #at > :ahead",
          ExpressionAttributeNames: { "#pk": KEY.pk, "#at": "at" },
          ExpressionAttributeValues: { ":at": at, ":ahead": now + CLOCKS_DIFFER_MS },
        }),
      ),
    ),
});
