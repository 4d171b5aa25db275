import { randomUUID } from "node:crypto";
import type { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import type { CodeBuildClient } from "@aws-sdk/client-codebuild";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { type Logger, pino } from "pino";
import type { QueueConfig } from "../contracts/queues.ts";
import { wellFormedJson } from "../contracts/text.ts";
import { type EpochMs, epochMs } from "../contracts/time.ts";
import type { BuildRunner } from "./build-runner/build-runner.ts";
import type { Env } from "./settings.ts";

/** Everything that a handler needs from outside beside its environment variables. Tests and the embedded runtime bring their own. */
export interface Clients {
  readonly dynamodb: DynamoDBDocumentClient;
  readonly sqs: SQSClient;
  readonly sfn: SFNClient;
  readonly secrets: SecretsManagerClient;
  readonly events: EventBridgeClient;
  readonly log: Logger;
  readonly now: () => EpochMs;
  /** A short string that was never given out before. */
  readonly nonce: () => string;
  /** Calls the gateway's API in this process. Absent: the API is called over HTTPS, signed with the role of the function. */
  readonly gateway?: typeof fetch;
  /** CodeBuild, and where its builds write their logs. Absent: those of the account that the process runs in. */
  readonly codebuild?: CodeBuildClients;
  /** Build runners beyond the deployed ones, by the type that a queue's configuration names. */
  readonly buildRunners?: Readonly<Record<string, WireRunner>>;
}

export interface CodeBuildClients {
  readonly codebuild: CodeBuildClient;
  readonly logs: CloudWatchLogsClient;
}

/** The build runner of a queue. */
export type BuildRunnerOf = (queue: QueueConfig) => BuildRunner;
/** Makes build runners of one type, with the clients, and the stores that the environment names. Throws config.invalid. */
export type WireRunner = (env: Env, clients: Clients) => BuildRunnerOf;

/** The document client as every store expects it. What it sends is well-formed: U+FFFD stands for a lone surrogate. */
export function documentClient(client: DynamoDBClient): DynamoDBDocumentClient {
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  documents.middlewareStack.add(
    (next) => (call) => {
      const { request } = call as { request?: { body?: unknown } };
      if (request !== undefined) request.body = wellFormedBody(request.body);
      return next(call);
    },
    { step: "build", name: "wellFormed" },
  );
  return documents;
}

/** The body of a call, as the SDK made it: a text, or its bytes. */
function wellFormedBody(body: unknown): unknown {
  if (typeof body === "string") return wellFormedJson(body);
  if (!(body instanceof Uint8Array)) return body;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return bytes.includes("\\ud") ? Buffer.from(wellFormedJson(bytes.toString("utf8"))) : body;
}

/** Clients of the AWS account that the process runs in. The SDK tries each call three times, with back-off and jitter. */
export function awsClients({ LOG_LEVEL, AWS_LAMBDA_FUNCTION_NAME }: Env): Clients {
  const settings = { requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000 } };
  return {
    dynamodb: documentClient(new DynamoDBClient(settings)),
    sqs: new SQSClient(settings),
    sfn: new SFNClient(settings),
    secrets: new SecretsManagerClient(settings),
    events: new EventBridgeClient(settings),
    log: pino({ level: LOG_LEVEL ?? "info", base: { function: AWS_LAMBDA_FUNCTION_NAME } }),
    now: () => epochMs(Date.now()),
    nonce: randomUUID,
  };
}
