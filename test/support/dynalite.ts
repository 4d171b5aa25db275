import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { documentClient } from "../../functions/adapters/aws-clients.ts";
import { KEY } from "../../functions/contracts/tables.ts";
import { bare } from "../../localstack/embedded/bare-client.ts";
import { openTables, type Tables } from "../../localstack/embedded/tables.ts";

export interface Dynalite {
  readonly client: DynamoDBDocumentClient;
  /** A further client for the same tables, with a middleware stack of its own. */
  readonly another: () => DynamoDBDocumentClient;
  /** Adds tables to a running one: cheaper than another emulator when each test wants its own. */
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

/**
 * Starts DynamoDB in this process with the given tables (names of three characters or more), keyed as contracts/tables.ts says. The clients
 * call the emulator directly, and do not try a call again: with HTTP on loopback, signatures and all steps of the SDK, a call takes ten times
 * as long.
 */
export async function startDynalite(...tables: readonly string[]): Promise<Dynalite> {
  const emulator = await openTables(undefined, []);
  const create = async (...names: readonly string[]) => {
    for (const name of names) await emulator.create(tableNamed(name));
  };
  await create(...tables);
  const another = () => {
    const settings = { ...toEmulator("http://dynamodb.invalid"), requestHandler: handlerOn(emulator) };
    return documentClient(withoutRetries(bare(new DynamoDBClient(settings))));
  };
  return { client: another(), another, create, stop: () => emulator.close() };
}

/** Its calls are made once, by `maxAttempts`: so the step that repeats a call has nothing to do. */
function withoutRetries(client: DynamoDBClient): DynamoDBClient {
  client.middlewareStack.remove("retryMiddleware");
  return client;
}

/** What we read of the SDK's HTTP request. */
interface SdkRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Stands where the SDK has its HTTP client. */
const handlerOn = (tables: Tables) => ({
  handle: async ({ headers, body = "{}" }: SdkRequest) => {
    const operation = headers["x-amz-target"]?.split(".").at(-1) ?? "";
    const text = typeof body === "string" ? body : new TextDecoder().decode(body);
    const { status, body: answer } = await tables.answer(operation, JSON.parse(text));
    const response = {
      statusCode: status,
      headers: { "content-type": "application/x-amz-json-1.0" },
      body: Buffer.from(JSON.stringify(answer)),
    };
    return { response };
  },
});

const tableNamed = (name: string) => ({
  name,
  attributes: [
    { AttributeName: KEY.pk, AttributeType: "S" },
    { AttributeName: KEY.sk, AttributeType: "S" },
  ],
  keys: [
    { AttributeName: KEY.pk, KeyType: "HASH" },
    { AttributeName: KEY.sk, KeyType: "RANGE" },
  ],
});
