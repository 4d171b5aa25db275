import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { afterEach, describe, expect, it } from "vitest";
import type { Clients } from "../../functions/adapters/aws-clients.ts";
import type { Env } from "../../functions/adapters/settings.ts";
import { aRuntime } from "./fixture/runtime.ts";
import type { Script } from "./fixture/scripted.ts";

const put = (env: Env, { dynamodb }: Clients) =>
  dynamodb.send(new PutCommand({ TableName: env["TABLE"], Item: { pk: "a", sk: "b", by: env["SCRIPT"] } }));
const nameOf = (failure: unknown) => (failure instanceof Error ? failure.name : String(failure));

/** Invokes a function of the fixture by way of the state machine, and tells how it went. */
const attempt =
  (work: (clients: Clients, env: Env) => Promise<unknown>): Script =>
  async (_event, clients, env) =>
    work(clients, env).then(() => "done", nameOf);

async function call(functionName: string, work: (clients: Clients, env: Env) => Promise<unknown>): Promise<unknown> {
  const runtime = await aRuntime({});
  const spec = runtime.deployment.functions.find(({ id }) => id === `fixture/${functionName}`);
  return attempt(work)(null, runtime.clientsOf(`fixture/${functionName}`), spec?.environment ?? {});
}

describe("the front door", () => {
  afterEach(() => {
    delete process.env["SUBMITQUEUE_SECRET_TOKEN_OF_GIT"];
  });

  it("lets the owner of a table write it", async () => {
    expect(await call("Owner", (clients, env) => put(env, clients))).toBe("done");
  });

  it("refuses a write that no policy of the role allows", async () => {
    expect(await call("Nobody", (clients, env) => put(env, clients))).toBe("AccessDeniedException");
  });

  it("refuses a write that the role allows but the table's own policy denies", async () => {
    expect(await call("Stranger", (clients, env) => put(env, clients))).toBe("AccessDeniedException");
  });

  it("refuses to send where the role may not", async () => {
    const send = (env: Env, { sqs }: Clients) =>
      sqs.send(
        new SendMessageCommand({
          QueueUrl: env["JOBS"],
          MessageBody: "x",
          MessageGroupId: "g",
          MessageDeduplicationId: "d",
        }),
      );
    expect(await call("Nobody", (clients, env) => send(env, clients))).toBe("AccessDeniedException");
  });

  it("refuses a secret that the role was not given", async () => {
    process.env["SUBMITQUEUE_SECRET_TOKEN_OF_GIT"] = "hush";
    expect(
      await call("Nobody", ({ secrets }) => secrets.send(new GetSecretValueCommand({ SecretId: "token/of.git" }))),
    ).toBe("AccessDeniedException");
  });

  it("reads a secret from its environment variable, and says which one is missing", async () => {
    process.env["SUBMITQUEUE_SECRET_TOKEN_OF_GIT"] = "hush";
    const { operator } = await aRuntime({});
    const read = (SecretId: string) => operator.secrets.send(new GetSecretValueCommand({ SecretId }));
    expect(await read("token/of.git")).toMatchObject({ SecretString: "hush" });
    await expect(read("other")).rejects.toThrow(/set SUBMITQUEUE_SECRET_OTHER_FILE .* or set SUBMITQUEUE_SECRET_OTHER/);
  });

  it("knows no function but the functions of the templates", async () => {
    const runtime = await aRuntime({});
    expect(() => runtime.clientsOf("fixture/Absent")).toThrow(/no function fixture\/Absent/);
  });
});
