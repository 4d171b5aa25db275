import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ENV } from "../../functions/contracts/environment.ts";
import { identityStatements } from "../../lib/checks/statements.ts";
import { METADATA } from "../../lib/settings.ts";
import { functionsOf, queuesWith, read, target, templatesOf } from "./synthesized.ts";

const queues = queuesWith({
  repository: { remote: "https://git.example.com/repository.git", tokenSecret: "submitqueue/token" },
});
const templates = read(templatesOf({ queues }));
const functions = functionsOf(templates);

/** What a resource is called in the tables below: `table log`, `topic requests`, `dead requests`, `workflow admit`. */
function label(arn: string): string {
  if (/:execution:.*:\*$/.test(arn))
    return `executions of ${label(arn.replace(":execution:", ":stateMachine:").replace(/:\*$/, ""))}`;
  const found = templates.resources.find((one) => one.arn === arn || one.ref === arn);
  for (const [kind, key] of [
    ["table", METADATA.table],
    ["topic", METADATA.topic],
    ["dead", METADATA.deadLettersOf],
    ["workflow", METADATA.workflow],
  ] as const)
    if (found?.metadata[key] !== undefined) return `${kind} ${String(found.metadata[key])}`;
  return found === undefined ? arn : `${found.type} ${found.logicalId}`;
}

/** What the holders of a role may do, as `resource: actions`, but for writing their own log and traces. */
function rightsOf(roleId: string, stack: string): readonly string[] {
  const rights = new Map<string, Set<string>>();
  for (const statement of identityStatements(templates)) {
    if (!statement.holders.some((holder) => holder.name === roleId && holder.stack === stack)) continue;
    expect(statement.effect).toBe("Allow");
    expect([...statement.notActions, ...statement.notResources]).toEqual([]);
    for (const arn of statement.resources)
      for (const action of statement.actions) {
        if (/^(logs|xray):/.test(action)) continue;
        const name = label(arn);
        rights.set(name, (rights.get(name) ?? new Set()).add(action));
      }
  }
  return [...rights].map(([name, actions]) => `${name}: ${[...actions].sort().join(" ")}`).sort();
}

const dynamodb = (...actions: readonly string[]) => actions.map((action) => `dynamodb:${action}`).join(" ");
const take = "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ReceiveMessage";
const secret =
  "arn:aws:secretsmanager:us-east-1:000000000000:secret:submitqueue/token-??????: secretsmanager:GetSecretValue";
const log = "topic log: sqs:SendMessage";
const signals = "topic signals: sqs:SendMessage";
const claims = `table claims: ${dynamodb("DeleteItem")}`;
const requests = `table requests: ${dynamodb("GetItem", "PutItem")}`;

const MAY: Readonly<Record<string, readonly string[]>> = {
  "gateway/api": [
    `table log: ${dynamodb("PutItem", "Query")}`,
    `table view: ${dynamodb("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")}`,
    "topic requests: sqs:SendMessage",
  ],
  "gateway/log": [
    "dead log: sqs:SendMessage",
    `table log: ${dynamodb("PutItem")}`,
    `table view: ${dynamodb("DeleteItem", "GetItem", "PutItem")}`,
    `topic log: ${take}`,
  ],
  "gateway/sweep": [
    `table log: ${dynamodb("PutItem")}`,
    `table view: ${dynamodb("DeleteItem", "GetItem", "PutItem", "Query")}`,
    "topic requests: sqs:SendMessage",
  ],
  "orchestrator/admit/ready": [requests, log, signals],
  "orchestrator/admit/reject": [claims, requests, log],
  "orchestrator/admit/start": [requests, log],
  "orchestrator/admit/validate": [`table claims: ${dynamodb("DeleteItem", "GetItem", "PutItem")}`, requests, log],
  "orchestrator/admit/wait": [`table requests: ${dynamodb("GetItem")}`, log],
  "orchestrator/build/poll": [
    `table batches: ${dynamodb("GetItem")}`,
    `table builds: ${dynamodb("GetItem", "UpdateItem")}`,
  ],
  "orchestrator/build/report": [log, signals],
  "orchestrator/build/trigger": [
    `table batches: ${dynamodb("GetItem")}`,
    `table builds: ${dynamodb("GetItem", "PutItem", "UpdateItem")}`,
    `table payloads: ${dynamodb("GetItem")}`,
    log,
  ],
  "orchestrator/intake": [
    "dead requests: sqs:SendMessage",
    `table batches: ${dynamodb("PutItem")}`,
    claims,
    requests,
    log,
    `topic requests: ${take}`,
    signals,
    "workflow admit: states:StartExecution",
  ],
  "orchestrator/plan": [
    "dead signals: sqs:SendMessage",
    `table batches: ${dynamodb("DeleteItem", "PutItem", "Query")}`,
    `table payloads: ${dynamodb("PutItem")}`,
    claims,
    requests,
    log,
    "topic merges: sqs:SendMessage",
    `topic signals: ${take}`,
    "workflow build: states:StartExecution",
  ],
  "orchestrator/sweep": [
    "executions of workflow admit: states:DescribeExecution",
    "executions of workflow build: states:DescribeExecution",
    `table batches: ${dynamodb("DeleteItem", "PutItem", "Query")}`,
    claims,
    `table requests: ${dynamodb("GetItem", "PutItem", "Query")}`,
    log,
    signals,
    "workflow admit: states:ListExecutions",
    "workflow build: states:ListExecutions",
  ],
  "runway/check": [secret],
  "runway/compose": [secret, `table payloads: ${dynamodb("GetItem")}`],
  "runway/inspect": [secret],
  "runway/land": [
    secret,
    `table payloads: ${dynamodb("GetItem")}`,
    "dead merges: sqs:SendMessage",
    `topic merges: ${take}`,
    signals,
  ],
};

describe("a function", () => {
  it("is one of those that are named here", () => {
    expect(functions.map(({ name }) => name).sort()).toEqual(Object.keys(MAY).sort());
  });

  it.each(functions.map((fn) => [fn.name, fn] as const))(
    "%s may do what it needs, and nothing else",
    (name, { stack, properties }) => {
      const role = target(templates, stack, properties["Role"]);
      expect(rightsOf(role.logicalId, stack)).toEqual([...(MAY[name] ?? [])].sort());
      expect(role.properties).not.toHaveProperty("ManagedPolicyArns");
    },
  );

  it("shares its role with no other", () => {
    const roles = functions.map(({ stack, properties }) => target(templates, stack, properties["Role"]).arn);
    expect(new Set(roles).size).toBe(functions.length);
  });

  it.each(functions.map((fn) => [fn.name, fn] as const))(
    "%s is for arm64, is traced, and keeps its log for three months",
    (_, { stack, properties }) => {
      expect(properties).toMatchObject({ Architectures: ["arm64"], TracingConfig: { Mode: "Active" } });
      const { LogGroup } = properties["LoggingConfig"] as { LogGroup: unknown };
      expect(target(templates, stack, LogGroup).properties).toMatchObject({ RetentionInDays: 90 });
    },
  );

  it.each(functions.map((fn) => [fn.name, fn] as const))("%s names an entry that exists", (name, { entry }) => {
    expect(entry).toBe(`functions/handlers/${name}.ts`);
    expect(existsSync(entry), entry).toBe(true);
  });

  it("is given no variable that the catalogue does not know", () => {
    for (const { name, environment } of functions)
      for (const variable of Object.keys(environment))
        expect(Object.values<string>(ENV), `${name}: ${variable}`).toContain(variable);
  });

  it("raises an alarm when it fails", () => {
    const watched = templates
      .ofType("AWS::CloudWatch::Alarm")
      .filter(({ properties }) => properties["MetricName"] === "Errors");
    expect(watched).toHaveLength(functions.length);
  });
});

describe("the queue configuration", () => {
  it("is beside the code on AWS, and beside the templates under the embedded runtime", () => {
    const files = (target: "aws" | "embedded") =>
      new Set(
        functionsOf(read(templatesOf({ target }))).flatMap(({ environment }) => environment[ENV.queuesFile] ?? []),
      );
    expect([...files("aws")]).toEqual(["/var/task/queues.json"]);
    expect([...files("embedded")]).toEqual([expect.stringMatching(/submitqueue-synth-.*\/queues\.json$/)]);
  });
});
