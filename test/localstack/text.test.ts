import { DescribeExecutionCommand } from "@aws-sdk/client-sfn";
import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import fc from "fast-check";
import { expect, it } from "vitest";
import * as z from "zod";
import { send, sendAll } from "../../functions/adapters/sqs.ts";
import { startExecution } from "../../functions/adapters/step-functions.ts";
import { BatchId, BuildKey, QueueName, Sqid } from "../../functions/contracts/ids.ts";
import { statusEvent } from "../../functions/contracts/log-event.ts";
import { LandBatch, mergesTopic } from "../../functions/contracts/messages/landing-messages.ts";
import { logTopic } from "../../functions/contracts/messages/log-messages.ts";
import { requestsTopic } from "../../functions/contracts/messages/request-messages.ts";
import { signalsTopic } from "../../functions/contracts/messages/signals.ts";
import type { Topic } from "../../functions/contracts/messages/topic.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { taskHandler } from "../../functions/handlers/task.ts";
import type { Runtime } from "../../localstack/embedded/runtime.ts";
import { aRuntime, journal } from "./fixture/runtime.ts";

/** Any UTF-16 at all, one unit or more. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 40 }),
  fc
    .array(fc.oneof(fc.constantFrom(0, 8, 0x1b, 0x5c, 0x7f, 0xd83d, 0xde00, 0xfffe), fc.nat(0xffff)), {
      minLength: 1,
      maxLength: 40,
    })
    .map((units) => String.fromCharCode(...units)),
);

/** No item has a text of others for a key. The AWS SDK takes a map with the key `constructor` for no map. */
const keyOf = (text: string): string => `key ${text}`;

const Records = z.object({ Records: z.array(z.object({ body: z.string() })) });
const queue = QueueName.parse("q");
const sqid = Sqid.parse("q/1");
const batchId = BatchId.parse("q/batch/1");
const sha = "a".repeat(40);
const composed = { commit: sha, tree: sha, trunk: sha };
const at = epochMs(1_800_000_000_000);
let count = 0;

/** A message of each kind that carries text of others, on its topic. */
function messagesWith(text: string): readonly (readonly [Topic<never>, object])[] {
  const n = ++count;
  const numbered = Sqid.parse(`q/${n}`);
  const reason = { code: "build.failed" as const, message: text };
  const said = { v: 1, queue, sqid: numbered, note: text } as const;
  const built = { v: 1, kind: "build-finished", queue, batchId } as const;
  const buildKey = BuildKey.parse(n.toString(16).padStart(32, "0"));
  const on = <M extends object>(topic: Topic<M>, message: M) => [topic as unknown as Topic<never>, message] as const;
  const unit = { batchId, steps: [{ sqid, changes: [`git://h/r/refs%2Fheads%2Fa/${sha}`], strategy: "REBASE" }] };
  const landing = { v: 1, kind: "land-batch", id: `land-${n}`, queue };
  return [
    on(requestsTopic, { ...said, kind: "cancel", at }),
    on(requestsTopic, { v: 1, kind: "control", queue, mode: "paused", note: text, at, version: n }),
    on(signalsTopic, { ...said, kind: "cancel-requested" }),
    on(signalsTopic, { v: 1, kind: "queue-control", queue, mode: "paused", note: text, at, version: n }),
    on(signalsTopic, { ...built, buildKey, verdict: { kind: "failed", reason }, url: text }),
    on(
      mergesTopic("remote#main", String(n)),
      LandBatch.parse({
        ...landing,
        installation: "here",
        batches: [{ ...unit, tested: composed, exact: true, bundle: text }],
      }),
    ),
    on(logTopic, statusEvent(numbered, "error", at, { occurrence: "text", reason, metadata: { said: text } })),
  ];
}

const wellFormed = (message: object): unknown =>
  JSON.parse(JSON.stringify(message), (_, value: unknown) =>
    typeof value === "string" ? value.toWellFormed() : value,
  );

const urlOf = ({ awsEndpoint }: Runtime, name: string) => `${awsEndpoint}/000000000000/shared-${name}`;
const stateMachineArn = "arn:aws:states:us-east-1:000000000000:stateMachine:services-Machine";

it("any text arrives as it was, or well-formed, by every topic, in every table, and through a workflow", async () => {
  const seen = journal<unknown>();
  const take = async (event: unknown) => {
    for (const { body } of Records.parse(event).Records) seen.write(JSON.parse(body));
    return {};
  };
  const echo = taskHandler(z.object({ text: z.string() }), async ({ text }) => ({ text, again: `${text}\ud800` }));
  const runtime = await aRuntime({ Worker: take, Writer: take, Step: (event) => echo(event, {} as never) });
  const { sqs, sfn, dynamodb } = runtime.operator;
  await fc.assert(
    fc.asyncProperty(anyText, async (text) => {
      const before = seen.entries.length;
      const messages = messagesWith(text);
      for (const [topic, message] of messages) {
        const url = urlOf(runtime, topic.fifo ? "Jobs.fifo" : "Notes");
        if (topic.fifo) await send(sqs, url, topic, message as never);
        else await sendAll(sqs, url, topic, [message as never]);
      }
      const got = (await seen.upTo(before + messages.length)).slice(before);
      for (const [topic, message] of messages) {
        expect(got).toContainEqual(wellFormed(message));
        topic.schema.parse(wellFormed(message));
      }

      const Key = { pk: "text", sk: "one" };
      await dynamodb.send(
        new PutCommand({ TableName: "services-Table", Item: { ...Key, text, in: [{ [keyOf(text)]: text }] } }),
      );
      const { Item } = await dynamodb.send(new GetCommand({ TableName: "services-Table", Key, ConsistentRead: true }));
      const plain = text.toWellFormed();
      expect(Item).toEqual({ ...Key, text: plain, in: [{ [keyOf(plain)]: plain }] });

      const name = `text-${count}`;
      await startExecution(sfn, stateMachineArn, name, { text });
      const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
      let execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      while (execution.status === "RUNNING") execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      expect(JSON.parse(execution.output ?? "null")).toEqual({ text: plain, again: `${plain}\ufffd` });
    }),
    { numRuns: 40 },
  );
});
