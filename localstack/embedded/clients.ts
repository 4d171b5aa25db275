import { randomUUID } from "node:crypto";
import type { Agent } from "node:http";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Logger } from "pino";
import { type Clients, documentClient } from "../../functions/adapters/clients.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { REGION } from "../../lib/cloudformation/resolver.ts";
import { commandRunners } from "../command-runner/index.ts";

/** Unmodified SDK clients that speak to the front door, as the holder of an access key. */
export function clientsAt(endpoint: string, accessKeyId: string, log: Logger, httpAgent?: Agent): Clients {
  const settings = {
    endpoint,
    region: REGION,
    credentials: { accessKeyId, secretAccessKey: "local" },
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, ...(httpAgent ? { httpAgent } : {}) },
  };
  return {
    dynamodb: documentClient(new DynamoDBClient(settings)),
    sqs: new SQSClient(settings),
    sfn: new SFNClient(settings),
    secrets: new SecretsManagerClient(settings),
    log,
    now: () => epochMs(Date.now()),
    nonce: randomUUID,
    buildRunners: { command: commandRunners },
  };
}
