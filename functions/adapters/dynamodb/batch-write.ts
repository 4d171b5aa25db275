import { setTimeout as pause } from "node:timers/promises";
import { BatchWriteCommand, type DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { CodedError } from "../../contracts/errors.ts";
import { stored } from "../aws-errors.ts";

/** An item, and the table that it is put into. */
export interface TablePut {
  readonly table: string;
  readonly item: Readonly<Record<string, unknown>>;
}

/** DynamoDB's bound on one BatchWriteItem. */
const ITEMS_PER_CALL = 25;
const ATTEMPTS = 6;

/**
 * Writes items, each over the item with the same key. Meant for items whose repeat is the same item. No two items may have the same key. One
 * BatchWriteItem per 25 items, and more for items that a throttled table left out. Throws store.unavailable; then some items may have been
 * written.
 */
export async function putAll(dynamodb: DynamoDBDocumentClient, puts: readonly TablePut[]): Promise<void> {
  for (let from = 0; from < puts.length; from += ITEMS_PER_CALL)
    await putTogether(dynamodb, puts.slice(from, from + ITEMS_PER_CALL));
}

type Requests = NonNullable<BatchWriteCommand["input"]["RequestItems"]>;

async function putTogether(dynamodb: DynamoDBDocumentClient, puts: readonly TablePut[]): Promise<void> {
  let left: Requests = {};
  for (const { table, item } of puts) left[table] = [...(left[table] ?? []), { PutRequest: { Item: item } }];
  for (let attempt = 0; Object.keys(left).length > 0; attempt++) {
    if (attempt === ATTEMPTS) throw new CodedError("store.unavailable", "some items were not written");
    if (attempt > 0) await pause(10 * 2 ** attempt);
    const write = dynamodb.send(new BatchWriteCommand({ RequestItems: left }));
    left = (await stored("writing items", write)).UnprocessedItems ?? {};
  }
}
