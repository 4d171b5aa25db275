import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { expect, it } from "vitest";
import type { Clients } from "../../../functions/adapters/aws-clients.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import { PullMessage } from "../../../functions/contracts/github.ts";
import { wire } from "../../../functions/handlers/github/report.lambda.ts";
import type { LambdaContext } from "../../../functions/handlers/on-lambda.ts";
import { mockedClass } from "../../support/mocked-class.ts";

const sqs = mockedClass(SQSClient);

const HEAD = "a".repeat(40);
const PULL = `github://github.com/acme/shop/pull/12/${HEAD}`;

/** The messages that follow an event about a request that has pull requests in the table, or none. */
async function sentFor(data: object, place?: object): Promise<readonly unknown[]> {
  sqs.reset();
  sqs.resolves({});
  const report = wire({ [ENV.pullsTable]: "pulls", [ENV.pullsTopic]: "pulls.fifo", [ENV.deadLetters]: "dead" }, {
    dynamodb: { send: async () => ({ Item: place }) },
    sqs: new SQSClient({ region: "eu-west-1" }),
  } as unknown as Clients);
  const body = JSON.stringify({ specversion: "1.0", id: "main/7/x", type: "dev.submitqueue.request.x", data });
  const answer = await report({ Records: [{ messageId: "m", body, attributes: {} }] }, {} as LambdaContext);
  expect(answer).toEqual({ batchItemFailures: [] });
  expect(sqs.commandCalls(SendMessageCommand)).toEqual([]);
  const sent = sqs.commandCalls(SendMessageBatchCommand).flatMap(({ args: [{ input }] }) => input.Entries ?? []);
  return sent.map(({ MessageBody = "" }) => PullMessage.parse(JSON.parse(MessageBody)));
}

it.each([
  [
    "of a type and a reason that only a newer release publishes",
    { sqid: "main/7", status: "superseded", reason: { code: "change.superseded" } },
    1,
  ],
  ["about a queue", { queue: "main", mode: "paused" }, 0],
])("an event %s has the pull requests of its request looked at", async (_, data, looks) => {
  const look = { v: 1, kind: "look", repository: "acme/shop", pull: 12, id: "main/7/x", verify: false };
  expect(await sentFor(data, { v: 1, repository: "acme/shop", pulls: [12] })).toEqual(Array(looks).fill(look));
});

it("the landing of a request that no command has asked for has its pull requests looked at, the first also for what was left out", async () => {
  const changes = [`git://h/r/refs%2Fheads%2Fx/${HEAD}`, PULL, `github://ghe.acme.com/Acme/Docs/pull/3/${HEAD}`];
  const about = { v: 1, kind: "look", id: "main/7/x", verify: false };
  expect(await sentFor({ sqid: "main/7", status: "landed", changes, changesLeftOut: 2 })).toEqual([
    { ...about, repository: "acme/shop", pull: 12, landing: { sqid: "main/7", leftOut: 2 } },
    { ...about, repository: "Acme/Docs", pull: 3, landing: { sqid: "main/7", leftOut: 0 } },
  ]);
});

it.each(["accepted", "landing", "cancelled", "error", undefined])(
  "nothing follows the event %s of a request that no command has asked for",
  async (status) => {
    expect(await sentFor({ sqid: "main/7", status, changes: [PULL], changesLeftOut: 0 })).toEqual([]);
  },
);
