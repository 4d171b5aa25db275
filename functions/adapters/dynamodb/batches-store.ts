import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
} from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import { type BatchId, BuildKey, GitSha, Installation, type QueueName } from "../../contracts/ids.ts";
import { Reason } from "../../contracts/reasons.ts";
import { batchKeys, KEY } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import type { Batch } from "../../domain/batch.ts";
import type { QueueState } from "../../domain/planner/plan.ts";
import type { LiveQueue, QueueStore, StoredQueue } from "../../domain/planner/run-planner.ts";
import { stored, won } from "../aws-errors.ts";
import { batchIn, itemOf } from "./batch-item.ts";
import { FORMAT, type Item, parseItem } from "./stored-item.ts";

/** How long a batch that nothing refers to any more is kept. */
const KEEP_DONE_SECONDS = 30 * 86_400;

const Rate = z.number();

/** As the domain has it: `features` tells a model of another release, which the domain forgets. */
const StoredHistory = z.looseObject({
  features: z.number(),
  outcomes: z.int().nonnegative(),
  weights: z.array(z.number()),
  steps: z.array(z.number()),
  authors: z.record(z.string(), z.tuple([Rate, Rate])),
  buildMs: z.tuple([Rate, Rate, Rate]).exactOptional(),
  clash: Rate.exactOptional(),
});

/** What the scorer has learned is kept as text: DynamoDB forgets the order of keys, and refuses tiny numbers. */
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

/** The queue's own item. Fields that a later release adds are kept when this one writes the item again. */
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

/** The one door to a queue's batches. Each write is one call, and takes only if the stored version is the expected one. All throw store.unavailable. */
export class BatchesStore implements QueueStore {
  readonly #dynamodb: DynamoDBDocumentClient;
  readonly #table: string;
  /** The batches of each queue as they were last read, by id: one whose version is the same is the same, and is not parsed again. */
  readonly #known = new Map<QueueName, ReadonlyMap<unknown, Batch>>();

  constructor(dynamodb: DynamoDBDocumentClient, table: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
  }

  /**
   * One strongly consistent query: one call per megabyte. A queue that was never written is empty, at version 0. Throws store.unreadable when
   * an item can't be read: builds and landings of the other batches may rest on it, so the queue can't go on without it.
   */
  async live(queue: QueueName): Promise<LiveQueue> {
    const { pk } = batchKeys.queue(queue);
    const pages = paginateQuery(
      { client: this.#dynamodb },
      {
        TableName: this.#table,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": pk },
        ConsistentRead: true,
      },
    );
    const items: Item[] = [];
    await stored(
      `reading queue ${queue}`,
      (async () => {
        for await (const { Items = [] } of pages) items.push(...Items);
      })(),
    );
    const own = items.find(({ sk }) => sk === batchKeys.queue(queue).sk);
    const known = this.#known.get(queue);
    const batches = items
      .filter((item) => item !== own)
      .map((item) => {
        const before = known?.get(item["id"]);
        return before !== undefined && before.version === item["version"] ? before : batchIn(item);
      });
    this.#known.set(queue, new Map(batches.map((batch) => [batch.id, batch])));
    return { queue: queueOf(queue, own), batches };
  }

  /** The queue's own item, without its batches. Strongly consistent. Throws store.unreadable. */
  async own(queue: QueueName): Promise<StoredQueue> {
    const get = new GetCommand({ TableName: this.#table, Key: batchKeys.queue(queue), ConsistentRead: true });
    const { Item } = await stored(`reading queue ${queue}`, this.#dynamodb.send(get));
    return queueOf(queue, Item);
  }

  /** Strongly consistent. Undefined when it is not live. */
  async get(queue: QueueName, id: BatchId): Promise<Batch | undefined> {
    const { Item } = await stored(
      `reading ${id}`,
      this.#dynamodb.send(
        new GetCommand({ TableName: this.#table, Key: batchKeys.live(queue, id), ConsistentRead: true }),
      ),
    );
    return Item === undefined ? undefined : batchIn(Item);
  }

  /** Writes `next` over version `before`; 0 means that it must not exist. False when something else is stored. */
  putQueue(next: QueueState, before: number): Promise<boolean> {
    const { history, ...state } = next;
    const learned = history === undefined ? {} : { history: JSON.stringify(history) };
    return this.#put(
      `writing queue ${next.queue}`,
      { ...batchKeys.queue(next.queue), v: FORMAT, ...state, ...learned },
      before,
    );
  }

  /** Writes `next` over version `before`; 0 means that it must not exist. False when something else is stored. */
  put(next: Batch, before: number): Promise<boolean> {
    return this.#put(`writing ${next.id}`, { ...batchKeys.live(next.queue, next.id), ...itemOf(next) }, before);
  }

  /** Moves a batch out of the live partition: two calls, and repeating them after a crash is harmless. False when a later version is stored. */
  async archive(batch: Batch, now: EpochMs): Promise<boolean> {
    const doing = `archiving ${batch.id}`;
    const expiresAt = Math.floor(now / 1_000) + KEEP_DONE_SECONDS;
    const Item = { ...batchKeys.done(batch.queue, batch.id), ...itemOf(batch), [KEY.ttl]: expiresAt };
    await stored(doing, this.#dynamodb.send(new PutCommand({ TableName: this.#table, Item })));
    return won(
      doing,
      this.#dynamodb.send(
        new DeleteCommand({
          TableName: this.#table,
          Key: batchKeys.live(batch.queue, batch.id),
          ConditionExpression: "attribute_not_exists(pk) OR #version = :version",
          ExpressionAttributeNames: { "#version": "version" },
          ExpressionAttributeValues: { ":version": batch.version },
        }),
      ),
    );
  }

  #put(doing: string, Item: Item, before: number): Promise<boolean> {
    const condition =
      before === 0
        ? { ConditionExpression: "attribute_not_exists(pk)" }
        : {
            ConditionExpression: "#version = :before",
            ExpressionAttributeNames: { "#version": "version" },
            ExpressionAttributeValues: { ":before": before },
          };
    return won(doing, this.#dynamodb.send(new PutCommand({ TableName: this.#table, Item: { ...Item }, ...condition })));
  }
}
