import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { expect, it } from "vitest";
import type { Clients } from "../../../functions/adapters/aws-clients.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import { wire } from "../../../functions/handlers/github/report.lambda.ts";
import type { LambdaContext } from "../../../functions/handlers/on-lambda.ts";
import { mockedClass } from "../../support/mocked-class.ts";

const sqs = mockedClass(SQSClient);

it.each([
  [
    "of a type and a reason that only a newer release publishes",
    { sqid: "main/7", status: "superseded", reason: { code: "change.superseded" } },
    1,
  ],
  ["about a queue", { queue: "main", mode: "paused" }, 0],
])("an event %s has the pull requests of its request looked at", async (_, data, looks) => {
  sqs.reset();
  sqs.resolves({});
  const report = wire({ [ENV.pullsTable]: "pulls", [ENV.pullsTopic]: "pulls.fifo", [ENV.deadLetters]: "dead" }, {
    dynamodb: { send: async () => ({ Item: { v: 1, repository: "acme/shop", pulls: [12] } }) },
    sqs: new SQSClient({ region: "eu-west-1" }),
  } as unknown as Clients);
  const body = JSON.stringify({
    specversion: "1.0",
    id: "main/7/superseded",
    type: "dev.submitqueue.request.superseded",
    data,
  });
  const answer = await report({ Records: [{ messageId: "m", body, attributes: {} }] }, {} as LambdaContext);
  expect(answer).toEqual({ batchItemFailures: [] });
  expect(sqs.commandCalls(SendMessageCommand)).toEqual([]);
  const sent = sqs.commandCalls(SendMessageBatchCommand).flatMap(({ args: [{ input }] }) => input.Entries ?? []);
  expect(sent.map(({ MessageBody = "" }) => JSON.parse(MessageBody))).toMatchObject(
    Array.from({ length: looks }, () => ({ kind: "look", repository: "acme/shop", pull: 12 })),
  );
});
