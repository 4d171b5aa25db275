import { type DynamoDBDocumentClient, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { ChangeUri } from "../../contracts/change-uri.ts";
import { type QueueName, RequestNumber } from "../../contracts/ids.ts";
import { KEY, viewKeys } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { stored } from "../aws-errors.ts";
import { type Item, parseItem } from "./stored-item.ts";

/** Longer than the day that counts. */
const KEPT_SECONDS = 2 * 86_400;

const Refusals = z.object({ numbers: z.set(RequestNumber) });

/** The part of the view table that notes which requests for a change were refused: one item per change, of some 5 bytes a request. */
export interface ViewRefusals {
  /** Notes that request `n` was refused, with each of its changes. A repeat changes nothing. One UpdateItem per change. */
  noteRefusal(queue: QueueName, n: RequestNumber, changes: readonly ChangeUri[], now: EpochMs): Promise<void>;
}

export const viewRefusals = (dynamodb: DynamoDBDocumentClient, table: string): ViewRefusals => ({
  async noteRefusal(queue, n, changes, now) {
    for (const uri of changes) {
      const note = new UpdateCommand({
        TableName: table,
        Key: viewKeys.refused(queue, uri),
        UpdateExpression: "SET #ttl = :ttl ADD #numbers :number",
        ExpressionAttributeNames: { "#ttl": KEY.ttl, "#numbers": "numbers" },
        ExpressionAttributeValues: { ":ttl": Math.floor(now / 1_000) + KEPT_SECONDS, ":number": new Set([n]) },
      });
      await stored(`noting that ${uri} was refused`, dynamodb.send(note));
    }
  },
});

/** The numbers in a stored item, newest first. Throws store.unreadable. */
export const refusedIn = (item: Item | undefined): readonly RequestNumber[] =>
  item === undefined
    ? []
    : [...parseItem(Refusals, item, `the refusals ${item[KEY.pk]}`).numbers].sort((a, b) => b - a);
