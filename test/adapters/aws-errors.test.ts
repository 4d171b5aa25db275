import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isTransient, stored, translated, won } from "../../functions/adapters/aws-errors.ts";
import { CodedError } from "../../functions/contracts/errors.ts";
import { type Dynalite, startDynalite } from "../support/dynalite.ts";

describe("errors of the AWS SDK", () => {
  let dynamo: Dynalite;
  beforeAll(async () => {
    dynamo = await startDynalite("errors");
  });
  afterAll(() => dynamo.stop());

  const create = () =>
    dynamo.client.send(
      new PutCommand({
        TableName: "errors",
        Item: { pk: "p", sk: "s" },
        ConditionExpression: "attribute_not_exists(pk)",
      }),
    );

  it("a write whose condition holds is won, and a repeat is lost", async () => {
    expect(await won("create", create())).toBe(true);
    expect(await won("create", create())).toBe(false);
    await expect(stored("create", create())).rejects.toMatchObject({ code: "store.version_conflict" });
  });

  it("a missing table is final: waiting does not help", async () => {
    const read = dynamo.client.send(new GetCommand({ TableName: "absent", Key: { pk: "p", sk: "s" } }));
    await expect(stored("read", read)).rejects.toMatchObject({ code: "internal" });
  });

  it.each([
    ["a throttle", { name: "ProvisionedThroughputExceededException", $fault: "client" }, true],
    ["another throttle", { name: "ThrottlingException", $fault: "client" }, true],
    ["as many executions as the account may have", { name: "ExecutionLimitExceeded", $fault: "client" }, true],
    ["as many messages in flight as a queue may have", { name: "OverLimit", $fault: "client" }, true],
    ["a throttle of KMS", { name: "KmsThrottled", $fault: "client" }, true],
    ["a throttle by its status alone", { name: "Odd", $fault: "client", $metadata: { httpStatusCode: 429 } }, true],
    ["a fault of the server", { name: "InternalServerError", $fault: "server" }, true],
    ["a bad gateway", { name: "UnknownError", $metadata: { httpStatusCode: 502 } }, true],
    ["what the SDK calls retryable", { name: "Odd", $retryable: {} }, true],
    ["a refused connection", { name: "Error", code: "ECONNREFUSED" }, true],
    ["a time-out", { name: "TimeoutError" }, true],
    ["a refused permission", { name: "AccessDeniedException", $fault: "client" }, false],
    ["a malformed call", { name: "ValidationException", $fault: "client", $metadata: { httpStatusCode: 400 } }, false],
    ["a bug of ours", new TypeError("x is not a function"), false],
    ["nothing at all", undefined, false],
  ])("%s: transient is %s", (_what, error, transient) => {
    expect(isTransient(error)).toBe(transient);
    expect(translated(error, "queue.unavailable", "send").code).toBe(transient ? "queue.unavailable" : "internal");
  });

  it("a coded error passes through untouched", () => {
    const error = new CodedError("land.unknown", "no such request");
    expect(translated(error, "store.unavailable", "read")).toBe(error);
  });
});
