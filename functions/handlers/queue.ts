import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import type { Clients } from "../adapters/aws-clients.ts";
import { retryAtOf } from "../adapters/github/errors.ts";
import { keepInvisible, sendDeadLetter } from "../adapters/sqs.ts";
import { CodedError, isRetryable } from "../contracts/errors.ts";
import type { Topic } from "../contracts/messages/topic.ts";
import type { EpochMs } from "../contracts/time.ts";
import type { LambdaHandler } from "./on-lambda.ts";

const Received = z.object({
  messageId: z.string(),
  body: z.string(),
  receiptHandle: z.string().optional(),
  attributes: z
    .object({ MessageGroupId: z.string().optional(), MessageDeduplicationId: z.string().optional() })
    .default({}),
});
type Received = z.infer<typeof Received>;
const SqsEvent = z.object({ Records: z.array(Received) });

/** What a consumer needs of a topic. */
export type Readable<M> = Pick<Topic<M>, "name" | "schema">;

export interface QueueOptions<M> {
  /** How often work that fails for a passing reason is tried before its messages go back to the topic, which takes minutes. */
  readonly attempts?: number;
  /** Called before a message that failed for good goes to the dead-letter queue, to end the request or build that the message is about. */
  readonly abandon?: (message: M, error: unknown) => Promise<void>;
  /** For a standard topic: messages of a call with the same answer are one group. Absent: each message is a group of its own. */
  readonly groupOf?: (message: M) => string;
  /**
   * The topic's URL: a message whose work met a limit of GitHub (github.limited) stays out of sight until the time that the limit ends, instead
   * of being tried again at once.
   */
  readonly waitsOn?: string;
  /** Absent: a consumer that dies holds up the groups of its messages for as long as the topic's visibility time-out. */
  readonly lease?: Lease | undefined;
}

/**
 * Messages stay invisible for `seconds` at a time, and the time is renewed while they are worked on. So a consumer that dies holds up the
 * groups of its messages for `seconds` and no longer, however long a consumer may run.
 */
interface Lease {
  /** The topic that the messages come from. */
  readonly url: string;
  readonly seconds: number;
}

/** SQS hides a message for twelve hours at most, which it counts from when the message was received: some minutes ago. */
const LONGEST_HIDDEN_SECONDS = 11 * 3_600;

interface Delivery<M> {
  readonly received: Received;
  readonly message: M;
}

/** A topic that is consumed, and what that takes. */
export interface Source<M> {
  readonly topic: Readable<M>;
  readonly clients: Clients;
  /** The address of the topic's dead-letter queue. */
  readonly deadLetters: string;
}

/**
 * Consumes a topic, message by message. After a failure that may pass (retryable), the message and the rest of its group go back to the
 * topic. A message that can't be read, or that failed for good, goes to the dead-letter queue with the reason, and its group goes on.
 */
export const queueHandler = <M>(
  source: Source<M>,
  work: (message: M) => Promise<void>,
  options: QueueOptions<M> = {},
): LambdaHandler =>
  consume(source, options, async (group, { workOn }) => {
    for (const [index, delivery] of group.entries()) {
      if ((await workOn([delivery], () => work(delivery.message))) === "held") return group.slice(index);
    }
    return [];
  });

/**
 * Consumes a topic, all messages of a group at once, in their order. When they fail for good together, they are tried one by one, so that one
 * bad message does not take good ones to the dead-letter queue.
 */
export const groupHandler = <M>(
  source: Source<M>,
  work: (messages: readonly M[]) => Promise<void>,
  options: QueueOptions<M> = {},
): LambdaHandler =>
  consume(source, options, async (group, { attempt, workOn, hold }) => {
    const outcome = await attempt(() => work(group.map(({ message }) => message)));
    if (outcome.kind === "done") return [];
    if (outcome.kind === "held") {
      hold(group, outcome.error);
      return group;
    }
    for (const [index, delivery] of group.entries()) {
      if ((await workOn([delivery], () => work([delivery.message]))) === "held") return group.slice(index);
    }
    return [];
  });

type Attempted = { kind: "done" } | { kind: "held"; error: unknown } | { kind: "failed"; error: unknown };

interface Tools<M> {
  /** Does the work, and repeats it after a failure that may pass. */
  attempt(work: () => Promise<void>): Promise<Attempted>;
  /** Does the work. Messages whose work failed for good are given up; `held` means that they go back to the topic. */
  workOn(deliveries: readonly Delivery<M>[], work: () => Promise<void>): Promise<"done" | "held">;
  hold(deliveries: readonly Delivery<M>[], error: unknown): "held";
}

/** `workGroup` returns the deliveries of the group that go back to the topic. */
function consume<M>(
  { topic, clients, deadLetters }: Source<M>,
  options: QueueOptions<M>,
  workGroup: (group: readonly Delivery<M>[], tools: Tools<M>) => Promise<readonly Delivery<M>[]>,
): LambdaHandler {
  const { log } = clients;
  const waits = (error: unknown) => (options.waitsOn === undefined ? undefined : retryAtOf(error));
  const attempt = (work: () => Promise<void>) =>
    tryRepeatedly(options.attempts ?? 3, work, (error) => waits(error) !== undefined);

  async function bury({ messageId, body, attributes }: Received, error: unknown): Promise<void> {
    const code = error instanceof CodedError ? error.code : "internal";
    const message = error instanceof Error ? error.message : String(error);
    log.error({ topic: topic.name, messageId, code, err: error }, "dead-lettered");
    await sendDeadLetter(clients.sqs, deadLetters, {
      body,
      group: attributes.MessageGroupId,
      dedup: attributes.MessageDeduplicationId,
      reason: { reason: reasonOf(error), code, originalTopic: topic.name, message },
    });
  }

  async function workOn(deliveries: readonly Delivery<M>[], work: () => Promise<void>): Promise<"done" | "held"> {
    const outcome = await attempt(work);
    if (outcome.kind === "done") return "done";
    if (outcome.kind === "held") {
      await postpone(deliveries, waits(outcome.error));
      return hold(deliveries, outcome.error);
    }
    const buried = await attempt(async () => {
      for (const { received, message } of deliveries) {
        await options.abandon?.(message, outcome.error);
        await bury(received, outcome.error);
      }
    });
    return buried.kind === "done" ? "done" : hold(deliveries, buried.error);
  }

  async function postpone(deliveries: readonly Delivery<M>[], until: EpochMs | undefined): Promise<void> {
    if (until === undefined || options.waitsOn === undefined) return;
    const seconds = Math.min(LONGEST_HIDDEN_SECONDS, Math.max(1, Math.ceil((until - clients.now()) / 1_000)));
    const handles = deliveries.flatMap(({ received }) => received.receiptHandle ?? []);
    await keepInvisible(clients.sqs, options.waitsOn, handles, seconds).catch((err: unknown) =>
      log.warn({ err, topic: topic.name }, "a message was not postponed: it comes back sooner"),
    );
  }

  function hold(deliveries: readonly Delivery<M>[], error: unknown): "held" {
    const messageIds = deliveries.map(({ received }) => received.messageId);
    log.warn({ topic: topic.name, messageIds, err: error }, "held back");
    return "held";
  }

  return leased(clients, options.lease, async ({ Records }) => {
    const back: Received[] = [];
    const deliveries: Delivery<M>[] = [];
    for (const received of Records) {
      const decoded = decode(topic, received.body);
      if (decoded.ok) deliveries.push({ received, message: decoded.message });
      else if ((await attempt(() => bury(received, decoded.error))).kind !== "done") back.push(received);
    }
    for (const group of groupsOf(deliveries, options.groupOf))
      back.push(...(await workGroup(group, { attempt, workOn, hold })).map(({ received }) => received));
    return { batchItemFailures: back.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  });
}

/** Renews three times in the span of a lease. A renewal that fails is not the end: the next one comes before the lease has run out. */
function leased(
  { sqs, log }: Clients,
  lease: Lease | undefined,
  work: (event: z.infer<typeof SqsEvent>) => Promise<unknown>,
): LambdaHandler {
  return async (event) => {
    const parsed = SqsEvent.parse(event);
    if (lease === undefined) return work(parsed);
    const { url, seconds } = lease;
    const handles = parsed.Records.flatMap(({ receiptHandle }) => receiptHandle ?? []);
    const renew = () =>
      keepInvisible(sqs, url, handles, seconds).catch((err: unknown) =>
        log.warn({ err, url }, "a lease was not renewed"),
      );
    await renew();
    const timer = setInterval(renew, (seconds * 1000) / 3);
    try {
      return await work(parsed);
    } finally {
      clearInterval(timer);
    }
  };
}

/** In order of arrival. A message of a standard topic is a group of its own, unless `groupOf` names another. */
const groupsOf = <M>(deliveries: readonly Delivery<M>[], groupOf: QueueOptions<M>["groupOf"]) =>
  Map.groupBy(
    deliveries,
    ({ received, message }) => received.attributes.MessageGroupId ?? groupOf?.(message) ?? received.messageId,
  ).values();

function decode<M>(topic: Readable<M>, body: string): { ok: true; message: M } | { ok: false; error: CodedError } {
  try {
    return { ok: true, message: topic.schema.parse(JSON.parse(body)) };
  } catch (cause) {
    return { ok: false, error: new CodedError("message.undecodable", String(cause), { cause }) };
  }
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof CodedError)) return "failed";
  return error.code === "message.undecodable" ? "undecodable" : "refused";
};

async function tryRepeatedly(
  attempts: number,
  work: () => Promise<void>,
  mustWait: (error: unknown) => boolean,
): Promise<Attempted> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return { kind: "done" };
    } catch (error) {
      if (!isRetryable(error)) return { kind: "failed", error };
      if (attempt >= attempts || mustWait(error)) return { kind: "held", error };
      await delay(50 * 4 ** (attempt - 1));
    }
  }
}
