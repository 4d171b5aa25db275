import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SendMessageCommand, type SendMessageCommandInput, SQSClient } from "@aws-sdk/client-sqs";
import type { AwsClientStub } from "aws-sdk-client-mock";
import { pino } from "pino";
import { afterEach, beforeEach } from "vitest";
import type { Clients } from "../../../functions/adapters/aws-clients.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import type { LambdaContext, Wire } from "../../../functions/handlers/on-lambda.ts";
import { NOW, Sandbox } from "../../adapters/git/sandbox.ts";
import { mockedClass } from "../../support/mocked-class.ts";

/** The sandbox of the test that runs. */
export let sandbox: Sandbox;
/** SQS, which takes every message, and Secrets Manager, as the file that runs has mocked them. */
export let sqs: AwsClientStub<SQSClient>;
export let secrets: AwsClientStub<SecretsManagerClient>;

/** Gives each test of the file a sandbox of its own, and AWS without a memory. Called at the top of a file. */
export function withSandbox(): void {
  sqs = mockedClass(SQSClient);
  secrets = mockedClass(SecretsManagerClient);
  beforeEach(() => {
    sqs.reset();
    sqs.resolves({});
    secrets.reset();
    sandbox = new Sandbox();
  });
  afterEach(() => sandbox.remove());
}

/** Calls a function of runway, wired anew, with this file of queues; `more` are clients in place of the mocked ones. */
export function invoke(wire: Wire, event: unknown, queues: object, more: Partial<Clients> = {}): Promise<unknown> {
  const queuesFile = join(sandbox.directory, "queues.json");
  writeFileSync(queuesFile, JSON.stringify(queues));
  const env = {
    [ENV.queuesFile]: queuesFile,
    [ENV.workDirectory]: sandbox.workDirectory,
    [ENV.signalsTopic]: "signals.fifo",
    [ENV.deadLetters]: "dead.fifo",
  };
  const [region, log] = ["eu-west-1", pino({ level: "silent" })];
  const mocked = { sqs: new SQSClient({ region }), secrets: new SecretsManagerClient({ region }) };
  return wire(env, { ...mocked, log, now: () => NOW, ...more } as unknown as Clients)(event, {} as LambdaContext);
}

/** Messages of one group, as SQS hands them to a function: with the ids m0, m1, … */
export const delivery = (...messages: readonly unknown[]) => ({
  Records: messages.map((message, n) => ({
    messageId: `m${n}`,
    body: JSON.stringify(message),
    attributes: { MessageGroupId: "target", MessageDeduplicationId: `d${n}` },
  })),
});

/** All that was sent, oldest first. */
export const sent = (): readonly SendMessageCommandInput[] =>
  sqs.commandCalls(SendMessageCommand).map(({ args: [{ input }] }) => input);
