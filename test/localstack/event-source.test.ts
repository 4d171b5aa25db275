import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { startEventSource } from "../../localstack/embedded/event-source.ts";
import type { Runtime } from "../../localstack/embedded/runtime.ts";
import type { Topics } from "../../localstack/embedded/topics.ts";
import { until } from "../support/wait.ts";
import { aRuntime, aStateDirectory, journal, latch } from "./fixture/runtime.ts";
import type { Script } from "./fixture/scripted.ts";

const Event = z.object({
  Records: z.array(z.object({ messageId: z.string(), body: z.string(), attributes: z.record(z.string(), z.string()) })),
});
type Message = z.infer<typeof Event>["Records"][number];

const failing = (messages: readonly Message[]) => ({
  batchItemFailures: messages.map(({ messageId }) => ({ itemIdentifier: messageId })),
});
/** A consumer that sees messages as `work` does, and returns the ones that fail. */
const consumer =
  (work: (messages: readonly Message[]) => Promise<readonly Message[]> | readonly Message[]): Script =>
  async (event) =>
    failing(await work(Event.parse(event).Records));

const urlOf = ({ awsEndpoint }: Runtime, name: string) => `${awsEndpoint}/000000000000/shared-${name}`;

function sendJob(runtime: Runtime, group: string, body: string) {
  const QueueUrl = urlOf(runtime, "Jobs.fifo");
  return runtime.operator.sqs.send(
    new SendMessageCommand({ QueueUrl, MessageBody: body, MessageGroupId: group, MessageDeduplicationId: body }),
  );
}
const sendNote = (runtime: Runtime, body: string) =>
  runtime.operator.sqs.send(new SendMessageCommand({ QueueUrl: urlOf(runtime, "Notes"), MessageBody: body }));

describe("an event source", () => {
  it.each([
    [1, "while callers wait", false],
    [3, "else", true],
  ])("begins with %i batches at once %s", async (batches, _, isQuiet) => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let [left, begun] = [5, 0];
    const subscription = {
      take: () => (left-- > 0 ? [{ messageId: String(left), attributes: {} }] : []),
      done: () => {},
      giveBack: () => {},
    };
    const topics = { subscribe: () => subscription } as unknown as Topics;
    const spec = {
      queueArn: "arn",
      batchSize: 1,
      maxConcurrency: 3,
      batchingWindowMs: 0,
      reportsPartialFailures: true,
    };
    const invoke = async () => {
      begun += 1;
      await gate;
    };
    const order = { afterCalls: (begin: (quiet: boolean) => void) => begin(isQuiet), afterWork: () => {} };
    const source = startEventSource({ spec: spec as never, topics, invoke, log: pino({ level: "silent" }), order });
    await until(() => begun > 0);
    expect(begun).toBe(batches);
    open();
    await until(() => begun === 5);
    await source.stop();
  });

  it("hands over messages as Lambda does", async () => {
    const events = journal<unknown>();
    const runtime = await aRuntime({
      Worker: async (event) => {
        events.write(event);
        return {};
      },
    });
    const { MessageId } = await sendJob(runtime, "g", "hello");
    const [event] = await events.upTo(1);
    expect(event).toEqual({
      Records: [
        {
          messageId: MessageId,
          receiptHandle: expect.any(String),
          body: "hello",
          md5OfBody: "5d41402abc4b2a76b9719d911017c592",
          attributes: expect.objectContaining({
            ApproximateReceiveCount: "1",
            MessageGroupId: "g",
            MessageDeduplicationId: "hello",
            SequenceNumber: expect.any(String),
            SentTimestamp: expect.stringMatching(/^\d{13}$/),
          }),
          messageAttributes: {},
          eventSource: "aws:sqs",
          eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:shared-Jobs.fifo",
          awsRegion: "us-east-1",
        },
      ],
    });
  });

  it("tries again only what failed", async () => {
    const seen = journal<string>();
    const runtime = await aRuntime({
      Writer: consumer((messages) => {
        const failed = messages.filter(
          ({ body, attributes }) => body === "bad" && attributes["ApproximateReceiveCount"] === "1",
        );
        for (const { body, attributes } of messages) seen.write(`${body} ${attributes["ApproximateReceiveCount"]}`);
        return failed;
      }),
    });
    await Promise.all(["good", "bad", "fine"].map((body) => sendNote(runtime, body)));
    expect([...(await seen.upTo(4))].sort()).toEqual(["bad 1", "bad 2", "fine 1", "good 1"]);
  });

  it("tries a whole batch again when the function throws", async () => {
    const seen = journal<string>();
    const runtime = await aRuntime({
      Writer: consumer((messages) => {
        for (const { attributes } of messages) seen.write(attributes["ApproximateReceiveCount"] ?? "");
        if (seen.entries.length === 1) throw new Error("not this time");
        return [];
      }),
    });
    await sendNote(runtime, "x");
    expect(await seen.upTo(2)).toEqual(["1", "2"]);
  });

  it("keeps the order of a group, batch after batch, through failures", async () => {
    const seen = journal<string>();
    const done: string[] = [];
    const gate = latch();
    const runtime = await aRuntime({
      Worker: consumer(async (messages) => {
        if (messages[0]?.body === "1" && messages[0].attributes["ApproximateReceiveCount"] === "1") await gate.said;
        const bad = messages.findIndex(
          ({ body, attributes }) => body === "3" && Number(attributes["ApproximateReceiveCount"]) < 3,
        );
        const worked = bad < 0 ? messages : messages.slice(0, bad);
        for (const { body } of worked) {
          done.push(body);
          seen.write(body);
        }
        return bad < 0 ? [] : messages.slice(bad);
      }),
    });
    for (const body of ["1", "2", "3", "4", "5"]) await sendJob(runtime, "g", body);
    gate.say();
    expect(await seen.upTo(5)).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("gives a function several messages of a group at once, and no other batch of that group meanwhile", async () => {
    const batches = journal<string>();
    const [gate, begun] = [latch(), latch()];
    const runtime = await aRuntime({
      Worker: consumer(async (messages) => {
        begun.say();
        await gate.said;
        batches.write(messages.map(({ body }) => body).join());
        return [];
      }),
    });
    await sendJob(runtime, "g", "1");
    await begun.said;
    for (const body of ["2", "3", "4"]) await sendJob(runtime, "g", body);
    gate.say();
    expect(await batches.upTo(2)).toEqual(["1", "2,3,4"]);
  });

  it("works on different groups side by side", async () => {
    const both = [latch(), latch()] as const;
    const finished = journal<string>();
    const runtime = await aRuntime({
      Worker: consumer(async ([message]) => {
        const mine = message?.body === "a" ? 0 : 1;
        both[mine].say();
        await both[1 - mine === 0 ? 0 : 1].said;
        finished.write(message?.body ?? "");
        return [];
      }),
    });
    await sendJob(runtime, "one", "a");
    await sendJob(runtime, "two", "b");
    expect([...(await finished.upTo(2))].sort()).toEqual(["a", "b"]);
  });

  it("moves a message that was received too often to the dead-letter queue, and goes on with its group", async () => {
    const seen = journal<string>();
    const runtime = await aRuntime({
      Worker: consumer((messages) => {
        const bad = messages.findIndex(({ body }) => body === "poison");
        for (const { body } of messages.slice(0, bad < 0 ? messages.length : bad + 1)) seen.write(body);
        return bad < 0 ? [] : messages.slice(bad);
      }),
    });
    await sendJob(runtime, "g", "poison");
    await seen.upTo(1);
    await sendJob(runtime, "g", "next");
    expect(await seen.upTo(4)).toEqual(["poison", "poison", "poison", "next"]);
    const QueueUrl = urlOf(runtime, "JobsDead.fifo");
    const { Messages = [] } = await runtime.operator.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages.map(({ Body }) => Body)).toEqual(["poison"]);
  });
});

describe("after a restart", () => {
  it("messages that no consumer had taken are delivered", async () => {
    const stateDirectory = aStateDirectory();
    const first = await aRuntime(
      { Worker: consumer((messages) => messages) },
      { stateDirectory, retryDelay: () => 60_000 },
    );
    await sendJob(first, "g", "kept");
    await first.stop();
    const seen = journal<string>();
    const second = await aRuntime(
      {
        Worker: consumer((messages) => {
          for (const { body } of messages) seen.write(body);
          return [];
        }),
      },
      { stateDirectory },
    );
    expect(await seen.upTo(1)).toEqual(["kept"]);
    expect(second.depths().get("shared-Jobs.fifo")).toBeDefined();
  });

  it("a queue keeps its messages when its attributes have changed", async () => {
    const stateDirectory = aStateDirectory();
    const first = await aRuntime({}, { stateDirectory });
    const QueueUrl = urlOf(first, "JobsDead.fifo");
    await first.operator.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: "x", MessageGroupId: "g", MessageDeduplicationId: "x" }),
    );
    await first.stop();
    const second = await aRuntime({}, { stateDirectory });
    const { Attributes } = await second.operator.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: urlOf(second, "JobsDead.fifo"), AttributeNames: ["All"] }),
    );
    expect(Attributes).toMatchObject({ ApproximateNumberOfMessages: "1" });
  });
});
