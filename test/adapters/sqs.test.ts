import {
  ChangeMessageVisibilityBatchCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { type FauxqsServer, startFauxqs } from "fauxqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { keepInvisible, send, sendAll, sendDeadLetter, sendEach } from "../../functions/adapters/sqs.ts";
import type { Topic } from "../../functions/contracts/messages/topic.ts";
import { toEmulator } from "../support/dynalite.ts";

let server: FauxqsServer;
let sqs: SQSClient;
beforeAll(async () => {
  server = await startFauxqs({ port: 0, logger: false });
  sqs = new SQSClient(toEmulator(`http://127.0.0.1:${server.port}`));
});
afterAll(async () => {
  sqs.destroy();
  await server.stop();
});

const create = async (name: string) => {
  const Attributes = name.endsWith(".fifo") ? { FifoQueue: "true" } : undefined;
  const { QueueUrl = "" } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, ...(Attributes && { Attributes }) }),
  );
  return QueueUrl;
};
const receive = async (QueueUrl: string) => {
  const command = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: 10,
    MessageSystemAttributeNames: ["All"],
    MessageAttributeNames: ["All"],
  });
  return (await sqs.send(command)).Messages ?? [];
};

const fifo: Topic<{ n: number }> = {
  name: "numbers",
  schema: z.object({ n: z.int() }),
  fifo: { group: ({ n }) => (n % 2 ? "odd" : "even"), dedup: ({ n }) => `n${n}` },
};
const { fifo: _fifo, ...standard } = fifo;

describe("sending to a topic", () => {
  it("gives a message of a FIFO topic its group, and drops a repeat of its dedup id", async () => {
    const url = await create("send.fifo");
    for (const n of [1, 1]) await send(sqs, url, fifo, { n });
    expect(await receive(url)).toMatchObject([
      { Body: '{"n":1}', Attributes: { MessageGroupId: "odd", MessageDeduplicationId: "n1" } },
    ]);
  });

  it("sends more than ten messages, in order", async () => {
    const url = await create("many.fifo");
    const one = { ...fifo, fifo: { group: () => "one", dedup: ({ n }: { n: number }) => `n${n}` } };
    await sendAll(
      sqs,
      url,
      one,
      Array.from({ length: 12 }, (_, n) => ({ n })),
    );
    const bodies: unknown[] = [];
    for (let got = await receive(url); got.length > 0; got = bodies.length < 12 ? await receive(url) : []) {
      bodies.push(...got.map(({ Body = "" }) => (JSON.parse(Body) as { n: number }).n));
      for (const { ReceiptHandle } of got) await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
    }
    expect(bodies).toEqual(Array.from({ length: 12 }, (_, n) => n));
  });

  it("sends many large messages in as many calls as SQS takes", async () => {
    const mock = mockClient(new SQSClient(toEmulator("http://127.0.0.1:1")));
    mock.on(SendMessageBatchCommand).resolves({ Failed: [], Successful: [] });
    const texts: Topic<string> = { name: "texts", schema: z.string() };
    await sendAll(mock as unknown as SQSClient, "x", texts, Array(12).fill("é".repeat(20_000)));
    const calls = mock.commandCalls(SendMessageBatchCommand).map(({ args: [{ input }] }) => input.Entries ?? []);
    expect(calls.map(({ length }) => length)).toEqual([2, 2, 2, 2, 2, 2]);
    for (const entries of calls)
      expect(entries.reduce((sum, { MessageBody = "" }) => sum + Buffer.byteLength(MessageBody), 0)).toBeLessThan(
        262_144,
      );
  });

  it("names the messages that SQS refused for good, and has sent the others", async () => {
    const mock = mockClient(new SQSClient(toEmulator("http://127.0.0.1:1")));
    mock
      .on(SendMessageBatchCommand)
      .resolves({ Failed: [{ Id: "1", SenderFault: true, Code: "InvalidMessageContents" }], Successful: [] });
    const refused = await sendEach(mock as unknown as SQSClient, "x", standard, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(refused).toMatchObject([{ message: { n: 2 }, error: { code: "internal" } }]);
  });

  it("sends nothing for no messages", async () => {
    await sendAll(sqs, "http://nowhere.invalid/queue", standard, []);
  });

  it("says that a topic that is not there is a fault of the configuration", async () => {
    const url = (await create("there")).replace(/there$/, "not-there");
    await expect(send(sqs, url, standard, { n: 1 })).rejects.toMatchObject({ code: "config.invalid" });
  });

  it("asks to be retried when SQS can't be reached, or takes only some of a batch", async () => {
    const away = new SQSClient(toEmulator("http://127.0.0.1:1"));
    await expect(send(away, "http://127.0.0.1:1/x", standard, { n: 1 })).rejects.toMatchObject({
      code: "queue.unavailable",
    });
    const mock = mockClient(new SQSClient(toEmulator("http://127.0.0.1:1")));
    mock
      .on(SendMessageBatchCommand)
      .resolves({ Failed: [{ Id: "0", SenderFault: false, Code: "InternalError" }], Successful: [] });
    const partial = sendAll(mock as unknown as SQSClient, "x", standard, [{ n: 1 }]);
    await expect(partial).rejects.toMatchObject({ code: "queue.unavailable" });
  });
});

describe("sending a dead letter", () => {
  const reason = {
    reason: "refused",
    code: "internal",
    message: `a\u0000b${"x".repeat(5_000)}`,
    originalTopic: "numbers",
  };

  it("keeps body, group and dedup id, and carries the reason in what SQS takes as attributes", async () => {
    const url = await create("dead.fifo");
    for (let repeat = 0; repeat < 2; repeat++)
      await sendDeadLetter(sqs, url, { body: "{", group: "odd", dedup: "n1", reason });
    const [letter, ...more] = await receive(url);
    expect(more).toEqual([]);
    expect(letter).toMatchObject({
      Body: "{",
      Attributes: { MessageGroupId: "odd", MessageDeduplicationId: "n1" },
      MessageAttributes: { code: { StringValue: "internal" }, originalTopic: { StringValue: "numbers" } },
    });
    expect(letter?.MessageAttributes?.["message"]?.StringValue).toMatch(/^a bx{997}$/);
  });

  it("needs no group on a standard queue", async () => {
    const url = await create("dead");
    await sendDeadLetter(sqs, url, { body: "{", reason });
    expect(await receive(url)).toHaveLength(1);
  });
});

it("a dead letter keeps a body as long as SQS takes, and as much of the reason as there is room for", async () => {
  const mock = mockClient(new SQSClient(toEmulator("http://127.0.0.1:1")));
  const reason = { reason: "refused", code: "internal", originalTopic: "numbers", message: "x".repeat(2_000) };
  const sizeOf = async (length: number) => {
    await sendDeadLetter(mock as unknown as SQSClient, "dead", { body: "b".repeat(length), reason });
    const { MessageBody = "", MessageAttributes = {} } =
      mock.commandCalls(SendMessageCommand).at(-1)?.args[0].input ?? {};
    const sizes = Object.entries(MessageAttributes).map(
      ([name, { DataType = "", StringValue = "" }]) => (name + DataType + StringValue).length,
    );
    return {
      names: Object.keys(MessageAttributes),
      bytes: sizes.reduce((sum, size) => sum + size, MessageBody.length),
    };
  };
  expect(await sizeOf(200_000)).toMatchObject({ names: Object.keys(reason) });
  const almost = await sizeOf(262_000);
  expect(almost.names).toEqual(["reason", "code", "originalTopic"]);
  expect(almost.bytes).toBeLessThanOrEqual(262_144);
  expect(await sizeOf(262_144)).toEqual({ names: [], bytes: 262_144 });
});

it("hiding messages fails when SQS hides only some of them, and says why", async () => {
  const mock = mockClient(new SQSClient(toEmulator("http://127.0.0.1:1")));
  mock.on(ChangeMessageVisibilityBatchCommand).resolves({
    Successful: [{ Id: "0" }],
    Failed: [{ Id: "1", SenderFault: true, Code: "InvalidParameterValue", Message: "beyond the limit" }],
  });
  await expect(keepInvisible(mock as unknown as SQSClient, "q", ["a", "b"], 60)).rejects.toMatchObject({
    code: "queue.unavailable",
    message: expect.stringContaining("1 of 2 messages of q were not hidden: InvalidParameterValue beyond the limit"),
  });
});
