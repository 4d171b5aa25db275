import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
} from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import { BatchId, Installation, type QueueName } from "../../contracts/ids.ts";
import { batchKeys, KEY } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Batch } from "../../domain/batch.ts";
import type { QueueState } from "../../domain/planner/plan.ts";
import { stored, won } from "./errors.ts";

/** How long a batch that nothing refers to any more is kept. */
const KEEP_DONE_SECONDS = 30 * 86_400;

type Item = Readonly<Record<string, unknown>>;

/** Only the planner writes batches, and writes them whole: an item with these parts is one of its own. */
const BatchItem = z.looseObject({ id: BatchId, version: z.int().positive(), paths: z.array(z.unknown()) });

function batchOf(item: Item): Batch {
  const { pk: _pk, sk: _sk, expiresAt: _ttl, ...batch } = BatchItem.parse(item);
  return batch as unknown as Batch;
}

/** The planner's own as well. What the scorer has learned is kept as text: DynamoDB forgets the order of keys, and refuses tiny numbers. */
const QueueItem = z.looseObject({
  installation: Installation.optional(),
  target: z.string().exactOptional(),
  nextArrival: z.int().positive(),
  nextOrder: z.int().positive(),
  version: z.int().positive(),
  history: z.string().optional(),
});

function queueOf(queue: QueueName, item: Item | undefined): StoredQueue {
  if (item === undefined) return { queue, nextArrival: 1, nextOrder: 1, version: 0 };
  const { pk: _pk, sk: _sk, history, ...state } = QueueItem.parse(item);
  return {
    ...state,
    queue,
    ...(history === undefined ? {} : { history: JSON.parse(history) as NonNullable<QueueState["history"]> }),
  };
}

/** A queue's own item as it is stored: without an installation when it was never written, or written before queues had one. */
export interface StoredQueue extends Omit<QueueState, "installation"> {
  readonly installation?: Installation | undefined;
}

/** What a queue's live partition holds. */
export interface LiveQueue {
  readonly queue: StoredQueue;
  readonly batches: readonly Batch[];
}

/** The one door to a queue's batches. Each write is one call, and takes only if the stored version is the expected one. All throw store.unavailable. */
export class BatchesStore {
  readonly #dynamodb: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(dynamodb: DynamoDBDocumentClient, table: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
  }

  /** One strongly consistent query: one call per megabyte. A queue that was never written is empty, at version 0. */
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
    return { queue: queueOf(queue, own), batches: items.filter((item) => item !== own).map(batchOf) };
  }

  /** Strongly consistent. Undefined when it is not live. */
  async get(queue: QueueName, id: BatchId): Promise<Batch | undefined> {
    const { Item } = await stored(
      `reading ${id}`,
      this.#dynamodb.send(
        new GetCommand({ TableName: this.#table, Key: batchKeys.live(queue, id), ConsistentRead: true }),
      ),
    );
    return Item === undefined ? undefined : batchOf(Item);
  }

  /** Writes `next` over version `before`; 0 means that it must not exist. False when something else is stored. */
  putQueue(next: QueueState, before: number): Promise<boolean> {
    const { history, ...state } = next;
    const learned = history === undefined ? {} : { history: JSON.stringify(history) };
    return this.#put(`writing queue ${next.queue}`, { ...batchKeys.queue(next.queue), ...state, ...learned }, before);
  }

  /** Writes `next` over version `before`; 0 means that it must not exist. False when something else is stored. */
  put(next: Batch, before: number): Promise<boolean> {
    return this.#put(`writing ${next.id}`, { ...batchKeys.live(next.queue, next.id), ...next }, before);
  }

  /** Moves a batch out of the live partition: two calls, and repeating them after a crash is harmless. False when a later version is stored. */
  async archive(batch: Batch, now: EpochMs): Promise<boolean> {
    const doing = `archiving ${batch.id}`;
    const expiresAt = Math.floor(now / 1_000) + KEEP_DONE_SECONDS;
    const Item = { ...batchKeys.done(batch.queue, batch.id), ...batch, [KEY.ttl]: expiresAt };
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
