import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { QueueName } from "../../contracts/ids.ts";
import { KEY, MODES, viewKeys } from "../../contracts/tables.ts";
import { stored, won } from "../aws-errors.ts";
import { ModeSet } from "./view-items.ts";

/** The part of the view table that says how the queues were told to run: one item per queue that was ever told. */
export const viewModes = (dynamodb: DynamoDBDocumentClient, table: string) => ({
  /** Undefined when the queue was never told anything. */
  async mode(queue: QueueName): Promise<ModeSet | undefined> {
    const get = new GetCommand({ TableName: table, Key: viewKeys.mode(queue), ConsistentRead: true });
    const { Item } = await stored(`reading the mode of ${queue}`, dynamodb.send(get));
    return Item === undefined ? undefined : ModeSet.parse(Item);
  },

  /** Of all queues that were ever told. One Query per megabyte: thousands of queues. */
  async modes(): Promise<ReadonlyMap<QueueName, ModeSet>> {
    const modes = new Map<QueueName, ModeSet>();
    let after: Record<string, unknown> | undefined;
    do {
      const query = new QueryCommand({
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: "#pk = :pk",
        ExpressionAttributeNames: { "#pk": KEY.pk },
        ExpressionAttributeValues: { ":pk": MODES },
        ExclusiveStartKey: after,
      });
      const page = await stored("reading the modes of the queues", dynamodb.send(query));
      for (const item of page.Items ?? []) {
        const set = ModeSet.parse(item);
        modes.set(set.queue, set);
      }
      after = page.LastEvaluatedKey;
    } while (after !== undefined);
    return modes;
  },

  /** Writes the mode over the version before its own; version 1 over none. False when another writer was faster. */
  setMode: (next: ModeSet): Promise<boolean> =>
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

  /** Marks the version as told. False when a later version stands. */
  markTold: (set: ModeSet): Promise<boolean> =>
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
