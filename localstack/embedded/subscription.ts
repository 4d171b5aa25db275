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
  /** Up to `max` messages, now. Of a FIFO queue: of one group, in order; no other call gets messages of that group until these are deleted or given back. */
  take(max: number): readonly Received[];
  /** Deletes what was dealt with. Once the topics are closed: nothing, and the messages are delivered again after the next start. */
  done(messages: readonly Received[]): void;
  /** Makes messages visible again after a delay, in their order and before those behind them. */
  giveBack(messages: readonly Received[], delayMs: number): void;
}

/** As long as SQS allows: an event source gives every message up itself, and a crash is repaired at the next start. */
const IN_FLIGHT_SECONDS = 43_200;

export function subscriptionOf(
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
