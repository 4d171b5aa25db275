import { type DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { type QueueName, RequestNumber } from "../../contracts/ids.ts";
import { viewKeys } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { countFlaky, type FlakeLedger, type FlakyBuild, NO_FLAKES } from "../../domain/flakes.ts";
import { stored, won } from "../aws-errors.ts";
import { LOST, retryOnConflict } from "./retry-on-conflict.ts";
import { parseItem } from "./stored-item.ts";

const StoredLedger = z.object({
  flakes: z.array(
    z.object({
      name: z.string(),
      builds: z.int(),
      requests: z.int(),
      lastSeen: EpochMs,
      seenIn: z.array(RequestNumber),
    }),
  ),
  counted: z.array(z.string()),
  version: z.int().positive(),
});

/** The part of the view table that counts flaky tests: one item per queue, of at most some 20 KB. */
export interface ViewFlakes {
  /** One GetItem. */
  flakes(queue: QueueName): Promise<FlakeLedger>;
  /** Counts flaky builds; each counts once however often it is given. One GetItem and at most one PutItem; one more of each per lost race. */
  countFlaky(queue: QueueName, found: readonly FlakyBuild[]): Promise<void>;
}

/** The flakes in a stored item. Throws store.unreadable. */
export function flakesIn(item: Readonly<Record<string, unknown>> | undefined): {
  readonly ledger: FlakeLedger;
  readonly version: number;
} {
  if (item === undefined) return { ledger: NO_FLAKES, version: 0 };
  const { version, ...ledger } = parseItem(StoredLedger, item, `the flakes ${item["pk"]}`);
  return { ledger, version };
}

export const viewFlakes = (dynamodb: DynamoDBDocumentClient, table: string): ViewFlakes => {
  async function read(queue: QueueName): Promise<{ readonly ledger: FlakeLedger; readonly version: number }> {
    const get = new GetCommand({ TableName: table, Key: viewKeys.flakes(queue), ConsistentRead: true });
    const { Item } = await stored(`reading the flakes of ${queue}`, dynamodb.send(get));
    return flakesIn(Item);
  }

  const write = (queue: QueueName, ledger: FlakeLedger, before: number): Promise<boolean> =>
    won(
      `writing the flakes of ${queue}`,
      dynamodb.send(
        new PutCommand({
          TableName: table,
          Item: { ...viewKeys.flakes(queue), ...ledger, version: before + 1 },
          ConditionExpression: before === 0 ? "attribute_not_exists(#version)" : "#version = :before",
          ExpressionAttributeNames: { "#version": "version" },
          ...(before === 0 ? {} : { ExpressionAttributeValues: { ":before": before } }),
        }),
      ),
    );

  return {
    flakes: async (queue) => (await read(queue)).ledger,
    countFlaky: (queue, found) =>
      retryOnConflict(`the flakes of ${queue}`, async () => {
        const { ledger, version } = await read(queue);
        const next = countFlaky(ledger, found);
        return next === ledger || (await write(queue, next, version)) ? undefined : LOST;
      }),
  };
};
