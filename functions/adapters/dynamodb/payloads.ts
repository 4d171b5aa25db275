import { type DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { CodedError } from "../../contracts/errors.ts";
import { hashOf } from "../../contracts/hash.ts";
import type { PayloadRef } from "../../contracts/messages/payload-ref.ts";
import { KEY, payloadKey } from "../../contracts/tables.ts";
import { asciiJson } from "../../contracts/text.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { stored } from "../aws-errors.ts";

/** How long a payload is kept: longer than a message, a dead letter or an execution that refers to it. */
const KEEP_SECONDS = 60 * 86_400;

/** How much of a payload one item holds: DynamoDB takes 400 KB. */
const PART_BYTES = 300_000;

/** How many parts are read or written at once. */
const AT_ONCE = 4;

const Part = z.object({ text: z.string() });

/**
 * Writes the value as JSON, and answers the reference to it. The same value always has the same reference, so a repeat writes the same items.
 * One PutItem per 300 KB. Throws store.unavailable or internal.
 */
export async function putPayload(
  dynamodb: DynamoDBDocumentClient,
  table: string,
  value: unknown,
  now: EpochMs,
): Promise<PayloadRef> {
  const text = asciiJson(value);
  const id = hashOf(text);
  const parts = Array.from({ length: Math.ceil(text.length / PART_BYTES) }, (_, index) => index + 1);
  const expiresAt = Math.floor(now / 1_000) + KEEP_SECONDS;
  await inGroups(parts, async (part) => {
    const Item = {
      ...payloadKey(id, part),
      v: 1,
      text: text.slice((part - 1) * PART_BYTES, part * PART_BYTES),
      [KEY.ttl]: expiresAt,
    };
    await stored(`writing part ${part} of payload ${id}`, dynamodb.send(new PutCommand({ TableName: table, Item })));
  });
  return { table, id, parts: parts.length };
}

/**
 * The value that a reference names, parsed. Strongly consistent; one GetItem per 300 KB. Throws store.unavailable; internal when a part is
 * missing or was changed.
 */
export async function getPayload<T>(
  dynamodb: DynamoDBDocumentClient,
  { table, id, parts }: PayloadRef,
  schema: z.ZodType<T>,
): Promise<T> {
  const texts = await inGroups(
    Array.from({ length: parts }, (_, index) => index + 1),
    async (part) => {
      const get = new GetCommand({ TableName: table, Key: payloadKey(id, part), ConsistentRead: true });
      const { Item } = await stored(`reading part ${part} of payload ${id}`, dynamodb.send(get));
      return Part.safeParse(Item).data?.text ?? "";
    },
  );
  const text = texts.join("");
  if (hashOf(text) !== id) throw new CodedError("internal", `payload ${id} in ${table} is not what was written there`);
  return schema.parse(JSON.parse(text));
}

async function inGroups<A, B>(items: readonly A[], work: (item: A) => Promise<B>): Promise<readonly B[]> {
  const done: B[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE)
    done.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(work))));
  return done;
}
