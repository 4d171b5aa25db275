import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import { ChangeUri, changeKey } from "../../contracts/change-uri.ts";
import { type QueueName, Sqid } from "../../contracts/ids.ts";
import { claimKey, KEY } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { FORMAT, parseItem } from "./stored-item.ts";

/** Only what a crash has left behind lives that long: a claim whose owner has ended is free anyway. */
const KEEP_SECONDS = 90 * 86_400;

/** Who holds a change (whatever its commit), and which commit of it. */
export const Claim = z.object({ owner: Sqid, uri: ChangeUri });
export type Claim = z.infer<typeof Claim>;

/** Which request of a queue holds which change: at most one each. Each method is one call. All throw store.unavailable. */
export class ClaimsStore {
  readonly #dynamodb: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(dynamodb: DynamoDBDocumentClient, table: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
  }

  /** Strongly consistent. Undefined when no request holds the change. */
  async holder(queue: QueueName, uri: ChangeUri): Promise<Claim | undefined> {
    const { Item } = await stored(
      `reading the claim on ${uri}`,
      this.#dynamodb.send(
        new GetCommand({ TableName: this.#table, Key: claimKey(queue, changeKey(uri)), ConsistentRead: true }),
      ),
    );
    return Item === undefined ? undefined : parseItem(Claim, Item, `the claim on ${uri}`);
  }

  /** Takes the change when no request holds it, or `owner` or `from` does. False when another request holds it. */
  claim(queue: QueueName, { owner, uri }: Claim, now: EpochMs, from: Sqid = owner): Promise<boolean> {
    return won(
      `claiming ${uri}`,
      this.#dynamodb.send(
        new PutCommand({
          TableName: this.#table,
          Item: {
            ...claimKey(queue, changeKey(uri)),
            v: FORMAT,
            owner,
            uri,
            claimedAt: now,
            [KEY.ttl]: Math.floor(now / 1_000) + KEEP_SECONDS,
          },
          ConditionExpression: "attribute_not_exists(pk) OR #owner = :owner OR #owner = :from",
          ExpressionAttributeNames: { "#owner": "owner" },
          ExpressionAttributeValues: { ":owner": owner, ":from": from },
        }),
      ),
    );
  }

  /** Lets go of the change if `owner` holds it. */
  async release(queue: QueueName, uri: ChangeUri, owner: Sqid): Promise<void> {
    await won(
      `releasing ${uri}`,
      this.#dynamodb.send(
        new DeleteCommand({
          TableName: this.#table,
          Key: claimKey(queue, changeKey(uri)),
          ConditionExpression: "#owner = :owner",
          ExpressionAttributeNames: { "#owner": "owner" },
          ExpressionAttributeValues: { ":owner": owner },
        }),
      ),
    );
  }
}
