import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import { ChangeUri } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import { partsOfSqid, QueueName, Sqid } from "../../contracts/ids.ts";
import { Priority } from "../../contracts/queues.ts";
import { Reason, type ReasonCode } from "../../contracts/reasons.ts";
import { MergeStrategy } from "../../contracts/strategy.ts";
import { KEY, requestKey } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { type LandingRequest, requestHasEnded } from "../../domain/request.ts";
import { stored, won } from "../aws-errors.ts";
import { StoredTouches } from "./batch-item.ts";
import { FORMAT, type Item, parseItem } from "./stored-item.ts";

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
  touches: StoredTouches.exactOptional(),
  priority: Priority.exactOptional(),
  priorityCount: z.int().positive().exactOptional(),
  reason: Reason.exactOptional(),
  endedAt: EpochMs.exactOptional(),
});

const keyOf = (sqid: Sqid) => {
  const { queue, n } = partsOfSqid(sqid);
  return requestKey(queue, n);
};

const itemOf = (request: LandingRequest) => ({
  ...keyOf(request.sqid),
  v: FORMAT,
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
const requestIn = (item: Item): LandingRequest => parseItem(StoredRequest, item, `request ${item["pk"]}/${item["sk"]}`);

type OnUnreadable = (error: CodedError) => void;

const readable = (items: readonly Item[], onUnreadable: OnUnreadable): readonly LandingRequest[] =>
  items.flatMap((item) => {
    try {
      return [requestIn(item)];
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "store.unreadable") throw error;
      onUnreadable(error);
      return [];
    }
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
    return Item === undefined ? undefined : requestIn(Item);
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
   * newest first, eventually consistent. One query per megabyte of the last 30 days; one in all with `newest`, for the newest 200. A request
   * that can't be read is left out, and `onUnreadable` is told.
   */
  async everyUnfinished(
    queue: QueueName,
    orEnded: { readonly code: ReasonCode; readonly since: EpochMs },
    { newest = false, onUnreadable }: { readonly newest?: boolean; readonly onUnreadable: OnUnreadable },
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
      found.push(...readable(page.Items ?? [], onUnreadable));
      after = newest ? undefined : page.LastEvaluatedKey;
    } while (after !== undefined);
    return found;
  }

  /**
   * Of the queue's newest 200 requests, those that have not ended: newest first, eventually consistent. A request that can't be read is left
   * out, and `onUnreadable` is told.
   */
  async unfinished(queue: QueueName, onUnreadable: OnUnreadable): Promise<readonly LandingRequest[]> {
    const query = new QueryCommand({ ...unfinishedOf(this.#table, queue), Limit: 200 });
    const { Items = [] } = await stored(`listing ${queue}`, this.#dynamodb.send(query));
    return readable(Items, onUnreadable);
  }
}
