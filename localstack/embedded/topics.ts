import { join } from "node:path";
import type { QueueSpec } from "./deployment.ts";
import { fauxqsParts, type Reply, type Router, releaseInFlight, withoutDiskWaits } from "./fauxqs.ts";
import { isForeign } from "./limits/sqs.ts";
import { type Subscription, subscriptionOf } from "./subscription.ts";

export interface TopicAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Topics {
  /** Answers one call of SQS' JSON protocol. Rejects when the store fails. */
  answer(operation: string, input: object): Promise<TopicAnswer>;
  subscribe(arn: string, onArrival: () => void): Subscription;
  /** How many messages wait or are in flight, by the name of their queue. */
  depths(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/**
 * fauxqs over a SQLite file in `directory`. `urlOf` gives a queue's name its address.
 *
 * Its parts are loaded by their files: `startFauxqs` listens on every network interface, and persists nothing without listening. Its operations
 * are called without its HTTP server, which takes longer than most operations.
 */
export async function openTopics(
  directory: string,
  specs: readonly QueueSpec[],
  urlOf: (name: string) => string,
): Promise<Topics> {
  releaseInFlight(join(directory, "fauxqs.db"));
  const { SqsStore, SnsStore, SqsRouter, PersistenceManager, INVALID_MESSAGE_BODY_CHAR, operations } =
    await fauxqsParts();
  // fauxqs refuses what lies outside the Basic Multilingual Plane, which SQS takes.
  INVALID_MESSAGE_BODY_CHAR.test = isForeign;
  const sqsStore = new SqsStore();
  const persistence = new PersistenceManager(directory);
  withoutDiskWaits(persistence);
  persistence.loadSqsAndSns(sqsStore, new SnsStore());
  for (const queue of sqsStore.allQueues()) queue.persistence = persistence;
  sqsStore.persistence = persistence;
  for (const { name, arn, attributes } of specs) {
    const known = sqsStore.getQueueByName(name);
    if (known === undefined) sqsStore.createQueue(name, urlOf(name), arn, { ...attributes });
    else known.setAttributes({ ...attributes });
  }
  const router = new SqsRouter(sqsStore);
  for (const [operation, handler] of operations) router.register(operation, handler);
  const arrivals = new Map<string, () => void>();
  let isOpen = true;
  return {
    answer: async (operation, input) => {
      const answered = await answerBy(router, operation, input);
      // Any call may make a message available: sent, let go, or no longer behind another of its group.
      if (operation !== "ReceiveMessage") for (const wake of arrivals.values()) wake();
      return answered;
    },
    subscribe: (arn, onArrival) => {
      const queue = sqsStore.getQueueByArn(arn);
      if (queue === undefined) throw new Error(`there is no queue ${arn}`);
      arrivals.set(arn, onArrival);
      const queueAt = (other: string) => sqsStore.getQueueByArn(other);
      return subscriptionOf({ queue, queueAt, onArrival, isOpen: () => isOpen });
    },
    depths: () =>
      new Map(
        [...sqsStore.allQueues()].map((queue) => {
          const { ready, delayed, inflight } = queue.inspectMessages();
          return [queue.name, ready.length + delayed.length + inflight.length];
        }),
      ),
    close: async () => {
      isOpen = false;
      sqsStore.shutdown();
      persistence.close();
    },
  };
}

/** Calls an operation as fauxqs' HTTP server does. */
async function answerBy(router: Router, operation: string, input: object): Promise<TopicAnswer> {
  let status = 200;
  const headers: Record<string, string> = {};
  const reply: Reply = {
    status: (code) => {
      status = code;
    },
    header: (name, value) => {
      headers[name] = value;
    },
  };
  // The host and the port that an address of fauxqs' own would have.
  const request = { headers: { "x-amz-target": `AmazonSQS.${operation}`, host: "localhost:80" }, body: input };
  const result = await router.handle(request, reply);
  return {
    status,
    headers: { "content-type": "application/x-amz-json-1.0", ...headers },
    body: JSON.stringify(result ?? {}),
  };
}
