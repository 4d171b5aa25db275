import { type DynamoDBDocumentClient, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import type { Sqid } from "../../contracts/ids.ts";
import { LogEvent } from "../../contracts/log-event.ts";
import { KEY, logKey } from "../../contracts/tables.ts";
import { stored, won } from "../aws-errors.ts";

const StoredEntry = z.object({ entry: LogEvent });

export type LogStore = ReturnType<typeof logStore>;

/** The request log: append-only, one item per entry. Every method throws store.unavailable or internal. */
export const logStore = (dynamodb: DynamoDBDocumentClient, table: string) => ({
  /** One PutItem. False when an entry of this id stands already; it is left as it is. */
  append: (entry: LogEvent): Promise<boolean> =>
    won(
      `logging ${entry.id}`,
      dynamodb.send(
        new PutCommand({
          TableName: table,
          Item: { [KEY.pk]: logKey.pk(entry.sqid), [KEY.sk]: logKey.sk(entry.id), entry },
          ConditionExpression: "attribute_not_exists(#pk)",
          ExpressionAttributeNames: { "#pk": KEY.pk },
        }),
      ),
    ),

  /** Strongly consistent Query, one per megabyte. In order of id; empty when nothing was ever logged. */
  async entries(sqid: Sqid): Promise<LogEvent[]> {
    const entries: LogEvent[] = [];
    let after: Record<string, unknown> | undefined;
    do {
      const page = await stored(
        `reading the log of ${sqid}`,
        dynamodb.send(
          new QueryCommand({
            TableName: table,
            ConsistentRead: true,
            KeyConditionExpression: "#pk = :pk",
            ExpressionAttributeNames: { "#pk": KEY.pk },
            ExpressionAttributeValues: { ":pk": logKey.pk(sqid) },
            ExclusiveStartKey: after,
          }),
        ),
      );
      entries.push(...(page.Items ?? []).map((item) => StoredEntry.parse(item).entry));
      after = page.LastEvaluatedKey;
    } while (after !== undefined);
    return entries;
  },
});
