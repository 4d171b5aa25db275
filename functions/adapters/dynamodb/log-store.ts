import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { hashOf } from "../../contracts/hash.ts";
import type { Sqid } from "../../contracts/ids.ts";
import { LogEvent } from "../../contracts/log-event.ts";
import { KEY, logKey } from "../../contracts/tables.ts";
import { putAll, type TablePut } from "./batch-write.ts";
import { queryAll } from "./query-all.ts";
import { type Item, type OnUnreadable, parseItem, readableIn } from "./stored-item.ts";

/** An item holds the entries that were written together. An item of an earlier release holds one, as `entry`. */
const StoredEntries = z.union([
  z.object({ entries: z.array(z.looseObject({})) }),
  z.object({ entry: z.looseObject({}) }).transform(({ entry }) => ({ entries: [entry] })),
]);

/** The entries in a stored item, each of which may be of another release. An entry that can't be read is left out. */
function entriesIn(item: Item, onUnreadable: OnUnreadable): readonly LogEvent[] {
  const key = `${item[KEY.pk]} ${item[KEY.sk]}`;
  const entryIn = (entry: Item): LogEvent => parseItem(LogEvent, entry, `an entry of the item ${key}`);
  const read = (whole: Item) => parseItem(StoredEntries, whole, `the item ${key}`).entries;
  return readableIn(item, read, onUnreadable)
    .flat()
    .flatMap((entry) => readableIn(entry, entryIn, onUnreadable));
}

/** How much text the entries of one item are: DynamoDB takes items of 400 KB, and counts a character as up to three bytes. */
const MOST_CHARACTERS = 100_000;

/**
 * The request log: append-only. Entries of a request that are written together are one item, which costs one write unit per kilobyte of all
 * of them instead of one per entry. Every method throws store.unavailable or internal.
 */
export interface LogStore {
  /**
   * The items of entries of one request, no two with the same id: one item per 100,000 characters. The key of an item is made of the ids of
   * its entries, so an item is overwritten only by the same entries. Example: an item holds A and B, and later A is written again by itself.
   * The log then has two items, and a reader finds A, B. No call.
   */
  itemsOf(entries: readonly LogEvent[]): readonly TablePut[];
  /** Entries of one request, no two with the same id. One BatchWriteItem per 25 items. */
  append(entries: readonly LogEvent[]): Promise<void>;
  /**
   * A request's entries in order of id, each once; empty when nothing was ever logged. An entry that can't be read is left out, and given to
   * `onUnreadable`. Strongly consistent; one Query per megabyte.
   */
  entries(sqid: Sqid): Promise<LogEvent[]>;
}

export function logStore(dynamodb: DynamoDBDocumentClient, table: string, onUnreadable: OnUnreadable): LogStore {
  const itemsOf = (entries: readonly LogEvent[]): readonly TablePut[] =>
    chunksOf(entries).map((chunk) => ({ table, item: itemOf(chunk) }));
  return {
    itemsOf,
    append: (entries) => putAll(dynamodb, itemsOf(entries)),
    async entries(sqid) {
      const items = await queryAll(dynamodb, `reading the log of ${sqid}`, {
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: "#pk = :pk",
        ExpressionAttributeNames: { "#pk": KEY.pk },
        ExpressionAttributeValues: { ":pk": logKey.pk(sqid) },
      });
      const byId = new Map<string, LogEvent>();
      for (const item of items) for (const entry of entriesIn(item, onUnreadable)) byId.set(entry.id, entry);
      return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    },
  };
}

type Chunk = readonly [LogEvent, ...LogEvent[]];

function itemOf(chunk: Chunk): TablePut["item"] {
  const [first] = chunk;
  const ids = chunk.map(({ id }) => id).sort();
  const sk = ids.length === 1 ? first.id : `${ids[0]}+${hashOf("entries", ...ids).slice(0, 20)}`;
  return { [KEY.pk]: logKey.pk(first.sqid), [KEY.sk]: logKey.sk(sk), entries: chunk };
}

function chunksOf(entries: readonly LogEvent[]): readonly Chunk[] {
  const chunks: [LogEvent, ...LogEvent[]][] = [];
  let left = 0;
  for (const entry of entries) {
    const size = JSON.stringify(entry).length;
    const last = chunks.at(-1);
    if (last !== undefined && size <= left) last.push(entry);
    else {
      chunks.push([entry]);
      left = MOST_CHARACTERS;
    }
    left -= size;
  }
  return chunks;
}
