import { existsSync, readFileSync, statSync } from "node:fs";
import { request } from "node:http";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, it } from "vitest";
import { aRuntime, aStateDirectory } from "./fixture/runtime.ts";

afterEach(() => {
  delete process.env["SUBMITQUEUE_SECRET_TOKEN_OF_GIT"];
});

async function aPort(stateDirectory = aStateDirectory()) {
  const runtime = await aRuntime({}, { stateDirectory, operatorPort: true });
  if (runtime.operatorPort === undefined) throw new Error("there is no port");
  const { url, file } = runtime.operatorPort;
  const variables = variablesIn(file);
  return { runtime, url, file, variables, settings: settingsOf(variables) };
}

/** What a shell that reads the file exports. */
const variablesIn = (file: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...readFileSync(file, "utf8").matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );

const settingsOf = (variables: Readonly<Record<string, string>>) => ({
  endpoint: variables["AWS_ENDPOINT_URL"] ?? "",
  region: variables["AWS_REGION"] ?? "",
  credentials: {
    accessKeyId: variables["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: variables["AWS_SECRET_ACCESS_KEY"] ?? "",
  },
  maxAttempts: 1,
});
type Settings = ReturnType<typeof settingsOf>;

const list = (settings: Settings) => new DynamoDBClient(settings).send(new ListTablesCommand({}));

/** Lists tables with a request that is changed after it was signed. */
function listTampered(
  settings: Settings,
  tamper: (request: { headers: Record<string, string>; body: string }) => void,
) {
  const client = new DynamoDBClient(settings);
  client.middlewareStack.add(
    (next) => (args) => {
      tamper(args.request as { headers: Record<string, string>; body: string });
      return next(args);
    },
    { step: "finalizeRequest", priority: "low" },
  );
  return client.send(new ListTablesCommand({}));
}

/** Sends exactly these headers. */
function send(url: string, method: string, headers: Record<string, string>) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status?: number; headers: object; body: string }>();
  const call = request(url, { method, headers }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
  });
  call.on("error", reject);
  call.end(method === "POST" ? "{}" : undefined);
  return promise;
}

const LIST = { "x-amz-target": "DynamoDB_20120810.ListTables", "content-type": "application/x-amz-json-1.0" };

describe("the operator's port", () => {
  it("serves the AWS SDK with the address and the key of its file", async () => {
    const { settings, runtime } = await aPort();
    expect((await list(settings)).TableNames).toEqual(["services-Table"]);
    const sqs = new SQSClient(settings);
    const QueueUrl = `${settings.endpoint}/000000000000/shared-JobsDead.fifo`;
    await sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: "ünïcödé", MessageGroupId: "g", MessageDeduplicationId: "d" }),
    );
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages).toMatchObject([{ Body: "ünïcödé" }]);
    expect(runtime.depths().get("shared-JobsDead.fifo")).toBe(1);
  });

  it("has a new key at each start, in a file that others can't read and that is gone when it stops", async () => {
    const stateDirectory = aStateDirectory();
    const first = await aPort(stateDirectory);
    expect(statSync(first.file).mode & 0o777).toBe(0o600);
    await first.runtime.stop();
    expect(existsSync(first.file)).toBe(false);
    const second = await aPort(stateDirectory);
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
      expect(second.variables[name]).not.toBe(first.variables[name]);
    await expect(list({ ...first.settings, endpoint: second.settings.endpoint })).rejects.toMatchObject({
      name: "UnrecognizedClientException",
    });
  });

  it.each<[string, (key: Settings["credentials"]) => Settings["credentials"], string]>([
    [
      "a word that can be guessed",
      () => ({ accessKeyId: "operator", secretAccessKey: "any" }),
      "UnrecognizedClientException",
    ],
    [
      "the name of a function",
      () => ({ accessKeyId: "function-fixture-Owner", secretAccessKey: "local" }),
      "UnrecognizedClientException",
    ],
    ["another secret", (key) => ({ ...key, secretAccessKey: "any" }), "InvalidSignatureException"],
    [
      "a secret that is nearly the same",
      (key) => ({ ...key, secretAccessKey: `${key.secretAccessKey} ` }),
      "InvalidSignatureException",
    ],
  ])("refuses %s for a key", async (_, keyFrom, name) => {
    const { settings } = await aPort();
    await expect(list({ ...settings, credentials: keyFrom(settings.credentials) })).rejects.toMatchObject({ name });
  });

  it.each<[string, (request: { headers: Record<string, string>; body: string }) => void]>([
    ["another body", (sent) => Object.assign(sent, { body: "[]" })],
    ["another call", ({ headers }) => Object.assign(headers, { "x-amz-target": "DynamoDB_20120810.DescribeTable" })],
    [
      "another time",
      ({ headers }) => Object.assign(headers, { "x-amz-date": headers["x-amz-date"]?.replace(/\dZ$/, "xZ") }),
    ],
    [
      "a call that the signature does not cover",
      ({ headers }) => {
        const covered = headers["authorization"] ?? "";
        headers["authorization"] = covered.replace(";x-amz-target", "");
      },
    ],
  ])("refuses %s under the signature of one that was signed", async (_, tamper) => {
    const { settings } = await aPort();
    await expect(listTampered(settings, tamper)).rejects.toMatchObject({ name: "InvalidSignatureException" });
    expect((await listTampered(settings, () => {})).TableNames).toHaveLength(1);
  });

  it("refuses a signature of an hour ago", async () => {
    const { settings } = await aPort();
    const client = new DynamoDBClient({ ...settings, systemClockOffset: -3_600_000 });
    await expect(client.send(new ListTablesCommand({}))).rejects.toMatchObject({ name: "InvalidSignatureException" });
  });

  it.each<[string, string, Record<string, string>, number]>([
    ["who does not sign", "POST", {}, 403],
    [
      "who signs as dynalite would have believed",
      "POST",
      { authorization: "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=none" },
      403,
    ],
    ["a page", "POST", { origin: "https://evil.example" }, 403],
    ["a page of this very address", "POST", { "sec-fetch-site": "same-origin" }, 403],
    [
      "a page that asks first",
      "OPTIONS",
      { origin: "https://evil.example", "access-control-request-method": "POST" },
      403,
    ],
    ["a page with a name of its own", "POST", { host: "evil.example" }, 403],
    ["who looks around", "GET", {}, 404],
  ])("refuses %s, and permits no page anything", async (_, method, headers, status) => {
    const { url } = await aPort();
    const answer = await send(url, method, { ...LIST, ...headers });
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain("services-Table");
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it("hands out no secret, which a build that reads the file could ask for", async () => {
    process.env["SUBMITQUEUE_SECRET_TOKEN_OF_GIT"] = "hush";
    const { settings } = await aPort();
    const read = new SecretsManagerClient(settings).send(new GetSecretValueCommand({ SecretId: "token/of.git" }));
    await expect(read).rejects.toMatchObject({ name: "AccessDeniedException" });
  });
});
