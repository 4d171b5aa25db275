import type { Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from "@aws-sdk/client-dynamodb";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { documentClient } from "../../functions/adapters/aws-clients.ts";
import { KEY } from "../../functions/contracts/tables.ts";

const dynalite = createRequire(import.meta.url)("dynalite") as (options: { createTableMs: number }) => Server;

export interface Dynalite {
  readonly endpoint: string;
  readonly client: DynamoDBDocumentClient;
  /** Adds tables to a running one: cheaper than another server when each test wants its own. */
  readonly create: (...tables: readonly string[]) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Configuration of an AWS SDK client that talks to an emulator: never to AWS, and without waiting between retries. */
export const toEmulator = (endpoint: string) => ({
  endpoint,
  region: "eu-west-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});

/** Starts DynamoDB in this process with the given tables (names of three characters or more), keyed as contracts/tables.ts says. */
export async function startDynalite(...tables: readonly string[]): Promise<Dynalite> {
  const server = dynalite({ createTableMs: 0 });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const raw = new DynamoDBClient(toEmulator(endpoint));
  const client = documentClient(raw);
  const create = async (...names: readonly string[]) => {
    await Promise.all(names.map((name) => createTable(raw, name)));
  };
  const stop = async () => {
    raw.destroy();
    await new Promise<void>((closed) => server.close(() => closed()));
  };
  await create(...tables);
  return { endpoint, client, create, stop };
}

async function createTable(raw: DynamoDBClient, name: string): Promise<void> {
  await raw.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: KEY.pk, AttributeType: "S" },
        { AttributeName: KEY.sk, AttributeType: "S" },
      ],
      KeySchema: [
        { AttributeName: KEY.pk, KeyType: "HASH" },
        { AttributeName: KEY.sk, KeyType: "RANGE" },
      ],
    }),
  );
  await waitUntilTableExists({ client: raw, maxWaitTime: 10, minDelay: 0.01, maxDelay: 0.05 }, { TableName: name });
}
