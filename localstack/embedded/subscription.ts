import type { Queue } from "./fauxqs.ts";

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
  /**
   * Up to `max` messages, now. Of a FIFO queue: of one group, in order; no other call gets messages of that group until these are deleted
   * or given back.
   */
  take(max: number): readonly Received[];
  /** Deletes what was dealt with. Once the topics are closed: nothing, and the messages are delivered again after the next start. */
  done(messages: readonly Received[]): void;
  /** Makes messages visible again after a delay, in their order and before those behind them. */
  giveBack(messages: readonly Received[], delayMs: number): void;
}

/** As long as SQS allows: an event source gives every message up itself, and a crash is repaired at the next start. */
const IN_FLIGHT_SECONDS = 43_200;

/** What a subscription needs of the topics. */
export interface Subscribed {
  readonly queue: Queue;
  /** Another queue by its ARN: the queue of dead letters. */
  readonly queueAt: (arn: string) => Queue | undefined;
  /** Called when a message has become available. */
  readonly onArrival: () => void;
  /** False once the topics are closed. */
  readonly isOpen: () => boolean;
}

export function subscriptionOf({ queue, queueAt, onArrival, isOpen }: Subscribed): Subscription {
  return {
    take: (max) => {
      const dequeue = () => queue.dequeue(1, IN_FLIGHT_SECONDS, queueAt)[0]?.ReceiptHandle;
      return takeHandles(queue, dequeue, max).map((handle) => receivedOf(queue, handle));
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

/**
 * The receipt handles of up to `max` messages that are taken: of a FIFO queue, of one group. fauxqs hands out one message of a group at a time,
 * and SQS as many as a batch holds. So the group is let go between one message and the next.
 */
function takeHandles(queue: Queue, dequeue: () => string | undefined, max: number): readonly string[] {
  const groupOf = (handle: string) =>
    queue.isFifo() ? queue.inflightMessages.get(handle)?.message.messageGroupId : undefined;
  const first = dequeue();
  if (first === undefined) return [];
  const taken = [first];
  const group = groupOf(first);
  const hasMore = () => group === undefined || (queue.fifoMessages.get(group) ?? []).length > 0;
  while (taken.length < max && hasMore()) {
    if (group !== undefined) queue.fifoLockedGroups.delete(group);
    const next = dequeue();
    if (next === undefined) break;
    taken.push(next);
    if (groupOf(next) !== group) break;
  }
  if (group !== undefined)
    queue.fifoLockedGroups.set(group, taken.filter((handle) => groupOf(handle) === group).length);
  return taken;
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
