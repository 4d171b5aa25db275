import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { ChangeUri } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import { partsOfSqid, QueueName, RequestNumber, Sqid } from "../../contracts/ids.ts";
import { Priority } from "../../contracts/queues.ts";
import { Reason, type ReasonCode } from "../../contracts/reasons.ts";
import { MergeStrategy } from "../../contracts/strategy.ts";
import { KEY, requestKey } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { type LandingRequest, type RequestState, requestHasEnded } from "../../domain/request.ts";
import { stored, won } from "../aws-errors.ts";
import { StoredTouches } from "./batch-item.ts";
import { queryAll } from "./query-all.ts";
import { FORMAT, type Item, type OnUnreadable, parseItem, readableIn } from "./stored-item.ts";

/** How long a request is kept after its end. The request log is kept for good. */
export const KEEP_ENDED_SECONDS = 30 * 86_400;

/** How many of the newest requests every look at some requests reads. */
const NEWEST = 200;

const StoredRequest: z.ZodType<LandingRequest> = z.object({
  queue: QueueName,
  sqid: Sqid,
  /** Empty when the request was cancelled before its Land message arrived. */
  changes: z.array(ChangeUri),
  strategy: MergeStrategy,
  receivedAt: EpochMs,
  state: z.enum(["started", "validated", "ready", "landed", "error", "cancelled"]),
  version: z.int().positive(),
  target: z.string().exactOptional(),
  touches: StoredTouches.exactOptional(),
  author: z.string().exactOptional(),
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
  ...expiryOf(request),
});

const expiryOf = ({ state, endedAt }: Pick<RequestFields, "state" | "endedAt">): Item =>
  state !== undefined && requestHasEnded(state) && endedAt !== undefined
    ? { [KEY.ttl]: Math.floor(endedAt / 1_000) + KEEP_ENDED_SECONDS }
    : {};

/** Requests that have ended since a time for a reason: the log may not have been told of their end. */
interface EndedFor {
  readonly code: ReasonCode;
  readonly since: EpochMs;
}

/** The query for the requests of a queue that have not ended, and for those that ended for `orEnded`; newest first. */
const unfinishedOf = (TableName: string, queue: QueueName, orEnded: EndedFor | undefined) => ({
  TableName,
  KeyConditionExpression: "pk = :queue",
  FilterExpression: `#state IN (:started, :validated, :ready)${orEnded === undefined ? "" : " OR (#reason.#code = :code AND endedAt >= :since)"}`,
  ExpressionAttributeNames: {
    "#state": "state",
    ...(orEnded === undefined ? {} : { "#reason": "reason", "#code": "code" }),
  },
  ExpressionAttributeValues: {
    ":queue": queue,
    ":started": "started",
    ":validated": "validated",
    ":ready": "ready",
    ...(orEnded === undefined ? {} : { ":code": orEnded.code, ":since": orEnded.since }),
  },
  ScanIndexForward: false,
});
const requestIn = (item: Item): LandingRequest => parseItem(StoredRequest, item, `request ${item["pk"]}/${item["sk"]}`);

const readable = (items: readonly Item[], onUnreadable: OnUnreadable): readonly LandingRequest[] =>
  items.flatMap((item) => readableIn(item, requestIn, onUnreadable));

/** The orchestrator's requests. Every method is one call unless its docstring says otherwise, and throws store.unavailable. */
export interface RequestsStore {
  /** Strongly consistent. Undefined when the request was never written, or ended more than 30 days ago. Throws store.unreadable. */
  get(sqid: Sqid): Promise<LandingRequest | undefined>;
  /** False when the request is stored already. */
  create(request: LandingRequest): Promise<boolean>;
  /**
   * Changes fields of a request that is in one of the states `from`, removes `removed`, and counts the version up. Answers the request as it is
   * then; undefined, and nothing is written, when the request is in another state or does not exist.
   */
  change(
    sqid: Sqid,
    from: readonly RequestState[],
    fields: RequestFields,
    removed?: readonly (keyof LandingRequest)[],
  ): Promise<LandingRequest | undefined>;
  /** Writes `next`. False, and nothing is written, when the stored version is not `next.version - 1`. */
  replace(next: LandingRequest): Promise<boolean>;
  /**
   * The requests of the queue that have not ended, and those that have ended for `orEnded`. Newest first, eventually consistent. One Query per
   * megabyte of the last 30 days. A request that can't be read is left out, and given to `onUnreadable`.
   */
  everyUnfinished(
    queue: QueueName,
    options: { readonly orEnded: EndedFor; readonly onUnreadable: OnUnreadable },
  ): Promise<readonly LandingRequest[]>;
  /**
   * As `everyUnfinished`, of the queue's newest 200 requests and of a megabyte of older ones: those below the number `below`, which is what the
   * call before this one answered, or else those that follow the newest. So calls in a row look at every request. One Query, two when there
   * are older requests.
   *
   * Example: of 5,000 requests of a kilobyte each, every call looks at requests 5000 to 4801. The first call also looks at 4800 to 3801, and
   * answers `below` 3801; the fifth looks at 800 to 1, and answers no `below`. The sixth begins at 4800 again.
   */
  someUnfinished(
    queue: QueueName,
    options: {
      readonly below: RequestNumber | undefined;
      readonly orEnded?: EndedFor;
      readonly onUnreadable: OnUnreadable;
    },
  ): Promise<{ readonly requests: readonly LandingRequest[]; readonly below: RequestNumber | undefined }>;
}

/** The fields that a request gets while it goes on. */
type RequestFields = Partial<Pick<LandingRequest, "state" | "touches" | "author" | "reason" | "endedAt">>;

export function requestsStore(dynamodb: DynamoDBDocumentClient, table: string): RequestsStore {
  /** One Query. `below`: undefined when there are no older requests than the ones that the Query looked at. */
  async function page(queue: QueueName, query: QueryCommandInput) {
    const answer = await stored(`listing ${queue}`, dynamodb.send(new QueryCommand(query)));
    const { Items = [], LastEvaluatedKey: last } = answer;
    return { items: Items, below: last === undefined ? undefined : RequestNumber.parse(Number(last[KEY.sk])) };
  }

  return {
    async get(sqid) {
      const get = new GetCommand({ TableName: table, Key: keyOf(sqid), ConsistentRead: true });
      const { Item } = await stored(`reading ${sqid}`, dynamodb.send(get));
      return Item === undefined ? undefined : requestIn(Item);
    },

    create(request) {
      const Item = itemOf(request);
      const put = new PutCommand({ TableName: table, Item, ConditionExpression: "attribute_not_exists(pk)" });
      return won(`creating ${request.sqid}`, dynamodb.send(put));
    },

    async change(sqid, from, fields, removed = []) {
      const set = Object.entries({ ...fields, ...expiryOf(fields) });
      const names = [...set.map(([name]) => name), ...removed, "state", "version"];
      const update = new UpdateCommand({
        TableName: table,
        Key: keyOf(sqid),
        UpdateExpression: [
          `SET #version = #version + :one${set.map(([name]) => `, #${name} = :${name}`).join("")}`,
          ...(removed.length === 0 ? [] : [`REMOVE ${removed.map((name) => `#${name}`).join(", ")}`]),
        ].join(" "),
        ConditionExpression: `#state IN (${from.map((_, i) => `:from${i}`).join(", ")})`,
        ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: {
          ":one": 1,
          ...Object.fromEntries(set.map(([name, value]) => [`:${name}`, value])),
          ...Object.fromEntries(from.map((state, i) => [`:from${i}`, state])),
        },
        ReturnValues: "ALL_NEW",
      });
      try {
        const { Attributes = {} } = await stored(`writing ${sqid}`, dynamodb.send(update));
        return requestIn(Attributes);
      } catch (error) {
        if (error instanceof CodedError && error.code === "store.version_conflict") return undefined;
        throw error;
      }
    },

    replace(next) {
      const put = new PutCommand({
        TableName: table,
        Item: itemOf(next),
        ConditionExpression: "#version = :before",
        ExpressionAttributeNames: { "#version": "version" },
        ExpressionAttributeValues: { ":before": next.version - 1 },
      });
      return won(`writing ${next.sqid}`, dynamodb.send(put));
    },

    async everyUnfinished(queue, { orEnded, onUnreadable }) {
      const query = unfinishedOf(table, queue, orEnded);
      return readable(await queryAll(dynamodb, `listing ${queue}`, query), onUnreadable);
    },

    async someUnfinished(queue, { below = Number.POSITIVE_INFINITY, orEnded, onUnreadable }) {
      const query = unfinishedOf(table, queue, orEnded);
      const newest = await page(queue, { ...query, Limit: NEWEST });
      if (newest.below === undefined) return { requests: readable(newest.items, onUnreadable), below: undefined };
      const from = RequestNumber.parse(Math.min(below, newest.below));
      const older = await page(queue, { ...query, ExclusiveStartKey: requestKey(queue, from) });
      return { requests: readable([...newest.items, ...older.items], onUnreadable), below: older.below };
    },
  };
}
