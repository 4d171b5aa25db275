import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { ChangeUri, changeKey } from "../../contracts/change-uri.ts";
import { type QueueName, Sqid } from "../../contracts/ids.ts";
import { claimKey, KEY } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { FORMAT, parseItem } from "./stored-item.ts";

/**
 * How long a claim is stored that no call released. A crash leaves such a claim; when its owner has ended, another request may take the
 * change.
 */
const KEEP_SECONDS = 90 * 86_400;

/** `owner` holds the change that `uri` names, and with it every other commit of the same change. */
export const Claim = z.object({ owner: Sqid, uri: ChangeUri });
export type Claim = z.infer<typeof Claim>;

/** Which request of a queue holds which change: at most one request per change. Every method is one call, and throws store.unavailable. */
export interface ClaimsStore {
  /** Strongly consistent. Undefined when no request holds the change. Throws store.unreadable. */
  holder(queue: QueueName, uri: ChangeUri): Promise<Claim | undefined>;
  /**
   * Makes `claim.owner` the holder of the change. False, and nothing changes, when the change is held by a request other than `claim.owner` and
   * `from`.
   */
  claim(queue: QueueName, claim: Claim, now: EpochMs, from?: Sqid): Promise<boolean>;
  /** Ends the claim on the change when `owner` holds it, and otherwise does nothing. */
  release(queue: QueueName, uri: ChangeUri, owner: Sqid): Promise<void>;
}

export function claimsStore(dynamodb: DynamoDBDocumentClient, table: string): ClaimsStore {
  const keyOf = (queue: QueueName, uri: ChangeUri) => claimKey(queue, changeKey(uri));
  return {
    async holder(queue, uri) {
      const get = new GetCommand({ TableName: table, Key: keyOf(queue, uri), ConsistentRead: true });
      const { Item } = await stored(`reading the claim on ${uri}`, dynamodb.send(get));
      return Item === undefined ? undefined : parseItem(Claim, Item, `the claim on ${uri}`);
    },

    claim(queue, { owner, uri }, now, from = owner) {
      const expiresAt = Math.floor(now / 1_000) + KEEP_SECONDS;
      const put = new PutCommand({
        TableName: table,
        Item: { ...keyOf(queue, uri), v: FORMAT, owner, uri, claimedAt: now, [KEY.ttl]: expiresAt },
        ConditionExpression: "attribute_not_exists(pk) OR #owner = :owner OR #owner = :from",
        ExpressionAttributeNames: { "#owner": "owner" },
        ExpressionAttributeValues: { ":owner": owner, ":from": from },
      });
      return won(`claiming ${uri}`, dynamodb.send(put));
    },

    async release(queue, uri, owner) {
      const remove = new DeleteCommand({
        TableName: table,
        Key: keyOf(queue, uri),
        ConditionExpression: "#owner = :owner",
        ExpressionAttributeNames: { "#owner": "owner" },
        ExpressionAttributeValues: { ":owner": owner },
      });
      await won(`releasing ${uri}`, dynamodb.send(remove));
    },
  };
}
