import { PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { beforeAll, describe, expect, it } from "vitest";
import type { Deployment } from "../../localstack/embedded/deployment.ts";
import { authorizer } from "../../localstack/embedded/iam.ts";
import { startRuntime } from "../../localstack/embedded/runtime.ts";
import { synthesizeHere as synthesize } from "../../localstack/embedded/synthesize.ts";
import { aQueuesFile, aStateDirectory } from "./fixture/runtime.ts";

/** What the real stacks deploy, and what happened to a stray call on them. */
let deployment: Deployment;
let stray: { readonly write: unknown; readonly read: unknown; readonly own: unknown };

const roleOf = (id: string) => deployment.functions.find((spec) => spec.id === id)?.roleArn ?? "";
const tableIn = (variable: string) => {
  const name = deployment.functions.find(({ environment }) => variable in environment)?.environment[variable];
  return deployment.tables.find((table) => table.name === name) ?? { name: "none", arn: "none" };
};

beforeAll(async () => {
  const runtime = await startRuntime({
    synthesize,
    queues: aQueuesFile(),
    stateDirectory: aStateDirectory(),
    quiet: true,
  });
  deployment = runtime.deployment;
  const { dynamodb } = runtime.clientsOf("orchestrator/plan");
  const outcome = (call: Promise<unknown>) =>
    call.then(
      () => "done",
      (error: unknown) => (error instanceof Error ? error.name : error),
    );
  const Item = { pk: "log#fixture/1", sk: "1" };
  const ofFirst = { KeyConditionExpression: "pk = :pk", ExpressionAttributeValues: { ":pk": Item.pk } };
  stray = {
    write: await outcome(dynamodb.send(new PutCommand({ TableName: tableIn("LOG_TABLE").name, Item }))),
    read: await outcome(dynamodb.send(new QueryCommand({ TableName: tableIn("LOG_TABLE").name, ...ofFirst }))),
    own: await outcome(dynamodb.send(new PutCommand({ TableName: tableIn("BATCHES_TABLE").name, Item }))),
  };
  await runtime.stop();
});

describe("the planner, at work under its own role", () => {
  it("is refused to write or read the request log, while its own tables take its writes", () => {
    expect(stray).toEqual({ write: "AccessDeniedException", read: "AccessDeniedException", own: "done" });
  });
});

describe("a stray write to the request log", () => {
  const allowAll = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "dynamodb:*", Resource: "*" }] };
  /** The deployment with layers taken away. */
  const without = (layers: { grants?: boolean; guard?: boolean }): Deployment => {
    const role = roleOf("orchestrator/plan");
    const granted = [...(deployment.identityPolicies.get(role) ?? []), ...(layers.grants ? [allowAll] : [])];
    const guards = [...deployment.resourcePolicies].filter(
      ([arn]) => !(layers.guard && arn === tableIn("LOG_TABLE").arn),
    );
    return {
      ...deployment,
      identityPolicies: new Map(deployment.identityPolicies).set(role, granted),
      resourcePolicies: new Map(guards),
    };
  };

  it.each<[string, { grants?: boolean; guard?: boolean }, boolean]>([
    ["is refused by both layers", {}, false],
    ["is refused by the table's own policy when a role is granted too much", { grants: true }, false],
    ["is refused by the grants when the table has no policy", { guard: true }, false],
    ["gets through only when both are gone", { grants: true, guard: true }, true],
  ])("%s", async (_, layers, allowed) => {
    const want = { action: "dynamodb:PutItem", resource: tableIn("LOG_TABLE").arn };
    expect(await authorizer(without(layers))(roleOf("orchestrator/plan"), want)).toMatchObject({ allowed });
  });

  it("is what the gateway's own functions may do", async () => {
    const want = { action: "dynamodb:BatchWriteItem", resource: tableIn("LOG_TABLE").arn };
    expect(await authorizer(deployment)(roleOf("gateway/api"), want)).toEqual({ allowed: true });
  });
});
