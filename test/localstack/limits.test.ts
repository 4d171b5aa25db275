import { DescribeExecutionCommand, StartExecutionCommand } from "@aws-sdk/client-sfn";
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import { BatchGetCommand, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { StateMachine } from "aws-local-stepfunctions";
import { describe, expect, it } from "vitest";
import { AWS_LIMITS } from "../../functions/contracts/limits.ts";
import { type Exceeded, History, watch } from "../../localstack/embedded/limits/states.ts";
import type { Runtime } from "../../localstack/embedded/runtime.ts";
import { aRuntime, journal } from "./fixture/runtime.ts";

const { messageBytes, stateBytes, itemBytes, lambdaPayloadBytes } = AWS_LIMITS;
const stateMachineArn = "arn:aws:states:us-east-1:000000000000:stateMachine:services-Machine";
const table = "services-Table";

const urlOf = ({ awsEndpoint }: Runtime, name: string) => `${awsEndpoint}/000000000000/shared-${name}`;
const note = ({ operator }: Runtime, more: object) =>
  operator.sqs.send(new SendMessageCommand({ QueueUrl: "", MessageBody: "x", ...more }));
const start = ({ operator }: Runtime, input: string, name = "one") =>
  operator.sfn.send(new StartExecutionCommand({ stateMachineArn, name, input }));
const put = ({ operator }: Runtime, item: object) =>
  operator.dynamodb.send(new PutCommand({ TableName: table, Item: { pk: "p", sk: "s", ...item } }));

async function ended({ operator }: Runtime, name = "one") {
  for (;;) {
    const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
    const execution = await operator.sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (execution.status !== "RUNNING") return execution;
  }
}

let runtime: Runtime;

describe("a message", () => {
  const fifo = { MessageGroupId: "g", MessageDeduplicationId: "d" };
  const attributes = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, { DataType: "String", StringValue: "x" }]));

  it.each<[what: string, more: object, name: string]>([
    ["of more bytes than SQS takes", { MessageBody: "x".repeat(messageBytes + 1) }, "InvalidParameterValue"],
    ["of few characters and many bytes", { MessageBody: "é".repeat(messageBytes / 2 + 1) }, "InvalidParameterValue"],
    [
      "that is too large with its attributes",
      {
        MessageBody: "x".repeat(messageBytes - 10),
        MessageAttributes: { reason: { DataType: "String", StringValue: "x" } },
      },
      "InvalidParameterValue",
    ],
    ["with a control character", { MessageBody: "a\u0000b" }, "InvalidMessageContents"],
    ["with a noncharacter", { MessageBody: "a\uFFFEb" }, "InvalidMessageContents"],
    ["with half of a surrogate pair", { MessageBody: "a\uD800b" }, "SerializationException"],
    ["with eleven attributes", { MessageAttributes: attributes(11) }, "InvalidParameterValue"],
    [
      "with an empty attribute",
      { MessageAttributes: { a: { DataType: "String", StringValue: "" } } },
      "InvalidParameterValue",
    ],
  ])("%s is refused as SQS refuses it", async (_, more, name) => {
    runtime = await aRuntime({});
    await expect(note(runtime, { QueueUrl: urlOf(runtime, "Notes"), ...more })).rejects.toMatchObject({ name });
  });

  it.each<[what: string, more: object]>([
    ["a group id of 129 characters", { MessageGroupId: "g".repeat(129) }],
    ["a deduplication id of 129 characters", { MessageDeduplicationId: "d".repeat(129) }],
    ["a blank in its group id", { MessageGroupId: "a b" }],
    ["a letter outside ASCII in its deduplication id", { MessageDeduplicationId: "é" }],
  ])("with %s is refused", async (_, more) => {
    runtime = await aRuntime({});
    const QueueUrl = urlOf(runtime, "JobsDead");
    await expect(note(runtime, { QueueUrl, ...fifo, ...more })).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
  });

  it("that is just as large as SQS takes, and one with any character that SQS takes, arrive as they were sent", async () => {
    const seen = journal<string>();
    runtime = await aRuntime({
      Writer: async (event) => {
        for (const { body } of (event as { Records: { body: string }[] }).Records) seen.write(body);
        return {};
      },
    });
    const bodies = ["x".repeat(messageBytes), "\t\n\r 🚀𝄞\u{10FFFF}\uE000\uFFFD"];
    for (const MessageBody of bodies) await note(runtime, { QueueUrl: urlOf(runtime, "Notes"), MessageBody });
    expect([...(await seen.upTo(2))].sort()).toEqual(bodies.toSorted());
  });

  it("of a batch that is bad fails alone, and a batch that is too large as a whole", async () => {
    runtime = await aRuntime({});
    const { operator } = runtime;
    const { QueueUrl } = await operator.sqs.send(new CreateQueueCommand({ QueueName: "batches" }));
    const batch = (...bodies: readonly string[]) => {
      const Entries = bodies.map((MessageBody, n): SendMessageBatchRequestEntry => ({ Id: `m${n}`, MessageBody }));
      return operator.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    };
    const mixed = await batch("good", "bad\u0001", "🚀");
    expect(mixed.Successful?.map(({ Id }) => Id)).toEqual(["m0", "m2"]);
    expect(mixed.Failed).toMatchObject([{ Id: "m1", SenderFault: true, Code: "InvalidMessageContents" }]);
    expect(await batch("\u0001")).toMatchObject({ Failed: [{ Id: "m0" }] });
    const half = "x".repeat(messageBytes / 2);
    await expect(batch(half, half, "x")).rejects.toMatchObject({ name: "BatchRequestTooLong" });
    await expect(batch(...Array(11).fill("x"))).rejects.toMatchObject({ name: "TooManyEntriesInBatchRequest" });
    const got = await operator.sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    expect(got.Messages?.map(({ Body }) => Body).sort()).toEqual(["good", "🚀"].sort());
  });
});

describe("an execution", () => {
  it("is not started with more input than Step Functions takes, under a bad name, or with what is no JSON", async () => {
    runtime = await aRuntime({ Step: async () => "ok" });
    const input = JSON.stringify("x".repeat(stateBytes - 1));
    await expect(start(runtime, input)).rejects.toMatchObject({ name: "ValidationException" });
    await expect(start(runtime, JSON.stringify("é".repeat(stateBytes / 2)))).rejects.toMatchObject({
      name: "ValidationException",
    });
    for (const name of ["x".repeat(81), "a b", "a/b"])
      await expect(start(runtime, "{}", name)).rejects.toMatchObject({ name: "InvalidName" });
    await expect(start(runtime, "{")).rejects.toMatchObject({ name: "InvalidExecutionInput" });
    await start(runtime, JSON.stringify("x".repeat(stateBytes - 2)));
    expect(await ended(runtime)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("ends when a task answers more than a state holds, and no Catch sees it", async () => {
    const caught = journal<unknown>();
    runtime = await aRuntime({
      Step: async () => "x".repeat(stateBytes),
      Caught: async (event) => caught.write(event),
    });
    await start(runtime, "{}");
    expect(await ended(runtime)).toMatchObject({ status: "FAILED", error: "States.DataLimitExceeded" });
    expect(caught.entries).toEqual([]);
  });

  it("ends when it goes on for so long that its history is full", async () => {
    const next = (Next: string) => ({ Type: "Pass" as const, Next });
    const choice = { Type: "Choice" as const, Choices: [{ Variable: "$.never", IsPresent: true, Next: "End" }] };
    const machine = new StateMachine({
      StartAt: "There",
      States: { There: next("Back"), Back: { ...choice, Default: "There" }, End: { Type: "Succeed" } },
    });
    const { result, abort, eventLogs } = machine.run({});
    result.catch(() => {});
    const seen = journal<Exceeded>();
    void watch(eventLogs, (exceeded) => {
      seen.write(exceeded);
      abort();
    });
    expect(await seen.upTo(1)).toEqual([{ error: "States.Runtime", cause: expect.stringContaining("25000") }]);
    await expect(result).rejects.toMatchObject({ name: "ExecutionAbortedError" });
  });

  it("ends when what its states hold together is too much", async () => {
    const machine = new StateMachine({
      StartAt: "Grow",
      States: {
        Grow: { Type: "Pass", Parameters: { "a.$": "$.x", "b.$": "$.x" }, Next: "End" },
        End: { Type: "Succeed" },
      },
    });
    const { result, eventLogs } = machine.run({ x: "x".repeat(stateBytes / 2) });
    const seen = journal<Exceeded>();
    await Promise.all([watch(eventLogs, seen.write), result]);
    expect(seen.entries).toMatchObject([{ error: "States.DataLimitExceeded" }]);
  });

  it("has room for some five thousand polls of a build", () => {
    const history = new History();
    let polls = 0;
    while (history.add("task") === undefined) polls++;
    expect(polls).toBe(Math.ceil((AWS_LIMITS.historyEvents - 1) / 5) - 1);
    expect(history.add("state")).toMatchObject({ error: "States.Runtime", cause: expect.stringMatching(/25000/) });
  });
});

describe("an item", () => {
  it("is refused when it is larger than DynamoDB takes, and when an update would make it so", async () => {
    runtime = await aRuntime({});
    const room = itemBytes - "pkpsksx".length;
    await put(runtime, { x: "x".repeat(room) });
    await expect(put(runtime, { x: "x".repeat(room + 1) })).rejects.toMatchObject({ name: "ValidationException" });
    await put(runtime, { x: "x".repeat(room - 100) });
    const update = new UpdateCommand({
      TableName: table,
      Key: { pk: "p", sk: "s" },
      UpdateExpression: "SET reason = :reason",
      ExpressionAttributeValues: { ":reason": "x".repeat(100) },
    });
    await expect(runtime.operator.dynamodb.send(update)).rejects.toMatchObject({ name: "ValidationException" });
  });

  it.each<[what: string, key: { pk?: string; sk?: string }]>([
    ["a partition key of 2,049 bytes", { pk: "x".repeat(2_049) }],
    ["a partition key of fewer characters and more bytes", { pk: "é".repeat(1_025) }],
    ["a sort key of 1,025 bytes", { sk: "x".repeat(1_025) }],
    ["a sort key of fewer characters and more bytes", { sk: "é".repeat(513) }],
  ])("is not written or read under %s", async (_, key) => {
    runtime = await aRuntime({});
    const { dynamodb } = runtime.operator;
    await expect(put(runtime, key)).rejects.toMatchObject({ name: "ValidationException" });
    const Key = { pk: "p", sk: "s", ...key };
    await expect(dynamodb.send(new GetCommand({ TableName: table, Key }))).rejects.toMatchObject({
      name: "ValidationException",
    });
    await expect(
      dynamodb.send(new BatchGetCommand({ RequestItems: { [table]: { Keys: [Key] } } })),
    ).rejects.toMatchObject({ name: "ValidationException" });
  });

  it("is not read with a hundred others, or written under a condition of more than four kilobytes", async () => {
    runtime = await aRuntime({});
    const { dynamodb } = runtime.operator;
    const Keys = Array.from({ length: 101 }, (_, n) => ({ pk: `p${n}`, sk: "s" }));
    await expect(dynamodb.send(new BatchGetCommand({ RequestItems: { [table]: { Keys } } }))).rejects.toMatchObject({
      name: "ValidationException",
    });
    const ConditionExpression = `attribute_not_exists(pk)${" OR attribute_not_exists(pk)".repeat(160)}`;
    const Item = { pk: "p", sk: "s" };
    await expect(dynamodb.send(new PutCommand({ TableName: table, Item, ConditionExpression }))).rejects.toMatchObject({
      name: "ValidationException",
    });
  });
});

describe("a function", () => {
  it("can't be called with, or answer, more than six megabytes", async () => {
    const calls = journal<string>();
    runtime = await aRuntime({
      Api: async () => {
        calls.write("called");
        return { statusCode: 200, body: "x".repeat(lambdaPayloadBytes) };
      },
    });
    const response = await fetch(`${runtime.url}/`);
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ message: "Internal Server Error" });
    const large = await fetch(`${runtime.url}/`, { method: "POST", body: "x".repeat(lambdaPayloadBytes) });
    expect(large.status).toBe(500);
    expect(calls.entries).toEqual(["called"]);
    const larger = await fetch(`${runtime.url}/`, { method: "POST", body: "x".repeat(10 * 1024 * 1024 + 1) });
    expect(larger.status).toBe(413);
  });
});
