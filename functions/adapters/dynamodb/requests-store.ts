import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import { ChangeUri } from "../../contracts/change-uri.ts";
import { partsOfSqid, QueueName, Sqid } from "../../contracts/ids.ts";
import { Priority } from "../../contracts/queues.ts";
import { Reason, type ReasonCode } from "../../contracts/reasons.ts";
import { MergeStrategy } from "../../contracts/strategy.ts";
import { KEY, requestKey } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { Touches } from "../../contracts/touches.ts";
import { type LandingRequest, requestHasEnded } from "../../domain/request.ts";
import { stored, won } from "./errors.ts";

/** How long a request is kept after its end. The log keeps its history for good. */
export const KEEP_ENDED_SECONDS = 30 * 86_400;

const StoredRequest: z.ZodType<LandingRequest> = z.object({
  queue: QueueName,
  sqid: Sqid,
  /** Empty when it was cancelled before its Land was seen. */
  changes: z.array(ChangeUri),
  strategy: MergeStrategy,
  receivedAt: EpochMs,
  state: z.enum(["started", "validated", "ready", "landed", "error", "cancelled"]),
  version: z.int().positive(),
  target: z.string().exactOptional(),
  touches: Touches.exactOptional(),
  priority: Priority.exactOptional(),
  reason: Reason.exactOptional(),
  endedAt: EpochMs.exactOptional(),
});

const keyOf = (sqid: Sqid) => {
  const { queue, n } = partsOfSqid(sqid);
  return requestKey(queue, n);
};

const itemOf = (request: LandingRequest) => ({
  ...keyOf(request.sqid),
  ...request,
  ...(requestHasEnded(request.state) && request.endedAt !== undefined
    ? { [KEY.ttl]: Math.floor(request.endedAt / 1_000) + KEEP_ENDED_SECONDS }
    : {}),
});

const unfinishedOf = (TableName: string, queue: QueueName) => ({
  TableName,
  KeyConditionExpression: "pk = :queue",
  FilterExpression: "#state IN (:started, :validated, :ready)",
  ExpressionAttributeNames: { "#state": "state" },
  ExpressionAttributeValues: {
    ":queue": queue,
    ":started": "started",
    ":validated": "validated",
    ":ready": "ready",
  },
  ScanIndexForward: false,
});

/** The one door to a request. Each method is one call. All throw store.unavailable. */
export class RequestsStore {
  readonly #dynamodb: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(dynamodb: DynamoDBDocumentClient, table: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
  }

  /** Strongly consistent. Undefined when it was never written, or ended long ago. */
  async get(sqid: Sqid): Promise<LandingRequest | undefined> {
    const { Item } = await stored(
      `reading ${sqid}`,
      this.#dynamodb.send(new GetCommand({ TableName: this.#table, Key: keyOf(sqid), ConsistentRead: true })),
    );
    return Item === undefined ? undefined : StoredRequest.parse(Item);
  }

  /** False when it exists already. */
  create(request: LandingRequest): Promise<boolean> {
    return won(
      `creating ${request.sqid}`,
      this.#dynamodb.send(
        new PutCommand({
          TableName: this.#table,
          Item: itemOf(request),
          ConditionExpression: "attribute_not_exists(pk)",
        }),
      ),
    );
  }

  /** Writes `next` iff the stored version is the one before its own. False when it is not. */
  replace(next: LandingRequest): Promise<boolean> {
    return won(
      `writing ${next.sqid}`,
      this.#dynamodb.send(
        new PutCommand({
          TableName: this.#table,
          Item: itemOf(next),
          ConditionExpression: "#version = :before",
          ExpressionAttributeNames: { "#version": "version" },
          ExpressionAttributeValues: { ":before": next.version - 1 },
        }),
      ),
    );
  }

  /**
   * All requests of the queue that have not ended, and those that have ended since then for `orEnded.code`, whose end may not have been told:
   * newest first, eventually consistent. One query per megabyte of the last 30 days; one in all with `newest`, for the newest 200.
   */
  async everyUnfinished(
    queue: QueueName,
    orEnded: { readonly code: ReasonCode; readonly since: EpochMs },
    { newest = false } = {},
  ): Promise<readonly LandingRequest[]> {
    const found: LandingRequest[] = [];
    let after: Record<string, unknown> | undefined;
    do {
      const { FilterExpression, ...unfinished } = unfinishedOf(this.#table, queue);
      const query = new QueryCommand({
        ...unfinished,
        FilterExpression: `${FilterExpression} OR (#reason.#code = :code AND endedAt >= :since)`,
        ExpressionAttributeNames: { ...unfinished.ExpressionAttributeNames, "#reason": "reason", "#code": "code" },
        ExpressionAttributeValues: {
          ...unfinished.ExpressionAttributeValues,
          ":code": orEnded.code,
          ":since": orEnded.since,
        },
        ...(newest ? { Limit: 200 } : { ExclusiveStartKey: after }),
      });
      const page = await stored(`listing ${queue}`, this.#dynamodb.send(query));
      found.push(...(page.Items ?? []).map((item) => StoredRequest.parse(item)));
      after = newest ? undefined : page.LastEvaluatedKey;
    } while (after !== undefined);
    return found;
  }

  /** Of the queue's newest 200 requests, those that have not ended: newest first, eventually consistent. */
  async unfinished(queue: QueueName): Promise<readonly LandingRequest[]> {
    const query = new QueryCommand({ ...unfinishedOf(this.#table, queue), Limit: 200 });
    const { Items = [] } = await stored(`listing ${queue}`, this.#dynamodb.send(query));
    return Items.map((item) => StoredRequest.parse(item));
  }
}
