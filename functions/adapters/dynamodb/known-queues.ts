import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { CodedError } from "../../contracts/errors.ts";
import { QueueName, RequestNumber } from "../../contracts/ids.ts";
import { QueueConfig } from "../../contracts/queues.ts";
import { KEY, KNOWN_QUEUES, knownKey } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { queryAll } from "./query-all.ts";
import { type Item, parseItem, readableIn } from "./stored-item.ts";

/** A queue that took a request, or was configured, at some time. */
export interface KnownQueue {
  readonly queue: QueueName;
  /** The queue's last configuration. Undefined when none was stored, or when this release can't read the stored one. */
  readonly config?: QueueConfig;
  /** The time from which on the configuration lacks the queue, or names another target for it. Undefined while neither is so. */
  readonly goneSince?: EpochMs;
  /** True once all requests of a queue with `goneSince` have been ended. */
  readonly ended?: true;
  /** The sweep has looked at the requests from this number on (`someUnfinished`). Undefined when it begins at the newest. */
  readonly lookedBelow?: RequestNumber;
}

/** The known queues, and those whose entries can't be read. */
interface AllKnown {
  readonly known: ReadonlyMap<QueueName, KnownQueue>;
  readonly unreadable: ReadonlyMap<string, CodedError>;
}

/** The configuration is stored as text, so that a configuration of an older release does not make the item unreadable. */
const StoredQueue = z.object({
  queue: QueueName,
  config: z.string().optional(),
  goneSince: EpochMs.optional(),
  ended: z.literal(true).optional(),
  lookedBelow: RequestNumber.optional().catch(undefined),
});

/** Throws store.unreadable. */
function knownOf(item: Item): KnownQueue {
  const { queue, config, goneSince, ended, lookedBelow } = parseItem(
    StoredQueue,
    item,
    `the known queue ${item["sk"]}`,
  );
  const parsed = config === undefined ? undefined : configIn(config);
  return {
    queue,
    ...(parsed === undefined ? {} : { config: parsed }),
    ...(goneSince === undefined ? {} : { goneSince }),
    ...(ended === undefined ? {} : { ended }),
    ...(lookedBelow === undefined ? {} : { lookedBelow }),
  };
}

function configIn(text: string): QueueConfig | undefined {
  try {
    return QueueConfig.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * Every queue that ever took a request or was configured, also when the present configuration lacks it: one partition of a table of the
 * service that owns the list. Every method is one call unless its docstring says otherwise, and throws store.unavailable.
 */
export interface KnownQueues {
  /**
   * Strongly consistent. One Query per megabyte, which is hundreds of queues. `unreadable`: by the queue, why its entry can't be read; the entry
   * is to stay as it is.
   */
  all(): Promise<AllKnown>;
  /** Strongly consistent. Undefined when the queue was never added, or was forgotten. Throws store.unreadable. */
  get(queue: QueueName): Promise<KnownQueue | undefined>;
  /** Adds the queue. False when the queue was added before; then its entry stays as it is. */
  add(known: KnownQueue): Promise<boolean>;
  /** Replaces the queue's entry. */
  put(known: KnownQueue): Promise<void>;
  forget(queue: QueueName): Promise<void>;
}

export function knownQueues(dynamodb: DynamoDBDocumentClient, table: string): KnownQueues {
  const put = (known: KnownQueue, condition: object): Promise<boolean> =>
    won(
      `remembering queue ${known.queue}`,
      dynamodb.send(new PutCommand({ TableName: table, Item: itemOf(known), ...condition })),
    );

  return {
    async all() {
      const items = await queryAll(dynamodb, "listing the known queues", {
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: "#pk = :pk",
        ExpressionAttributeNames: { "#pk": KEY.pk },
        ExpressionAttributeValues: { ":pk": KNOWN_QUEUES },
      });
      const unreadable = new Map<string, CodedError>();
      const found = items.flatMap((item) =>
        readableIn(item, knownOf, (error) => unreadable.set(String(item["sk"]), error)),
      );
      return { known: new Map(found.map((one) => [one.queue, one])), unreadable };
    },

    async get(queue) {
      const get = new GetCommand({ TableName: table, Key: knownKey(queue), ConsistentRead: true });
      const { Item: item } = await stored(`looking for queue ${queue}`, dynamodb.send(get));
      return item === undefined ? undefined : knownOf(item);
    },

    add: (known) =>
      put(known, {
        ConditionExpression: "attribute_not_exists(#pk)",
        ExpressionAttributeNames: { "#pk": KEY.pk },
      }),

    async put(known) {
      await put(known, {});
    },

    async forget(queue) {
      const remove = new DeleteCommand({ TableName: table, Key: knownKey(queue) });
      await stored(`forgetting queue ${queue}`, dynamodb.send(remove));
    },
  };
}

const itemOf = ({ queue, config, goneSince, ended, lookedBelow }: KnownQueue) => ({
  ...knownKey(queue),
  queue,
  ...(config === undefined ? {} : { config: JSON.stringify(config) }),
  ...(goneSince === undefined ? {} : { goneSince }),
  ...(ended === undefined ? {} : { ended }),
  ...(lookedBelow === undefined ? {} : { lookedBelow }),
});
