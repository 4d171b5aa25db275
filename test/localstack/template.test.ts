import { describe, expect, it } from "vitest";
import { resolverOf } from "../../lib/cloudformation/resolver.ts";
import { assemblyOf, deploymentOf } from "../../localstack/embedded/template.ts";
import { fixtureStacks } from "./fixture/stacks.ts";

const urlOf = (name: string) => `http://local/${name}`;
const ARN = "arn:aws:sqs:us-east-1:000000000000:one-Q";

describe("intrinsic functions", () => {
  const assembly = assemblyOf([
    [
      "one",
      {
        Resources: {
          Q: { Type: "AWS::SQS::Queue" },
          Named: {
            Type: "AWS::DynamoDB::Table",
            Properties: { TableName: { "Fn::Join": ["-", ["t", { Ref: "P" }]] } },
          },
          Fifo: { Type: "AWS::SQS::Queue", Properties: { FifoQueue: true } },
          Role: { Type: "AWS::IAM::Role" },
        },
        Parameters: { P: { Type: "String", Default: "dev" } },
        Outputs: {
          Q: { Value: { "Fn::GetAtt": ["Q", "Arn"] }, Export: { Name: { "Fn::Sub": "${AWS::StackName}:q" } } },
        },
      },
    ],
    ["two", { Resources: {} }],
  ]);
  const resolver = resolverOf(assembly, urlOf);

  it.each<[string, unknown, unknown]>([
    ["one", { Ref: "Q" }, "http://local/one-Q"],
    ["one", { Ref: "Named" }, "t-dev"],
    ["one", { Ref: "AWS::AccountId" }, "000000000000"],
    ["one", { "Fn::GetAtt": ["Q", "Arn"] }, ARN],
    ["one", { "Fn::GetAtt": "Q.QueueName" }, "one-Q"],
    ["one", { "Fn::GetAtt": ["Fifo", "QueueName"] }, "one-Fifo.fifo"],
    ["one", { "Fn::GetAtt": ["Role", "Arn"] }, "arn:aws:iam::000000000000:role/one-Role"],
    ["two", { "Fn::ImportValue": "one:q" }, ARN],
    ["one", { "Fn::Sub": "${Q.Arn}/${AWS::Region}/${!kept}" }, `${ARN}/us-east-1/\${kept}`],
    ["one", { "Fn::Sub": ["${x}-${P}", { x: { Ref: "AWS::Partition" } }] }, "aws-dev"],
    ["one", { "Fn::Select": ["1", { "Fn::Split": [":", "a:b:c"] }] }, "b"],
    ["one", [{ deep: { "Fn::Join": ["", ["a", { Ref: "P" }]] } }, 1, null], [{ deep: "adev" }, 1, null]],
  ])("in stack %s, %j is %j", (stack, value, expected) => {
    expect(resolver.resolve(stack, value)).toEqual(expected);
  });

  it.each<[unknown, RegExp]>([
    [{ Ref: "Missing" }, /no resource Missing/],
    [{ "Fn::ImportValue": "nothing" }, /no stack exports nothing/],
    [{ "Fn::GetAtt": ["Q", "Colour"] }, /no attribute Colour/],
    [{ "Fn::Cidr": [] }, /Fn::Cidr is not understood/],
  ])("%j is refused by name", (value, problem) => {
    expect(() => resolver.resolve("one", value)).toThrow(problem);
  });
});

describe("a deployment", () => {
  const deployment = deploymentOf(fixtureStacks(), urlOf);

  it("gives each function its own environment, role and time-out", () => {
    const api = deployment.functions.find(({ id }) => id === "fixture/Api");
    expect(api).toMatchObject({
      roleArn: "arn:aws:iam::000000000000:role/services-ApiRole",
      timeoutMs: 5_000,
      environment: { SCRIPT: "Api", JOBS: "http://local/shared-Jobs.fifo" },
    });
  });

  it("connects event sources, schedules and the API to functions across stacks", () => {
    const arnOf = (id: string) => deployment.functions.find((spec) => spec.id === `fixture/${id}`)?.arn;
    expect(deployment.eventSources).toContainEqual({
      queueArn: "arn:aws:sqs:us-east-1:000000000000:shared-Jobs.fifo",
      functionArn: arnOf("Worker"),
      batchSize: 10,
      maxConcurrency: 10,
      batchingWindowMs: 0,
      reportsPartialFailures: true,
    });
    expect(deployment.schedules).toMatchObject([{ everyMs: 60_000, functionArn: arnOf("Clock") }]);
    expect(deployment.apiFunction).toBe(arnOf("Api"));
  });

  it("resolves a state machine's definition, and finds the policies of roles and resources", () => {
    const [machine] = deployment.machines;
    expect(machine?.definition).toMatchObject({
      StartAt: "Step",
      States: { Step: { Resource: "arn:aws:lambda:us-east-1:000000000000:function:services-Step" } },
    });
    expect(deployment.identityPolicies.get(machine?.roleArn ?? "")).toHaveLength(1);
    expect([...deployment.resourcePolicies.keys()]).toEqual([
      "arn:aws:dynamodb:us-east-1:000000000000:table/services-Table",
    ]);
  });

  it("refuses a template that it can't run, naming the resource", () => {
    const rule = { Type: "AWS::Events::Rule", Properties: { ScheduleExpression: "cron(0 12 * * ? *)" } };
    expect(() => deploymentOf(assemblyOf([["s", { Resources: { Noon: rule } }]]), urlOf)).toThrow(
      /s\/Noon.*only rate/s,
    );
  });
});
