import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import { QueueName } from "../../contracts/ids.ts";
import { QueueConfig } from "../../contracts/queues.ts";
import { KEY, KNOWN_QUEUES, knownKey } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";

/** A queue that took a request, or was configured, at some time. */
export interface KnownQueue {
  readonly queue: QueueName;
  /** As it was last configured. Undefined when that was not kept, or was written in a form that is no longer read. */
  readonly config?: QueueConfig;
  /** Since when it has been seen to be missing from the configuration, or to be configured for another target. */
  readonly goneSince?: EpochMs;
  /** True once all its requests have been ended for that. */
  readonly ended?: true;
}

/** The configuration is kept as text: what an older version wrote in it must not make the item unreadable. */
const Item = z.object({
  queue: QueueName,
  config: z.string().optional(),
  goneSince: EpochMs.optional(),
  ended: z.literal(true).optional(),
});

function knownOf(item: unknown): KnownQueue {
  const { queue, config, goneSince, ended } = Item.parse(item);
  const parsed = config === undefined ? undefined : QueueConfig.safeParse(JSON.parse(config)).data;
  return {
    queue,
    ...(parsed === undefined ? {} : { config: parsed }),
    ...(goneSince === undefined ? {} : { goneSince }),
    ...(ended === undefined ? {} : { ended }),
  };
}

/**
 * The queues that ever were, whatever the configuration says now: one partition of a table of the owner's, so that they can be listed. Each
 * method is one call. All throw store.unavailable.
 */
export class KnownQueues {
  readonly #dynamodb: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(dynamodb: DynamoDBDocumentClient, table: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
  }

  /** Strongly consistent: one query per megabyte, which is hundreds of queues. */
  async all(): Promise<readonly KnownQueue[]> {
    const found: KnownQueue[] = [];
    let after: Record<string, unknown> | undefined;
    do {
      const query = new QueryCommand({
        TableName: this.#table,
        ConsistentRead: true,
        KeyConditionExpression: "#pk = :pk",
        ExpressionAttributeNames: { "#pk": KEY.pk },
        ExpressionAttributeValues: { ":pk": KNOWN_QUEUES },
        ExclusiveStartKey: after,
      });
      const page = await stored("listing the known queues", this.#dynamodb.send(query));
      found.push(...(page.Items ?? []).map(knownOf));
      after = page.LastEvaluatedKey;
    } while (after !== undefined);
    return found;
  }

  /** Strongly consistent. Undefined when no such queue was ever known, or when it was forgotten. */
  async get(queue: QueueName): Promise<KnownQueue | undefined> {
    const get = new GetCommand({ TableName: this.#table, Key: knownKey(queue), ConsistentRead: true });
    const { Item: item } = await stored(`looking for queue ${queue}`, this.#dynamodb.send(get));
    return item === undefined ? undefined : knownOf(item);
  }

  /** Makes the queue known. False when it is known already; then its entry stays as it is. */
  add(known: KnownQueue): Promise<boolean> {
    return this.#put(known, {
      ConditionExpression: "attribute_not_exists(#pk)",
      ExpressionAttributeNames: { "#pk": KEY.pk },
    });
  }

  /** Replaces the queue's entry. */
  async put(known: KnownQueue): Promise<void> {
    await this.#put(known, {});
  }

  async forget(queue: QueueName): Promise<void> {
    const gone = new DeleteCommand({ TableName: this.#table, Key: knownKey(queue) });
    await stored(`forgetting queue ${queue}`, this.#dynamodb.send(gone));
  }

  #put({ queue, config, goneSince, ended }: KnownQueue, condition: object): Promise<boolean> {
    const item = {
      ...knownKey(queue),
      queue,
      ...(config === undefined ? {} : { config: JSON.stringify(config) }),
      ...(goneSince === undefined ? {} : { goneSince }),
      ...(ended === undefined ? {} : { ended }),
    };
    return won(
      `remembering queue ${queue}`,
      this.#dynamodb.send(new PutCommand({ TableName: this.#table, Item: item, ...condition })),
    );
  }
}
