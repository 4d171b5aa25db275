import { type DynamoDBDocumentClient, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import type { Sqid } from "../../contracts/ids.ts";
import { LogEvent } from "../../contracts/log-event.ts";
import { KEY, logKey } from "../../contracts/tables.ts";
import { stored } from "../aws-errors.ts";
import { putAll, type TablePut } from "./batch-write.ts";

const StoredEntry = z.object({ entry: LogEvent });

export type LogStore = ReturnType<typeof logStore>;

/** The request log: append-only, one item per entry. Every method throws store.unavailable or internal. */
export const logStore = (dynamodb: DynamoDBDocumentClient, table: string) => ({
  /** The item of an entry. An entry of the same id is the same fact, so it is written over. */
  itemOf: (entry: LogEvent): TablePut => ({
    table,
    item: { [KEY.pk]: logKey.pk(entry.sqid), [KEY.sk]: logKey.sk(entry.id), entry },
  }),

  /** One BatchWriteItem per 25. No two entries may have the same id. */
  append(entries: readonly LogEvent[]): Promise<void> {
    return putAll(
      dynamodb,
      entries.map((entry) => this.itemOf(entry)),
    );
  },

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
