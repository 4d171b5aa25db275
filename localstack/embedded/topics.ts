import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BuildAppOptions } from "fauxqs";
import type { QueueSpec } from "./deployment.ts";
import { isForeign } from "./limits/sqs.ts";

type Stores = NonNullable<BuildAppOptions["stores"]>;
type Queue = NonNullable<ReturnType<Stores["sqsStore"]["getQueueByName"]>>;

/** A message as an event source got it. */
export interface Received {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly md5OfBody: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, unknown>>;
}

/** One topic, as its event source sees it. */
export interface Subscription {
  /** Up to `max` messages, now. Of a FIFO queue: of one group, in order; no other call gets messages of that group until these are deleted or given back. */
  take(max: number): readonly Received[];
  /** Deletes what was dealt with. Once the topics are closed: nothing, and the messages are delivered again after the next start. */
  done(messages: readonly Received[]): void;
  /** Makes messages visible again after a delay, in their order and before those behind them. */
  giveBack(messages: readonly Received[], delayMs: number): void;
}

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

/** As long as SQS allows: an event source gives every message up itself, and a crash is repaired at the next start. */
const IN_FLIGHT_SECONDS = 43_200;

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
      return subscriptionOf(queue, queueAt, onArrival, () => isOpen);
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

/**
 * fauxqs waits for the disk at every write, in the only thread of this process. Without that wait a message still survives the end of the
 * process, however it ends; only a machine that loses power may lose the newest messages.
 */
function withoutDiskWaits(persistence: object): void {
  const { db } = persistence as { readonly db: DatabaseSync };
  db.exec("PRAGMA synchronous = NORMAL");
}

function subscriptionOf(
  queue: Queue,
  queueAt: (arn: string) => Queue | undefined,
  onArrival: () => void,
  isOpen: () => boolean,
): Subscription {
  const dequeue = () => queue.dequeue(1, IN_FLIGHT_SECONDS, queueAt);
  const groupOf = (receiptHandle: string) =>
    queue.isFifo() ? queue.inflightMessages.get(receiptHandle)?.message.messageGroupId : undefined;
  return {
    take: (max) => {
      const taken = dequeue().map(({ ReceiptHandle }) => ReceiptHandle);
      const group = taken[0] === undefined ? undefined : groupOf(taken[0]);
      // fauxqs hands out one message of a group at a time; SQS, as many as a batch holds. So the group is let go between one and the next.
      while (
        taken.length > 0 &&
        taken.length < max &&
        (group === undefined || (queue.fifoMessages.get(group) ?? []).length > 0)
      ) {
        if (group !== undefined) queue.fifoLockedGroups.delete(group);
        const [next] = dequeue();
        if (next === undefined) break;
        taken.push(next.ReceiptHandle);
        if (groupOf(next.ReceiptHandle) !== group) break;
      }
      if (group !== undefined)
        queue.fifoLockedGroups.set(group, taken.filter((handle) => groupOf(handle) === group).length);
      return taken.map((handle) => receivedOf(queue, handle));
    },
    done: (messages) => {
      if (!isOpen()) return;
      for (const { receiptHandle } of messages) queue.deleteMessage(receiptHandle);
    },
    giveBack: (messages, delayMs) => {
      // A runtime that stops meanwhile finds them again at its next start.
      setTimeout(() => {
        if (!isOpen()) return;
        for (const { receiptHandle } of messages.toReversed()) letGo(queue, receiptHandle);
        onArrival();
      }, delayMs).unref();
    },
  };
}

/** By hand: ChangeMessageVisibility to 0 writes a null that fauxqs' own schema refuses, and then the message is gone. */
function letGo(queue: Queue, receiptHandle: string): void {
  const entry = queue.inflightMessages.get(receiptHandle);
  if (entry === undefined) return;
  const { message } = entry;
  queue.inflightMessages.delete(receiptHandle);
  queue.persistence?.updateMessageInflight(
    message.messageId,
    receiptHandle,
    0,
    message.approximateReceiveCount,
    message.approximateFirstReceiveTimestamp,
  );
  const group = message.messageGroupId;
  if (!queue.isFifo() || group === undefined) {
    queue.messages.push(message);
    return;
  }
  const locks = (queue.fifoLockedGroups.get(group) ?? 1) - 1;
  if (locks > 0) queue.fifoLockedGroups.set(group, locks);
  else queue.fifoLockedGroups.delete(group);
  queue.fifoMessages.set(group, [message, ...(queue.fifoMessages.get(group) ?? [])]);
}

function receivedOf(queue: Queue, receiptHandle: string): Received {
  const entry = queue.inflightMessages.get(receiptHandle);
  if (entry === undefined) throw new Error(`${receiptHandle} is not in flight`);
  const { message } = entry;
  const attributes = {
    ApproximateReceiveCount: String(message.approximateReceiveCount),
    ApproximateFirstReceiveTimestamp: String(message.approximateFirstReceiveTimestamp),
    SentTimestamp: String(message.sentTimestamp),
    SenderId: "000000000000",
    ...(message.messageGroupId === undefined ? {} : { MessageGroupId: message.messageGroupId }),
    ...(message.messageDeduplicationId === undefined ? {} : { MessageDeduplicationId: message.messageDeduplicationId }),
    ...(message.sequenceNumber === undefined ? {} : { SequenceNumber: message.sequenceNumber }),
  };
  const messageAttributes = Object.entries(message.messageAttributes).map(([name, attribute]) => [
    name,
    {
      dataType: attribute.DataType,
      ...(attribute.StringValue === undefined ? {} : { stringValue: attribute.StringValue }),
      ...(attribute.BinaryValue === undefined ? {} : { binaryValue: attribute.BinaryValue }),
    },
  ]);
  const { messageId, body, md5OfBody } = message;
  return {
    messageId,
    receiptHandle,
    body,
    md5OfBody,
    attributes,
    messageAttributes: Object.fromEntries(messageAttributes),
  };
}

/**
 * What was in flight when the runtime was killed is visible again at once, and that delivery does not count: messages are not at fault
 * for a kill.
 */
function releaseInFlight(file: string): void {
  if (!existsSync(file)) return;
  const db = new DatabaseSync(file);
  db.exec(
    `UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL,
       approximate_receive_count = max(0, approximate_receive_count - (visibility_deadline > 0))
     WHERE receipt_handle IS NOT NULL`,
  );
  db.close();
}

type Persistence = NonNullable<Queue["persistence"]> & { close(): void };
type Handler = (body: object, store: Stores["sqsStore"], request: object) => unknown;
interface Reply {
  status(code: number): void;
  header(name: string, value: string): void;
}
interface Router {
  register(operation: string, handler: Handler): void;
  handle(request: { headers: Readonly<Record<string, string>>; body: object }, reply: Reply): Promise<unknown>;
}
interface Parts {
  SqsStore: new () => Stores["sqsStore"];
  SnsStore: new () => Stores["snsStore"];
  SqsRouter: new (store: Stores["sqsStore"]) => Router;
  PersistenceManager: new (directory: string) => Persistence;
  INVALID_MESSAGE_BODY_CHAR: RegExp;
}

/** The operations of SQS that the product, an operator and the tests use, and fauxqs knows. */
const OPERATIONS = [
  "ChangeMessageVisibility",
  "ChangeMessageVisibilityBatch",
  "CreateQueue",
  "DeleteMessage",
  "DeleteMessageBatch",
  "DeleteQueue",
  "GetQueueAttributes",
  "GetQueueUrl",
  "ListQueues",
  "ListQueueTags",
  "PurgeQueue",
  "ReceiveMessage",
  "SendMessage",
  "SendMessageBatch",
  "SetQueueAttributes",
  "TagQueue",
  "UntagQueue",
] as const;

async function fauxqsParts(): Promise<Parts & { readonly operations: readonly (readonly [string, Handler])[] }> {
  const entry = import.meta.resolve("fauxqs");
  const load = (file: string): Promise<Readonly<Record<string, unknown>>> => import(new URL(file, entry).href);
  const files = [
    "./sqs/sqsStore.js",
    "./sns/snsStore.js",
    "./sqs/sqsRouter.js",
    "./persistence.js",
    "./sqs/sqsTypes.js",
  ];
  const named = OPERATIONS.map(
    (operation) => [operation, `${operation[0]?.toLowerCase()}${operation.slice(1)}`] as const,
  );
  const [modules, operations] = await Promise.all([
    Promise.all(files.map(load)),
    Promise.all(
      named.map(
        async ([operation, name]) => [operation, (await load(`./sqs/actions/${name}.js`))[name] as Handler] as const,
      ),
    ),
  ]);
  return { ...(Object.assign({}, ...modules) as Parts), operations };
}
