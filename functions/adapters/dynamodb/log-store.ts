import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import type { Sqid } from "../../contracts/ids.ts";
import { LogEvent } from "../../contracts/log-event.ts";
import { KEY, logKey } from "../../contracts/tables.ts";
import { putAll, type TablePut } from "./batch-write.ts";
import { queryAll } from "./query-all.ts";

const StoredEntry = z.object({ entry: LogEvent });

/** The request log: append-only, one item per entry. Every method throws store.unavailable or internal. */
export interface LogStore {
  /** The item of an entry. An entry with the same id is the same fact, so its item is overwritten. No call. */
  itemOf(entry: LogEvent): TablePut;
  /** One BatchWriteItem per 25 entries. No two entries may have the same id. */
  append(entries: readonly LogEvent[]): Promise<void>;
  /** A request's entries in order of id; empty when nothing was ever logged. Strongly consistent; one Query per megabyte. */
  entries(sqid: Sqid): Promise<LogEvent[]>;
}

export function logStore(dynamodb: DynamoDBDocumentClient, table: string): LogStore {
  const itemOf = (entry: LogEvent): TablePut => ({
    table,
    item: { [KEY.pk]: logKey.pk(entry.sqid), [KEY.sk]: logKey.sk(entry.id), entry },
  });
  return {
    itemOf,
    append: (entries) => putAll(dynamodb, entries.map(itemOf)),
    async entries(sqid) {
      const items = await queryAll(dynamodb, `reading the log of ${sqid}`, {
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: "#pk = :pk",
        ExpressionAttributeNames: { "#pk": KEY.pk },
        ExpressionAttributeValues: { ":pk": logKey.pk(sqid) },
      });
      return items.map((item) => StoredEntry.parse(item).entry);
    },
  };
}
