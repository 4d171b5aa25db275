import { describe, expect, it } from "vitest";
import { ownershipFindings } from "../../../lib/checks/plugin.ts";
import type { StackTemplate } from "../../../lib/checks/templates.ts";
import type { ResourceInput } from "../../../lib/cloudformation/template.ts";
import { METADATA } from "../../../lib/settings.ts";
import { functionsOf, read, target, templatesOf, withResource } from "../synthesized.ts";

const sound = templatesOf();
const templates = read(sound);

const roleOf = (name: string): { stack: string; logicalId: string } => {
  const fn = functionsOf(templates).find((one) => one.name === name);
  if (fn === undefined) throw new Error(`there is no function ${name}`);
  return target(templates, fn.stack, fn.properties["Role"]);
};
const tableOf = (name: string): { stack: string; logicalId: string } => {
  const table = templates.ofType("AWS::DynamoDB::Table").find(({ metadata }) => metadata[METADATA.table] === name);
  if (table === undefined) throw new Error(`there is no table ${name}`);
  return table;
};
const plan = roleOf("orchestrator/plan");
const log = tableOf("log");
const requests = tableOf("requests");

/** A reference to another stack's resource, and the template that exports it. */
function exported(from: readonly StackTemplate[], stack: string, logicalId: string): readonly StackTemplate[] {
  return from.map((one) =>
    one.stack !== stack
      ? one
      : {
          ...one,
          template: {
            ...one.template,
            Outputs: {
              ...one.template.Outputs,
              Planted: { Value: { "Fn::GetAtt": [logicalId, "Arn"] }, Export: { Name: "planted" } },
            },
          },
        },
  );
}
const imported = { "Fn::ImportValue": "planted" };

const policy = (roleId: string, ...statements: readonly object[]): ResourceInput => ({
  Type: "AWS::IAM::Policy",
  Properties: {
    PolicyName: "Planted",
    PolicyDocument: { Version: "2012-10-17", Statement: statements },
    Roles: [{ Ref: roleId }],
  },
});
const allow = (action: unknown, resource: unknown, more: object = {}) => ({
  Effect: "Allow",
  Action: action,
  Resource: resource,
  ...more,
});
const harmless = allow("sqs:GetQueueUrl", "*");

/** What is found when the statement is planted in the stack of the role, attached to it. */
const findingsWith = (role: { stack: string; logicalId: string }, ...statements: readonly object[]) =>
  ownershipFindings(
    withResource(exported(sound, log.stack, log.logicalId), role.stack, "Planted", () =>
      policy(role.logicalId, ...statements),
    ),
  );

describe("the sole-writer check", () => {
  it("finds nothing in the stacks as they are", () => {
    expect(ownershipFindings(sound)).toEqual([]);
  });

  it("names stack, resource, statement and fault", () => {
    const [finding, ...others] = findingsWith(plan, harmless, allow("dynamodb:PutItem", imported));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ rule: "sole-writer", stack: "orchestrator", logicalId: "Planted" });
    expect(finding?.message).toBe(
      `orchestrator: Planted, statement 1: allows ${plan.logicalId} (orchestrator) dynamodb:PutItem on the table log, which belongs to the gateway`,
    );
  });

  it.each<[string, object]>([
    ["reads", allow("dynamodb:GetItem", imported)],
    ["in any case", allow("DynamoDB:putitem", imported)],
    ["by a wildcard", allow("dynamodb:*Item", imported)],
    ["by the widest wildcard", allow("*", imported)],
    ["on every resource", allow("dynamodb:PutItem", "*")],
    [
      "on every table",
      allow("dynamodb:PutItem", { "Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:*:table/*" }),
    ],
    ["on the table's indexes", allow("dynamodb:Query", { "Fn::Join": ["", [imported, "/index/*"]] })],
    ["on what is known only after deployment", allow("dynamodb:PutItem", { Ref: "SomeParameter" })],
    ["on what a secret store knows", allow("dynamodb:PutItem", "{{resolve:ssm:table-arn}}")],
    ["among many", allow(["sqs:SendMessage", "dynamodb:UpdateItem"], ["arn:aws:s3:::bucket", imported])],
    ["by PartiQL", allow("dynamodb:PartiQL*", imported)],
    ["by leaving it out of an exception", { Effect: "Allow", NotAction: "s3:*", Resource: "*" }],
    [
      "by leaving the table out of an exception",
      { Effect: "Allow", Action: "dynamodb:*", NotResource: "arn:aws:s3:::*" },
    ],
    [
      "under a condition",
      allow("dynamodb:PutItem", imported, { Condition: { Bool: { "aws:SecureTransport": "true" } } }),
    ],
  ])("finds a grant to a function of the orchestrator on the log table: %s", (_, statement) => {
    const found = findingsWith(plan, statement).filter(({ message }) => message.includes("table log"));
    expect(found.map(({ rule }) => rule)).toContain("sole-writer");
  });

  it.each<[string, object]>([
    ["what is refused", { Effect: "Deny", Action: "dynamodb:*", Resource: "*" }],
    ["what excepts all tables", { Effect: "Allow", NotAction: ["dynamodb:*", "sqs:*", "events:*"], Resource: "*" }],
    ["another table", allow("dynamodb:PutItem", "arn:aws:dynamodb:eu-west-1:111122223333:table/another")],
    ["a description", allow("dynamodb:DescribeTable", imported)],
  ])("lets pass %s", (_, statement) => {
    expect(findingsWith(plan, statement)).toEqual([]);
  });

  it.each<[string, string, unknown, readonly string[]]>([
    ["gateway/api", "a write", ["dynamodb:PutItem"], ["sole-writer"]],
    ["runway/land", "a write", ["dynamodb:BatchWriteItem"], ["sole-writer"]],
    ["gateway/api", "a read", ["dynamodb:GetItem", "dynamodb:Query"], []],
    ["orchestrator/plan", "a write", ["dynamodb:PutItem"], []],
    ["orchestrator/plan", "a new policy", ["dynamodb:PutResourcePolicy"], ["table-administration"]],
    ["orchestrator/plan", "no policy", ["dynamodb:DeleteResourcePolicy"], ["table-administration"]],
    ["orchestrator/plan", "expiry", ["dynamodb:UpdateTimeToLive"], ["table-administration"]],
  ])("judges what %s may do with the requests table: %s", (name, _, action, rules) => {
    const role = roleOf(name);
    const planted = withResource(exported(sound, requests.stack, requests.logicalId), role.stack, "Planted", () =>
      policy(role.logicalId, allow(action, imported)),
    );
    // Within its own stack, a reference is direct; both ways of writing it count.
    expect(ownershipFindings(planted).map(({ rule }) => rule)).toEqual(rules);
  });

  it("sees policies inside a role, managed ones, and ones attached by name from elsewhere", () => {
    const document = { Version: "2012-10-17", Statement: [allow("dynamodb:PutItem", imported)] };
    const base = exported(sound, log.stack, log.logicalId);
    const inline = withResource(base, plan.stack, plan.logicalId, (role) => ({
      ...role,
      Properties: { ...role.Properties, Policies: [{ PolicyName: "inside", PolicyDocument: document }] },
    }));
    const managed = withResource(base, plan.stack, "Planted", () => ({
      Type: "AWS::IAM::ManagedPolicy",
      Properties: { PolicyDocument: document, Roles: [{ Ref: plan.logicalId }] },
    }));
    const foreign = withResource(base, "gateway", "Planted", () => ({
      Type: "AWS::IAM::RolePolicy",
      Properties: { PolicyName: "outside", PolicyDocument: document, RoleName: "somebody-else" },
    }));
    expect(ownershipFindings(inline)[0]?.message).toContain(`${plan.logicalId}, policy inside, statement 0`);
    expect(ownershipFindings(managed)[0]?.message).toContain("Planted, statement 0");
    expect(ownershipFindings(foreign)[0]?.message).toContain("somebody-else (no role of ours)");
  });

  it("does not take the word of a managed policy whose statements it can't see", () => {
    const planted = withResource(sound, plan.stack, plan.logicalId, (role) => ({
      ...role,
      Properties: { ...role.Properties, ManagedPolicyArns: ["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"] },
    }));
    expect(ownershipFindings(planted).map(({ rule }) => rule)).toEqual(["unseen-policy"]);
  });

  it("finds a role of an owner that others may assume", () => {
    const api = roleOf("gateway/api");
    const planted = withResource(sound, api.stack, api.logicalId, (role) => ({
      ...role,
      Properties: {
        ...role.Properties,
        AssumeRolePolicyDocument: {
          Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: "*" } }],
        },
      },
    }));
    expect(ownershipFindings(planted).map(({ rule }) => rule)).toEqual(["borrowed-role"]);
  });

  type Document = { Statement: { [name: string]: unknown }[] };
  const guardedBy = (change: (statement: { [name: string]: unknown }) => readonly object[]) =>
    withResource(sound, log.stack, log.logicalId, (table) => {
      const { ResourcePolicy } = table.Properties as { ResourcePolicy: { PolicyDocument: Document } };
      const { PolicyDocument } = ResourcePolicy;
      const Statement = PolicyDocument.Statement.flatMap(change);
      return { ...table, Properties: { ...table.Properties, ResourcePolicy: { PolicyDocument: { Statement } } } };
    });

  it.each<[string, (statement: { [name: string]: unknown }) => readonly object[]]>([
    ["that is gone", () => []],
    ["that allows", (deny) => [{ ...deny, Effect: "Allow" }]],
    ["that forgets an action", (deny) => [{ ...deny, Action: (deny["Action"] as string[]).slice(1) }]],
    ["that is about one principal", (deny) => [{ ...deny, Principal: { AWS: "arn:aws:iam::111122223333:role/x" } }]],
    [
      "that is about another resource",
      (deny) => [{ ...deny, Resource: "arn:aws:dynamodb:eu-west-1:111122223333:table/x" }],
    ],
    [
      "that holds at times",
      (deny) => [
        { ...deny, Condition: { ...(deny["Condition"] as object), Bool: { "aws:MultiFactorAuthPresent": "false" } } },
      ],
    ],
    [
      "that excepts a stranger",
      (deny) => [
        { ...deny, Condition: { ArnNotEquals: { "aws:PrincipalArn": ["arn:aws:iam::111122223333:role/x"] } } },
      ],
    ],
    ["that excepts by a wildcard", (deny) => [{ ...deny, Condition: { ArnNotLike: { "aws:PrincipalArn": "*" } } }]],
    [
      "that excepts what is known only after deployment",
      (deny) => [{ ...deny, Condition: { ArnNotEquals: { "aws:PrincipalArn": { Ref: "SomeParameter" } } } }],
    ],
    ["that says it the other way round", ({ Action, ...deny }) => [{ ...deny, NotAction: Action }]],
  ])("finds a table with a policy %s", (_, change) => {
    const findings = ownershipFindings(guardedBy(change));
    expect(findings.map(({ rule }) => rule)).toContain("table-policy");
    for (const { stack, logicalId } of findings)
      expect({ stack, logicalId }).toMatchObject({ stack: "gateway", logicalId: log.logicalId });
  });

  it("takes a policy that is split into several statements", () => {
    const split = guardedBy((deny) => (deny["Action"] as string[]).map((Action) => ({ ...deny, Action })));
    expect(ownershipFindings(split)).toEqual([]);
  });

  it("finds a table without an owner, one in the wrong stack, one that is missing, and one with a stream", () => {
    const table = sound.find(({ stack }) => stack === log.stack)?.template.Resources?.[log.logicalId];
    if (table === undefined) throw new Error("the log table is gone");
    const rules = (changed: readonly StackTemplate[]) => [
      ...new Set(ownershipFindings(changed).map(({ rule }) => rule)),
    ];
    expect(rules(withResource(sound, "runway", "Notes", () => ({ Type: "AWS::DynamoDB::Table" })))).toEqual([
      "table-without-owner",
    ]);
    expect(rules(withResource(sound, "runway", "Second", () => table))).toContain("table-without-owner");
    expect(rules(withResource(sound, log.stack, log.logicalId, () => ({ Type: "AWS::SNS::Topic" })))).toContain(
      "table-missing",
    );
    expect(
      rules(
        withResource(sound, log.stack, log.logicalId, () => ({
          ...table,
          Properties: { ...table.Properties, StreamSpecification: { StreamViewType: "NEW_IMAGE" } },
        })),
      ),
    ).toEqual(["table-stream"]);
  });
});

describe("the check of topics", () => {
  const queueOf = (key: string, name: string) => {
    const queue = templates.ofType("AWS::SQS::Queue").find(({ metadata }) => metadata[key] === name);
    if (queue === undefined) throw new Error(`there is no queue ${name}`);
    return queue;
  };
  const grant = (role: string, action: string, key: string, topic: string) => {
    const { stack, logicalId } = queueOf(key, topic);
    const to = roleOf(role);
    return ownershipFindings(
      withResource(exported(sound, stack, logicalId), to.stack, "Planted", () =>
        policy(to.logicalId, allow(action, imported)),
      ),
    ).map(({ rule }) => rule);
  };

  it.each<[string, string, string, readonly string[]]>([
    ["gateway/api", "sqs:SendMessage", "requests", []],
    ["orchestrator/sweep", "sqs:SendMessage", "requests", ["topic-rights"]],
    ["runway/land", "sqs:SendMessage", "signals", []],
    ["gateway/api", "sqs:SendMessage", "signals", ["topic-rights"]],
    ["runway/land", "sqs:SendMessage", "log", ["topic-rights"]],
    ["runway/land", "sqs:*", "log", ["topic-rights"]],
    ["runway/land", "sqs:SendMessage", "merges", ["topic-rights"]],
    ["gateway/api", "sqs:ReceiveMessage", "requests", ["topic-rights"]],
    ["orchestrator/plan", "sqs:PurgeQueue", "signals", ["topic-rights"]],
  ])("%s, allowed %s on %s: %j", (role, action, topic, rules) => {
    expect(grant(role, action, METADATA.topic, topic)).toEqual(rules);
  });

  it.each<[string, string, string, readonly string[]]>([
    ["orchestrator/intake", "sqs:SendMessage", "requests", []],
    ["gateway/api", "sqs:SendMessage", "requests", ["topic-rights"]],
    ["orchestrator/intake", "sqs:ReceiveMessage", "requests", ["topic-rights"]],
  ])("%s, allowed %s on the dead letters of %s: %j", (role, action, topic, rules) => {
    expect(grant(role, action, METADATA.deadLettersOf, topic)).toEqual(rules);
  });

  it("finds a queue's own policy that lets strangers send, and a queue that lib/ownership.ts does not name", () => {
    const { stack, logicalId } = queueOf(METADATA.topic, "log");
    const opened = withResource(sound, stack, "Planted", () => ({
      Type: "AWS::SQS::QueuePolicy",
      Properties: {
        Queues: [{ Ref: logicalId }],
        PolicyDocument: {
          Statement: [{ ...allow("sqs:SendMessage", { "Fn::GetAtt": [logicalId, "Arn"] }), Principal: "*" }],
        },
      },
    }));
    expect(ownershipFindings(opened).map(({ rule }) => rule)).toEqual(["topic-rights"]);
    const unknown = withResource(sound, "runway", "Planted", () => ({ Type: "AWS::SQS::Queue" }));
    expect(ownershipFindings(unknown).map(({ rule }) => rule)).toEqual(["topic-rights"]);
  });
});

describe("the check of the bus of events", () => {
  const bus = templates.ofType("AWS::Events::EventBus")[0];
  if (bus === undefined) throw new Error("there is no bus");
  const grant = (role: string, action: string) => {
    const to = roleOf(role);
    return ownershipFindings(
      withResource(exported(sound, bus.stack, bus.logicalId), to.stack, "Planted", () =>
        policy(to.logicalId, allow(action, imported)),
      ),
    ).map(({ rule }) => rule);
  };

  it.each<[string, string, readonly string[]]>([
    ["gateway/api", "events:PutEvents", []],
    ["orchestrator/plan", "events:PutEvents", ["bus-rights"]],
    ["runway/land", "events:*", ["bus-rights"]],
    ["gateway/log", "events:DeleteEventBus", ["bus-rights"]],
    ["orchestrator/plan", "events:DescribeEventBus", []],
  ])("%s, allowed %s: %j", (role, action, rules) => {
    expect(grant(role, action)).toEqual(rules);
  });

  it("finds a policy of the bus that lets strangers publish, and a second bus", () => {
    const { stack, logicalId } = bus;
    const opened = withResource(sound, stack, "Planted", () => ({
      Type: "AWS::Events::EventBusPolicy",
      Properties: {
        EventBusName: { Ref: logicalId },
        StatementId: "Planted",
        Statement: { Effect: "Allow", Principal: "*", Action: "events:PutEvents", Resource: "*" },
      },
    }));
    expect(ownershipFindings(opened).map(({ rule }) => rule)).toEqual(["bus-rights"]);
    const second = withResource(sound, "runway", "Planted", () => ({
      Type: "AWS::Events::EventBus",
      Properties: { Name: "stray" },
    }));
    expect(ownershipFindings(second).map(({ rule }) => rule)).toEqual(["bus-rights"]);
  });
});
