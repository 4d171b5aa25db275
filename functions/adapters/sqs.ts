import {
  ChangeMessageVisibilityBatchCommand,
  type MessageAttributeValue,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { CodedError } from "../contracts/errors.ts";
import type { Topic } from "../contracts/messages.ts";
import { translated } from "./dynamodb/errors.ts";

/** SQS takes at most this many messages in one call. */
const BATCH = 10;

/** A topic that is not there, or is not ours to send to, is a fault of the deployment; what may pass is worth a retry. */
function failure(url: string, cause: unknown): CodedError {
  const doing = `sending to ${url}`;
  if (cause instanceof Error && /QueueDoesNotExist|NonExistentQueue|AccessDenied/.test(cause.name))
    return new CodedError("config.invalid", `${doing}: ${cause.name}: ${cause.message}`, { cause });
  return translated(cause, "queue.unavailable", doing);
}

const entryOf = <M>(topic: Topic<M>, message: M) => ({
  MessageBody: JSON.stringify(message),
  ...(topic.fifo === undefined
    ? {}
    : { MessageGroupId: topic.fifo.group(message), MessageDeduplicationId: topic.fifo.dedup(message) }),
});

/** One SQS call. Throws queue.unavailable, config.invalid. */
export async function send<M>(sqs: SQSClient, url: string, topic: Topic<M>, message: M): Promise<void> {
  try {
    await sqs.send(new SendMessageCommand({ QueueUrl: url, ...entryOf(topic, message) }));
  } catch (cause) {
    throw failure(url, cause);
  }
}

/** In order, one SQS call per ten messages. When it throws, some may have been sent: send all again, repeats are harmless. */
export async function sendAll<M>(sqs: SQSClient, url: string, topic: Topic<M>, messages: readonly M[]): Promise<void> {
  for (let from = 0; from < messages.length; from += BATCH) {
    const Entries = messages
      .slice(from, from + BATCH)
      .map((message, index) => ({ Id: String(index), ...entryOf(topic, message) }));
    const { Failed = [] } = await sqs
      .send(new SendMessageBatchCommand({ QueueUrl: url, Entries }))
      .catch((cause: unknown) => {
        throw failure(url, cause);
      });
    const [first] = Failed;
    if (first !== undefined) {
      const what = `${Failed.length} of ${Entries.length} messages were not taken by ${url}: ${first.Code} ${first.Message ?? ""}`;
      throw new CodedError(first.SenderFault === true ? "internal" : "queue.unavailable", what);
    }
  }
}

/** Keeps messages that are being worked on from being delivered again for so many seconds from now. One SQS call per ten messages. */
export async function keepInvisible(
  sqs: SQSClient,
  url: string,
  receiptHandles: readonly string[],
  seconds: number,
): Promise<void> {
  for (let from = 0; from < receiptHandles.length; from += BATCH) {
    const Entries = receiptHandles
      .slice(from, from + BATCH)
      .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle, VisibilityTimeout: seconds }));
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }));
  }
}

/** A message on its way to a dead-letter queue, as it was received. */
export interface DeadLetter {
  readonly body: string;
  readonly group?: string | undefined;
  readonly dedup?: string | undefined;
  readonly reason: Readonly<Record<"reason" | "code" | "message" | "originalTopic", string>>;
}

/** SQS counts attributes towards the size of a message: a reason is cut, never the body. */
const attribute = (value: string): MessageAttributeValue => ({
  DataType: "String",
  // SQS refuses control characters and empty values.
  StringValue: value.replace(/[^\t\n\r -\uD7FF\uE000-\uFFFD]/g, " ").slice(0, 1_000) || "-",
});

/** One SQS call. It may arrive twice. Throws queue.unavailable, config.invalid. */
export async function sendDeadLetter(sqs: SQSClient, url: string, letter: DeadLetter): Promise<void> {
  const MessageAttributes = Object.fromEntries(
    Object.entries(letter.reason).map(([name, value]) => [name, attribute(value)]),
  );
  const fifo = url.endsWith(".fifo") && {
    MessageGroupId: letter.group ?? "none",
    ...(letter.dedup === undefined ? {} : { MessageDeduplicationId: letter.dedup }),
  };
  try {
    await sqs.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: letter.body, MessageAttributes, ...(fifo || {}) }),
    );
  } catch (cause) {
    throw failure(url, cause);
  }
}
