import type { Logger } from "pino";
import * as z from "zod";
import { REGION } from "../../lib/cloudformation/resolver.ts";
import type { EventSourceSpec } from "./deployment.ts";
import type { Precedence } from "./precedence.ts";
import type { Received, Subscription } from "./subscription.ts";
import type { Topics } from "./topics.ts";

export interface EventSource {
  /** Takes no more messages, and waits for the messages that are being worked on. */
  stop(): Promise<void>;
}

/** How long a message that failed stays out of sight, by how often it has been received. AWS waits for the visibility timeout: minutes. */
export type RetryDelay = (receiveCount: number) => number;

/** 1 s, 2 s, 4 s, … at most a minute. */
const retryDelay: RetryDelay = (receiveCount) => Math.min(60_000, 1_000 * 2 ** (receiveCount - 1));

/** Looks for messages this often without being told of any: messages with a delay, or that another consumer has taken and given back. */
const LOOK_AGAIN_MS = 5_000;

/** A function that is fed from a queue, and what that takes. */
export interface Feed {
  readonly spec: EventSourceSpec;
  readonly topics: Pick<Topics, "subscribe">;
  readonly invoke: (event: object) => Promise<unknown>;
  readonly log: Logger;
  readonly order: Pick<Precedence, "afterCalls" | "afterWork">;
  readonly delay?: RetryDelay | undefined;
}

/**
 * Feeds a function from a queue, as Lambda's poller does. New messages are taken when no call of the HTTP API is being
 * answered. A batching window, in which messages gather, ends early here when nothing runs that could send another.
 */
export function startEventSource(feed: Feed): EventSource {
  const { spec, topics, order } = feed;
  const working = new Set<Promise<void>>();
  let running = true;
  let asked = false;
  const isGathering = spec.batchingWindowMs > 0;

  function pump(isQuiet: boolean): void {
    // What has gathered is handed over batch by batch: what is told of a request first is also seen first. So is all else while callers wait.
    const atOnce = isGathering || !isQuiet ? 1 : spec.maxConcurrency;
    while (running && working.size < atOnce) {
      const messages = subscription.take(spec.batchSize);
      if (messages.length === 0) return;
      const wasFull = messages.length === spec.batchSize;
      const work = deliver(feed, subscription, messages).finally(() => {
        working.delete(work);
        if (isGathering && wasFull) order.afterCalls(pump);
        else {
          if (!isQuiet) pump(false);
          pumpInTurn();
        }
      });
      working.add(work);
    }
  }

  function pumpInTurn(): void {
    if (asked) return;
    asked = true;
    const begin = () =>
      order.afterCalls((isQuiet) => {
        asked = false;
        pump(isQuiet);
      });
    if (isGathering) order.afterWork(begin, spec.batchingWindowMs);
    else begin();
  }

  const subscription: Subscription = topics.subscribe(spec.queueArn, () => setImmediate(pumpInTurn));
  const timer = setInterval(pumpInTurn, LOOK_AGAIN_MS);
  setImmediate(pumpInTurn);
  return {
    stop: async () => {
      running = false;
      clearInterval(timer);
      await Promise.allSettled(working);
    },
  };
}

/** Calls the function with messages, deletes the messages that it has dealt with, and gives back the others. Never rejects. */
async function deliver(
  { spec, invoke, log, delay = retryDelay }: Feed,
  subscription: Subscription,
  messages: readonly Received[],
): Promise<void> {
  const failed = await failuresOf(spec, messages, invoke).catch((err: unknown) => {
    log.warn({ err, messages: messages.length }, "a batch failed and will be tried again");
    return new Set(messages.map(({ messageId }) => messageId));
  });
  subscription.done(messages.filter(({ messageId }) => !failed.has(messageId)));
  const back = messages.filter(({ messageId }) => failed.has(messageId));
  if (back.length === 0) return;
  const received = Math.max(...back.map(({ attributes }) => Number(attributes["ApproximateReceiveCount"])));
  subscription.giveBack(back, delay(received));
}

const BatchResponse = z
  .object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })).nullish() })
  .nullish();

/** The ids of the messages that go back. Throws when the whole batch does. */
async function failuresOf(
  spec: EventSourceSpec,
  messages: readonly Received[],
  invoke: (event: object) => Promise<unknown>,
): Promise<ReadonlySet<string>> {
  const Records = messages.map((message) => ({
    ...message,
    eventSource: "aws:sqs",
    eventSourceARN: spec.queueArn,
    awsRegion: REGION,
  }));
  const result = await invoke({ Records });
  if (!spec.reportsPartialFailures) return new Set();
  const failed = new Set(BatchResponse.parse(result)?.batchItemFailures?.map(({ itemIdentifier }) => itemIdentifier));
  // Lambda, too, fails the whole batch for an id that is not in it.
  for (const id of failed)
    if (!messages.some(({ messageId }) => messageId === id))
      throw new Error(`no message of the batch has the id ${id}`);
  return failed;
}
