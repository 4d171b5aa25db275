import {
  ChangeMessageVisibilityBatchCommand,
  type MessageAttributeValue,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { CodedError, isRetryable } from "../contracts/errors.ts";
import { AWS_LIMITS } from "../contracts/limits.ts";
import type { Topic } from "../contracts/messages/topic.ts";
import { asciiJson, bytesOf, cut } from "../contracts/text.ts";
import { translated } from "./aws-errors.ts";

/** A topic that is not there, or is not ours to send to, is a fault of the deployment; what may pass is worth a retry. */
function failure(url: string, cause: unknown): CodedError {
  const doing = `sending to ${url}`;
  if (cause instanceof Error && /QueueDoesNotExist|NonExistentQueue|AccessDenied/.test(cause.name))
    return new CodedError("config.invalid", `${doing}: ${cause.name}: ${cause.message}`, { cause });
  return translated(cause, "queue.unavailable", doing);
}

/** A message as SQS takes it. Its body is ASCII, so that its length is its size and SQS refuses no character of it. */
const entryOf = <M>(topic: Topic<M>, message: M) => ({
  MessageBody: asciiJson(message),
  ...(topic.fifo === undefined
    ? {}
    : { MessageGroupId: topic.fifo.group(message), MessageDeduplicationId: topic.fifo.dedup(message) }),
});

type Entry = ReturnType<typeof entryOf>;

/**
 * One SQS call. `delaySeconds`: the message of a standard topic is not delivered before, at most 900. Throws queue.unavailable,
 * config.invalid, and internal when SQS refuses the message for good.
 */
export async function send<M>(
  sqs: SQSClient,
  url: string,
  topic: Topic<M>,
  message: M,
  delaySeconds?: number,
): Promise<void> {
  const delay = delaySeconds === undefined ? {} : { DelaySeconds: delaySeconds };
  await sendEntry(sqs, url, { ...entryOf(topic, message), ...delay });
}

async function sendEntry(sqs: SQSClient, url: string, entry: Entry & { DelaySeconds?: number }): Promise<void> {
  try {
    await sqs.send(new SendMessageCommand({ QueueUrl: url, ...entry }));
  } catch (cause) {
    throw failure(url, cause);
  }
}

/** A message that SQS refused for good, and why. */
export interface Refused<M> {
  readonly message: M;
  readonly error: CodedError;
}

/**
 * In order, one SQS call per ten messages or 256 KiB. Answers the messages that SQS refused for good; the others were sent. A call that is
 * refused as a whole is made again message by message. Throws queue.unavailable and config.invalid, which are not about one message: some
 * may have been sent then, so send all again, repeats are harmless.
 */
export async function sendEach<M>(
  sqs: SQSClient,
  url: string,
  topic: Topic<M>,
  messages: readonly M[],
): Promise<readonly Refused<M>[]> {
  const refused: Refused<M>[] = [];
  for (const call of callsFor(messages.map((message) => ({ message, entry: entryOf(topic, message) }))))
    refused.push(...(await sendTogether(sqs, url, call)));
  return refused;
}

/** As sendEach, but throws internal when SQS refused a message for good. The others were sent. */
export async function sendAll<M>(sqs: SQSClient, url: string, topic: Topic<M>, messages: readonly M[]): Promise<void> {
  const [first] = await sendEach(sqs, url, topic, messages);
  if (first !== undefined) throw first.error;
}

interface Outgoing<M> {
  readonly message: M;
  readonly entry: Entry;
}

/** The messages in order, as many to a call as SQS takes. A message that is too large by itself gets a call of its own. */
function callsFor<M>(outgoing: readonly Outgoing<M>[]): readonly (readonly Outgoing<M>[])[] {
  const calls: Outgoing<M>[][] = [];
  let bytes = 0;
  for (const one of outgoing) {
    const size = one.entry.MessageBody.length;
    const last = calls.at(-1);
    if (last && last.length < AWS_LIMITS.messagesPerCall && bytes + size <= AWS_LIMITS.messageBytes) {
      last.push(one);
      bytes += size;
    } else {
      calls.push([one]);
      bytes = size;
    }
  }
  return calls;
}

async function sendTogether<M>(
  sqs: SQSClient,
  url: string,
  call: readonly Outgoing<M>[],
): Promise<readonly Refused<M>[]> {
  const Entries = call.map(({ entry }, index) => ({ Id: String(index), ...entry }));
  try {
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    const passing = Failed.find(({ SenderFault }) => SenderFault !== true);
    if (passing !== undefined)
      throw new CodedError(
        "queue.unavailable",
        `${Failed.length} of ${Entries.length} messages were not taken by ${url}: ${passing.Code} ${passing.Message ?? ""}`,
      );
    return Failed.flatMap(({ Id, Code, Message = "" }) => {
      const found = call[Number(Id)];
      const error = new CodedError("internal", `${url} refused a message: ${Code} ${Message}`);
      return found === undefined ? [] : [{ message: found.message, error }];
    });
  } catch (cause) {
    const error = failure(url, cause);
    if (isRetryable(error) || error.code === "config.invalid") throw error;
    return sendOneByOne(sqs, url, call);
  }
}

async function sendOneByOne<M>(
  sqs: SQSClient,
  url: string,
  call: readonly Outgoing<M>[],
): Promise<readonly Refused<M>[]> {
  const refused: Refused<M>[] = [];
  for (const { message, entry } of call)
    await sendEntry(sqs, url, entry).catch((error: unknown) => {
      if (!(error instanceof CodedError) || error.code !== "internal") throw error;
      refused.push({ message, error });
    });
  return refused;
}

/**
 * Keeps messages that are being worked on from being delivered again for so many seconds from now. One SQS call per ten messages. Throws
 * queue.unavailable, also when SQS did not hide one of them; the others are hidden then.
 */
export async function keepInvisible(
  sqs: SQSClient,
  url: string,
  receiptHandles: readonly string[],
  seconds: number,
): Promise<void> {
  const failed: string[] = [];
  for (let from = 0; from < receiptHandles.length; from += AWS_LIMITS.messagesPerCall) {
    const Entries = receiptHandles
      .slice(from, from + AWS_LIMITS.messagesPerCall)
      .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle, VisibilityTimeout: seconds }));
    const call = sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }));
    const { Failed = [] } = await call.catch((cause: unknown) => {
      throw failure(url, cause);
    });
    failed.push(...Failed.map(({ Code, Message = "" }) => `${Code} ${Message}`.trim()));
  }
  if (failed.length > 0)
    throw new CodedError(
      "queue.unavailable",
      `${failed.length} of ${receiptHandles.length} messages of ${url} were not hidden: ${failed[0]}`,
    );
}

/** A message on its way to a dead-letter queue, as it was received. */
export interface DeadLetter {
  readonly body: string;
  readonly group?: string | undefined;
  readonly dedup?: string | undefined;
  readonly reason: Readonly<Record<"reason" | "code" | "message" | "originalTopic", string>>;
}

/** SQS counts attributes towards the size of a message: a reason is cut, or left out, and never the body. */
const attribute = (value: string): MessageAttributeValue => ({
  DataType: "String",
  // SQS refuses control characters and empty values.
  StringValue:
    cut(value.toWellFormed().replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, " "), 1_000) ||
    "-",
});

/** As many attributes as SQS takes beside the body, in their order. SQS counts name, type and value. */
function attributesBeside(body: string, reason: DeadLetter["reason"]): Record<string, MessageAttributeValue> {
  let room = AWS_LIMITS.messageBytes - bytesOf(body);
  const entries = Object.entries(reason).flatMap(([name, value]) => {
    const made = attribute(value);
    room -= bytesOf(`${name}${made.DataType}${made.StringValue}`);
    return room < 0 ? [] : [[name, made] as const];
  });
  return Object.fromEntries(entries);
}

/** One SQS call. It may arrive twice. Throws queue.unavailable, config.invalid. */
export async function sendDeadLetter(sqs: SQSClient, url: string, letter: DeadLetter): Promise<void> {
  const MessageAttributes = attributesBeside(letter.body, letter.reason);
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
