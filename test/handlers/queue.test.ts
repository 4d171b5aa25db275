import { ChangeMessageVisibilityBatchCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import type { Clients } from "../../functions/adapters/aws-clients.ts";
import { CodedError } from "../../functions/contracts/errors.ts";
import type { LambdaContext, LambdaHandler } from "../../functions/handlers/on-lambda.ts";
import { groupHandler, queueHandler } from "../../functions/handlers/queue.ts";
import { mockedClass } from "../support/mocked-class.ts";

const sqs = mockedClass(SQSClient);
const clients = { sqs: new SQSClient({ region: "eu-west-1" }), log: pino({ level: "silent" }) } as unknown as Clients;
const topic = { name: "numbers", schema: z.object({ n: z.int() }) };

/** One record per number, in the group of its letter; `b` without a number is a body that can't be read. */
const records = (...names: readonly string[]) => ({
  Records: names.map((name) => ({
    messageId: name,
    body: name.length > 1 ? JSON.stringify({ n: Number(name.slice(1)) }) : "not json",
    attributes: { MessageGroupId: name.slice(0, 1), MessageDeduplicationId: `dedup-${name}` },
  })),
});

const givenBack = async (handler: LambdaHandler, ...names: readonly string[]) => {
  const answer = (await handler(records(...names), {} as LambdaContext)) as {
    batchItemFailures: { itemIdentifier: string }[];
  };
  return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
};

const buried = () => sqs.commandCalls(SendMessageCommand).map((call) => call.args[0].input);
const passing = new CodedError("store.unavailable", "later");
const final = new CodedError("queue.unknown", "no such queue");

beforeEach(() => {
  sqs.reset();
  sqs.resolves({});
});

describe("a consumer of messages", () => {
  const consumer = (fails: ReadonlyMap<number, Error>, worked: number[] = []) =>
    queueHandler(
      { topic, clients, deadLetters: "dead.fifo" },
      async ({ n }) => {
        worked.push(n);
        const error = fails.get(n);
        if (error) throw error;
      },
      { attempts: 1 },
    );

  it("works on each message in order and gives nothing back", async () => {
    const worked: number[] = [];
    expect(await givenBack(consumer(new Map(), worked), "a1", "b2", "a3")).toEqual([]);
    expect(worked.toSorted()).toEqual([1, 2, 3]);
    expect(worked.indexOf(1)).toBeLessThan(worked.indexOf(3));
  });

  it("holds back the rest of a group behind a passing failure, and no other group", async () => {
    const worked: number[] = [];
    expect(await givenBack(consumer(new Map([[2, passing]]), worked), "a1", "a2", "a3", "b4")).toEqual(["a2", "a3"]);
    expect(worked).toEqual([1, 2, 4]);
    expect(buried()).toEqual([]);
  });

  it.each<[string, Error, string]>([
    ["a final code", final, "queue.unknown"],
    ["an unclassified error", new Error("bug"), "internal"],
  ])("dead-letters a message that fails with %s, with the reason, and goes on", async (_, error, code) => {
    const worked: number[] = [];
    expect(await givenBack(consumer(new Map([[1, error]]), worked), "a1", "a2")).toEqual([]);
    expect(worked).toEqual([1, 2]);
    expect(buried()).toMatchObject([
      {
        QueueUrl: "dead.fifo",
        MessageBody: '{"n":1}',
        MessageGroupId: "a",
        MessageDeduplicationId: "dedup-a1",
        MessageAttributes: {
          code: { StringValue: code },
          message: { StringValue: error.message },
          originalTopic: { StringValue: "numbers" },
        },
      },
    ]);
  });

  it("dead-letters a message that it can't read, as undecodable", async () => {
    expect(await givenBack(consumer(new Map()), "a", "a1")).toEqual([]);
    expect(buried()).toMatchObject([
      {
        MessageBody: "not json",
        MessageAttributes: { reason: { StringValue: "undecodable" }, code: { StringValue: "message.undecodable" } },
      },
    ]);
  });

  it("gives a message back when it can't be dead-lettered either: nothing is lost", async () => {
    sqs.rejects(Object.assign(new Error("down"), { name: "TimeoutError" }));
    expect(await givenBack(consumer(new Map([[1, final]])), "a1", "a2", "b")).toEqual(["b", "a1", "a2"]);
  });

  it("tries a passing failure again before it gives the message back", async () => {
    let tries = 0;
    const handler = queueHandler({ topic, clients, deadLetters: "dead.fifo" }, async () => {
      if (++tries < 3) throw passing;
    });
    expect(await givenBack(handler, "a1")).toEqual([]);
    expect(tries).toBe(3);
  });

  it("treats each message of a standard topic as its own group", async () => {
    const event = { Records: ["1", "2"].map((n) => ({ messageId: n, body: `{"n":${n}}`, attributes: {} })) };
    const answer = await consumer(new Map([[1, passing]]))(event, {} as LambdaContext);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }] });
  });
});

describe("a consumer of groups", () => {
  const consumer = (fails: (numbers: readonly number[]) => Error | undefined, runs: number[][] = []) =>
    groupHandler(
      { topic, clients, deadLetters: "dead.fifo" },
      async (messages) => {
        const numbers = messages.map(({ n }) => n);
        runs.push(numbers);
        const error = fails(numbers);
        if (error) throw error;
      },
      { attempts: 1 },
    );

  it("takes all messages of a group in one run", async () => {
    const runs: number[][] = [];
    await givenBack(
      consumer(() => undefined, runs),
      "a1",
      "b2",
      "a3",
    );
    expect(runs).toEqual([[1, 3], [2]]);
  });

  it("gives all of a group back when the run may succeed later", async () => {
    const handler = consumer((numbers) => (numbers.includes(1) ? passing : undefined));
    expect(await givenBack(handler, "a1", "a3", "b2")).toEqual(["a1", "a3"]);
  });

  it("finds the one message that a run fails for good on, and dead-letters it alone", async () => {
    const runs: number[][] = [];
    const handler = consumer((numbers) => (numbers.includes(2) ? final : undefined), runs);
    expect(await givenBack(handler, "a1", "a2", "a3")).toEqual([]);
    expect(runs).toEqual([[1, 2, 3], [1], [2], [3]]);
    expect(buried().map(({ MessageBody }) => MessageBody)).toEqual(['{"n":2}']);
  });

  it("brings what a message was about to an end before it is dead-lettered", async () => {
    const order: string[] = [];
    sqs.callsFake(async () => void order.push("buried"));
    const handler = groupHandler({ topic, clients, deadLetters: "dead.fifo" }, async () => Promise.reject(final), {
      abandon: async ({ n }) => void order.push(`abandoned ${n}`),
    });
    await givenBack(handler, "a1");
    expect(order).toEqual(["abandoned 1", "buried"]);
  });
});

describe("a consumer with a lease on its messages", () => {
  const renewals = () =>
    sqs.commandCalls(ChangeMessageVisibilityBatchCommand).map(({ args: [{ input }] }) => input.Entries);
  const leased = (work: () => Promise<void>) =>
    queueHandler({ topic, clients, deadLetters: "dead.fifo" }, work, {
      attempts: 1,
      lease: { url: "numbers.fifo", seconds: 60 },
    });
  const event = (...names: string[]) => ({
    Records: records(...names).Records.map((record) => ({ ...record, receiptHandle: `handle-${record.messageId}` })),
  });
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("renews it for as long as it works, and not after that, however the work ends", async () => {
    for (const end of [undefined, passing, final]) {
      sqs.resetHistory();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const done = leased(() => promise)(event("a1", "b2"), {} as LambdaContext);
      await vi.advanceTimersByTimeAsync(0);
      expect(renewals()).toEqual([
        ["a1", "b2"].map((name, index) => ({
          ...{ Id: String(index), ReceiptHandle: `handle-${name}`, VisibilityTimeout: 60 },
        })),
      ]);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(renewals()).toHaveLength(4);
      if (end) reject(end);
      else resolve();
      await vi.advanceTimersByTimeAsync(1);
      await done;
      await vi.advanceTimersByTimeAsync(600_000);
      expect(renewals()).toHaveLength(4);
    }
  });

  it("works all the same when a renewal fails", async () => {
    sqs.on(ChangeMessageVisibilityBatchCommand).rejects(new Error("throttled"));
    const worked: string[] = [];
    const done = leased(async () => void worked.push("done"))(event("a1"), {} as LambdaContext);
    await vi.advanceTimersByTimeAsync(1);
    expect(await done).toEqual({ batchItemFailures: [] });
    expect(worked).toEqual(["done"]);
  });
});

describe("a message that meets a limit of GitHub", () => {
  const NOW = 1_800_000_000_000;
  const limited = (detail: Record<string, unknown>) =>
    new CodedError("github.limited", "GitHub takes no more calls", { detail });
  const consumer = (error: Error, worked: number[], waitsOn?: string) =>
    queueHandler(
      { topic, clients: { ...clients, now: () => NOW } as unknown as Clients, deadLetters: "dead.fifo" },
      async ({ n }) => {
        worked.push(n);
        throw error;
      },
      waitsOn === undefined ? {} : { waitsOn },
    );
  const received = (name: string) => ({
    Records: records(name).Records.map((record) => ({ ...record, receiptHandle: `handle-${name}` })),
  });
  const hidden = () =>
    sqs
      .commandCalls(ChangeMessageVisibilityBatchCommand)
      .flatMap(({ args: [{ input }] }) => input.Entries ?? [])
      .map(({ ReceiptHandle, VisibilityTimeout }) => [ReceiptHandle, VisibilityTimeout]);

  it("is tried once, goes back, and stays out of sight until the limit ends", async () => {
    const worked: number[] = [];
    const answer = await consumer(
      limited({ retryAt: NOW + 90_000 }),
      worked,
      "pulls.fifo",
    )(received("a1"), {} as LambdaContext);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "a1" }] });
    expect(worked).toEqual([1]);
    expect(hidden()).toEqual([["handle-a1", 90]]);
    expect(buried()).toEqual([]);
  });

  it("stays out of sight for less than the twelve hours since it came that SQS allows, and for a second at least", async () => {
    for (const retryAt of [NOW + 86_400_000, NOW - 1])
      await consumer(limited({ retryAt }), [], "pulls.fifo")(received("a1"), {} as LambdaContext);
    expect(hidden().map(([, seconds]) => seconds)).toEqual([39_600, 1]);
  });

  it("goes back also when it can't be hidden", async () => {
    sqs.on(ChangeMessageVisibilityBatchCommand).rejects(new Error("away"));
    const answer = await consumer(
      limited({ retryAt: NOW + 1_000 }),
      [],
      "pulls.fifo",
    )(received("a1"), {} as LambdaContext);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "a1" }] });
  });

  it("is any other passing failure where the consumer does not wait, or the limit does not say until when", async () => {
    const worked: number[] = [];
    await consumer(limited({ retryAt: NOW + 90_000 }), worked)(received("a1"), {} as LambdaContext);
    await consumer(limited({}), worked, "pulls.fifo")(received("a1"), {} as LambdaContext);
    expect(worked).toEqual([1, 1, 1, 1, 1, 1]);
    expect(hidden()).toEqual([]);
  });
});
