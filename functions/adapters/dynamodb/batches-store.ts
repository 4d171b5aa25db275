import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { CodedError } from "../../contracts/errors.ts";
import { type BatchId, BuildKey, GitSha, Installation, type QueueName } from "../../contracts/ids.ts";
import { Reason } from "../../contracts/reasons.ts";
import { batchKeys } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import type { Batch } from "../../domain/batch.ts";
import type { QueueState } from "../../domain/planner/plan.ts";
import type { LiveQueue, QueueStore, StoredQueue } from "../../domain/planner/run-planner.ts";
import { stored, won } from "../aws-errors.ts";
import { batchIn, itemOf } from "./batch-item.ts";
import { queryAll } from "./query-all.ts";
import { FORMAT, type Item, parseItem, readableIn } from "./stored-item.ts";

const Rate = z.number();

/** The scorer's history, as the domain has it. The domain discards a history whose `features` is not the number of features of this release. */
const StoredHistory = z.looseObject({
  features: z.number(),
  outcomes: z.int().nonnegative(),
  weights: z.array(z.number()),
  steps: z.array(z.number()),
  authors: z.record(z.string(), z.tuple([Rate, Rate])),
  buildMs: z.tuple([Rate, Rate, Rate]).exactOptional(),
  clash: Rate.exactOptional(),
});

/** The scorer's history is stored as text, since DynamoDB does not keep the order of keys, and refuses numbers closer to 0 than 1e-130. */
const HistoryText = z.string().transform((text, ctx): NonNullable<QueueState["history"]> => {
  try {
    return StoredHistory.parse(JSON.parse(text)) as NonNullable<QueueState["history"]>;
  } catch (cause) {
    ctx.addIssue({ code: "custom", message: `no history of a queue: ${String(cause)}` });
    return z.NEVER;
  }
});

const StoredTrunk = z.looseObject({
  vouched: z.array(GitSha),
  keptSince: EpochMs.exactOptional(),
  halfAt: EpochMs.exactOptional(),
  soundSince: EpochMs.exactOptional(),
  unproven: z.array(GitSha),
  knownAt: EpochMs,
  build: z
    .looseObject({
      buildKey: BuildKey,
      state: z.enum(["building", "cancelling"]),
      dispatched: z.boolean(),
      startedAt: EpochMs,
      unless: z.array(GitSha),
    })
    .exactOptional(),
  buildCount: z.int().nonnegative(),
  red: z
    .looseObject({
      since: EpochMs,
      commit: GitSha,
      author: z.string().exactOptional(),
      reason: Reason,
      built: GitSha,
      failures: z.int().positive(),
      rebuildAt: EpochMs,
      lookAt: EpochMs,
    })
    .exactOptional(),
  recoveredAt: EpochMs.exactOptional(),
  brokenDown: z.object({ count: z.int().positive(), nextAt: EpochMs }).exactOptional(),
  rejectedInARow: z.int().nonnegative(),
  changes: z.int().nonnegative(),
  told: z.int().nonnegative(),
});

/** The queue's own item. Fields that a later release added are kept when this release writes the item again. */
const QueueItem = z.looseObject({
  installation: Installation.optional(),
  target: z.string().exactOptional(),
  nextArrival: z.int().positive(),
  nextPosition: z.int().positive(),
  version: z.int().positive(),
  history: HistoryText.exactOptional(),
  evidenceSince: EpochMs.exactOptional(),
  trunk: StoredTrunk.exactOptional(),
  paused: z.object({ since: EpochMs, note: z.string().exactOptional() }).exactOptional(),
  control: z.int().positive().exactOptional(),
});

function queueOf(queue: QueueName, item: Item | undefined): StoredQueue {
  if (item === undefined) return { queue, nextArrival: 1, nextPosition: 1, version: 0 };
  const { pk, sk, ...stored } = item;
  const { v: _v, ...state } = parseItem(QueueItem, stored, `${pk} ${sk}`);
  return { ...state, queue };
}

/** The live batches of the queues, and each queue's own item. Every method throws store.unavailable. */
export interface BatchesStore extends QueueStore {
  /**
   * A queue's own item and its live batches. Strongly consistent; one Query per megabyte. A queue that was never written is empty, at version
   * 0. Throws store.unreadable when an item can't be read: builds and landings of the other batches may depend on the unreadable item, so the
   * queue can't be planned without it.
   */
  live(queue: QueueName): Promise<LiveQueue>;
  /**
   * As `live`, for a queue that is not planned any more: a batch that can't be read is left out. `unreadable`: why, by the ids of the batches.
   * Throws store.unreadable when the queue's own item can't be read.
   */
  readable(queue: QueueName): Promise<LiveQueue & { readonly unreadable: ReadonlyMap<string, CodedError> }>;
  /** The queue's own item, without its batches. Strongly consistent; one GetItem. Throws store.unreadable. */
  own(queue: QueueName): Promise<StoredQueue>;
  /** Strongly consistent; one GetItem. Undefined when the batch is not live. Throws store.unreadable. */
  get(queue: QueueName, id: BatchId): Promise<Batch | undefined>;
  /**
   * Writes the queue's own item. One PutItem. False, and nothing is written, when the stored version is not `before`; with `before` 0, when an
   * item is stored.
   */
  putQueue(next: QueueState, before: number): Promise<boolean>;
  /**
   * Writes a batch. One PutItem. False, and nothing is written, when the stored version is not `before`; with `before` 0, when the batch is
   * stored.
   */
  put(next: Batch, before: number): Promise<boolean>;
  /**
   * Takes a batch out of the live ones. One DeleteItem, which may be repeated after a crash. False when another version than `before` is live:
   * then the batch stays live.
   */
  archive(batch: Batch, before: number): Promise<boolean>;
}

export function batchesStore(dynamodb: DynamoDBDocumentClient, table: string): BatchesStore {
  /** The batches of each queue as they were last read or remembered, by id. A batch whose stored version is the same is not parsed again. */
  const lastRead = new Map<QueueName, Map<unknown, Batch>>();

  const put = (doing: string, Item: Item, before: number): Promise<boolean> =>
    won(doing, dynamodb.send(new PutCommand({ TableName: table, Item: { ...Item }, ...whileVersion(before) })));

  async function itemsOf(queue: QueueName) {
    const items = await queryAll(dynamodb, `reading queue ${queue}`, {
      TableName: table,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": batchKeys.queue(queue).pk },
      ConsistentRead: true,
    });
    const own = items.find(({ sk }) => sk === batchKeys.queue(queue).sk);
    return { own, ofBatches: items.filter((item) => item !== own) };
  }

  return {
    async readable(queue) {
      const { own, ofBatches } = await itemsOf(queue);
      const unreadable = new Map<string, CodedError>();
      const idOf = ({ sk }: Item) => String(sk).slice(batchKeys.live(queue, "" as BatchId).sk.length);
      const batches = ofBatches.flatMap((item) =>
        readableIn(item, batchIn, (error) => unreadable.set(idOf(item), error)),
      );
      return { queue: queueOf(queue, own), batches, unreadable };
    },

    async live(queue) {
      const { own, ofBatches } = await itemsOf(queue);
      const known = lastRead.get(queue);
      const batches = ofBatches.map((item) => {
        const before = known?.get(item["id"]);
        return before !== undefined && before.version === item["version"] ? before : batchIn(item);
      });
      lastRead.set(queue, new Map(batches.map((batch) => [batch.id, batch])));
      return { queue: queueOf(queue, own), batches };
    },

    remember(batch) {
      const known = lastRead.get(batch.queue) ?? new Map<unknown, Batch>();
      lastRead.set(batch.queue, known.set(batch.id, batch));
    },

    async own(queue) {
      const get = new GetCommand({ TableName: table, Key: batchKeys.queue(queue), ConsistentRead: true });
      const { Item } = await stored(`reading queue ${queue}`, dynamodb.send(get));
      return queueOf(queue, Item);
    },

    async get(queue, id) {
      const get = new GetCommand({ TableName: table, Key: batchKeys.live(queue, id), ConsistentRead: true });
      const { Item } = await stored(`reading ${id}`, dynamodb.send(get));
      return Item === undefined ? undefined : batchIn(Item);
    },

    putQueue({ history, ...state }, before) {
      const learned = history === undefined ? {} : { history: JSON.stringify(history) };
      const item = { ...batchKeys.queue(state.queue), v: FORMAT, ...state, ...learned };
      return put(`writing queue ${state.queue}`, item, before);
    },

    put: (next, before) =>
      put(`writing ${next.id}`, { ...batchKeys.live(next.queue, next.id), ...itemOf(next) }, before),

    archive(batch, before) {
      const remove = new DeleteCommand({
        TableName: table,
        Key: batchKeys.live(batch.queue, batch.id),
        ConditionExpression: "attribute_not_exists(pk) OR #version = :before",
        ExpressionAttributeNames: { "#version": "version" },
        ExpressionAttributeValues: { ":before": before },
      });
      return won(`archiving ${batch.id}`, dynamodb.send(remove));
    },
  };
}

const whileVersion = (before: number) =>
  before === 0
    ? { ConditionExpression: "attribute_not_exists(pk)" }
    : {
        ConditionExpression: "#version = :before",
        ExpressionAttributeNames: { "#version": "version" },
        ExpressionAttributeValues: { ":before": before },
      };
