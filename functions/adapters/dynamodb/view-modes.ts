import { type DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import type { QueueName } from "../../contracts/ids.ts";
import { KEY, viewKeys } from "../../contracts/tables.ts";
import { stored, won } from "../aws-errors.ts";
import { type ModeSet, modeIn } from "./view-items.ts";

/** The part of the view table that holds the modes of queues: one item per queue whose mode was ever set. Every method is one call. */
export interface ViewModes {
  /** Undefined when the queue's mode was never set. Throws store.unreadable. */
  mode(queue: QueueName): Promise<ModeSet | undefined>;
  /**
   * Writes the mode. False, and nothing is written, when the stored version is not `next.version - 1`; for version 1, when a mode is stored.
   */
  setMode(next: ModeSet): Promise<boolean>;
  /** Marks this version of the mode as told. False, and nothing is written, when a later version is stored. */
  markTold(set: ModeSet): Promise<boolean>;
}

export const viewModes = (dynamodb: DynamoDBDocumentClient, table: string): ViewModes => ({
  async mode(queue) {
    const get = new GetCommand({ TableName: table, Key: viewKeys.mode(queue), ConsistentRead: true });
    const { Item } = await stored(`reading the mode of ${queue}`, dynamodb.send(get));
    return Item === undefined ? undefined : modeIn(Item);
  },

  setMode: (next) =>
    won(
      `setting the mode of ${next.queue}`,
      dynamodb.send(
        new PutCommand({
          TableName: table,
          Item: { ...viewKeys.mode(next.queue), ...next },
          ...(next.version === 1
            ? { ConditionExpression: "attribute_not_exists(#pk)", ExpressionAttributeNames: { "#pk": KEY.pk } }
            : {
                ConditionExpression: "#version = :before",
                ExpressionAttributeNames: { "#version": "version" },
                ExpressionAttributeValues: { ":before": next.version - 1 },
              }),
        }),
      ),
    ),

  markTold: (set) =>
    won(
      `marking the mode of ${set.queue} as told`,
      dynamodb.send(
        new PutCommand({
          TableName: table,
          Item: { ...viewKeys.mode(set.queue), ...set, told: true },
          ConditionExpression: "#version = :version",
          ExpressionAttributeNames: { "#version": "version" },
          ExpressionAttributeValues: { ":version": set.version },
        }),
      ),
    ),
});
