import { setTimeout as pause } from "node:timers/promises";
import { BatchGetCommand, type DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { CodedError } from "../../contracts/errors.ts";
import { stored } from "../aws-errors.ts";
import type { Item } from "./stored-item.ts";

/** DynamoDB's bound on one BatchGetItem. */
const KEYS_PER_CALL = 100;
const ATTEMPTS = 6;

/**
 * The items of one table that exist, of these keys, in no order. Strongly consistent. One BatchGetItem per 100 keys, and more for keys that a
 * throttled table left out. Throws store.unavailable. `doing` is the subject of an error's message.
 */
export async function getAll(
  dynamodb: DynamoDBDocumentClient,
  table: string,
  keys: readonly Readonly<Record<string, unknown>>[],
  doing: string,
): Promise<Item[]> {
  const chunks = Array.from({ length: Math.ceil(keys.length / KEYS_PER_CALL) }, (_, i) =>
    keys.slice(i * KEYS_PER_CALL, (i + 1) * KEYS_PER_CALL),
  );
  return (await Promise.all(chunks.map((chunk) => getTogether(dynamodb, table, chunk, doing)))).flat();
}

async function getTogether(
  dynamodb: DynamoDBDocumentClient,
  table: string,
  keys: readonly Readonly<Record<string, unknown>>[],
  doing: string,
): Promise<Item[]> {
  const found: Item[] = [];
  let Keys: Record<string, unknown>[] = keys.map((key) => ({ ...key }));
  for (let attempt = 0; Keys.length > 0; attempt++) {
    if (attempt === ATTEMPTS) throw new CodedError("store.unavailable", `${doing}: ${Keys.length} items were not read`);
    if (attempt > 0) await pause(10 * 2 ** attempt);
    const get = new BatchGetCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } });
    const { Responses, UnprocessedKeys } = await stored(doing, dynamodb.send(get));
    found.push(...(Responses?.[table] ?? []));
    Keys = UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return found;
}
