import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LEASE_SECONDS } from "../../functions/handlers/runway/land.lambda.ts";
import type { AppOptions } from "../../lib/app.ts";
import { MAX_RECEIVES } from "../../lib/constructs/topic.ts";
import { LOG_RECEIVES, MERGE_RECEIVES } from "../../lib/messaging-stack.ts";
import { TABLES, TOPICS } from "../../lib/ownership.ts";
import { METADATA } from "../../lib/settings.ts";
import { functionsOf, read, target, templatesOf } from "./synthesized.ts";

const raw = templatesOf();
const templates = read(raw);
const queues = templates.ofType("AWS::SQS::Queue");
const mappings = templates.ofType("AWS::Lambda::EventSourceMapping");
const alarms = templates.ofType("AWS::CloudWatch::Alarm");

const metricsOf = (
  properties: Readonly<Record<string, unknown>>,
): readonly { MetricName?: string; Dimensions?: { Name: string; Value: unknown }[] }[] => {
  const { Metrics } = properties as { Metrics?: { MetricStat?: { Metric: object } }[] };
  return Metrics?.map(({ MetricStat }) => MetricStat?.Metric ?? {}) ?? [properties];
};

describe("the stacks", () => {
  it("are the four of the blueprint", () => {
    expect(raw.map(({ stack }) => stack).sort()).toEqual(["gateway", "messaging", "orchestrator", "runway"]);
  });

  it("refer to each other downwards only: gateway and orchestrator share nothing but topics", () => {
    const imports = raw.flatMap(({ stack, template }) =>
      [...JSON.stringify(template).matchAll(/"Fn::ImportValue":"submitqueue-([a-z]+):/g)].map(
        ([, from]) => `${stack} -> ${from}`,
      ),
    );
    expect([...new Set(imports)].sort()).toEqual([
      "gateway -> messaging",
      "orchestrator -> messaging",
      "orchestrator -> runway",
      "runway -> messaging",
    ]);
    for (const { template } of raw) expect(JSON.stringify(template)).not.toContain("Fn::GetStackOutput");
  });

  it("refer to nothing by a name or ARN that is put together by hand", () => {
    for (const { template } of raw)
      expect(JSON.stringify(template)).not.toMatch(/arn:aws:(dynamodb|sqs|lambda|states)/);
  });
});

const RECEIVES: Readonly<Record<string, number>> = { merges: MERGE_RECEIVES, log: LOG_RECEIVES };

describe("a topic", () => {
  it.each(Object.entries(TOPICS).flatMap(([name, topic]) => ("optional" in topic ? [] : name)))(
    "%s is encrypted, takes TLS only, and gives up into dead letters of its own kind",
    (name) => {
      const main = queues.find(({ metadata }) => metadata[METADATA.topic] === name);
      const dead = queues.find(({ metadata }) => metadata[METADATA.deadLettersOf] === name);
      if (main === undefined || dead === undefined) throw new Error(`there is no topic ${name}`);
      const redrive = main.properties["RedrivePolicy"] as { deadLetterTargetArn: unknown; maxReceiveCount: number };
      expect(target(templates, "messaging", redrive.deadLetterTargetArn)).toBe(dead);
      expect(redrive.maxReceiveCount).toBe(RECEIVES[name] ?? MAX_RECEIVES);
      expect(dead.properties["FifoQueue"]).toBe(main.properties["FifoQueue"]);
      for (const { logicalId, properties } of [main, dead]) {
        expect(properties).toMatchObject({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 1_209_600 });
        const policy = templates
          .ofType("AWS::SQS::QueuePolicy")
          .find(({ properties: { Queues } }) => JSON.stringify(Queues).includes(`"${logicalId}"`));
        expect(JSON.stringify(policy?.properties)).toContain('"aws:SecureTransport":"false"');
      }
    },
  );

  it.each([
    ["requests", true],
    ["signals", true],
    ["merges", true],
    ["log", false],
  ])("%s keeps order within its groups: %s", (name, fifo) => {
    const { properties } = queues.find(({ metadata }) => metadata[METADATA.topic] === name) ?? { properties: {} };
    const settings = { FifoQueue: true, DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" };
    if (fifo) expect(properties).toMatchObject(settings);
    else for (const setting of Object.keys(settings)) expect(properties).not.toHaveProperty(setting);
  });

  it("raises an alarm when a dead letter arrives, which says where to read on", () => {
    for (const dead of queues.filter(({ metadata }) => METADATA.deadLettersOf in metadata)) {
      const alarm = alarms.find(({ stack, properties }) =>
        metricsOf(properties).some(
          ({ MetricName, Dimensions = [] }) =>
            MetricName === "ApproximateNumberOfMessagesVisible" &&
            Dimensions.some(
              ({ Value }) => JSON.stringify(Value) === JSON.stringify({ "Fn::GetAtt": [dead.logicalId, "QueueName"] }),
            ) &&
            stack === "messaging",
        ),
      );
      expect(alarm?.properties, dead.logicalId).toMatchObject({ Threshold: 1, EvaluationPeriods: 1 });
      expect(alarm?.properties["AlarmDescription"]).toContain("doc/howto/operate.md#dead-letters");
    }
  });

  it("feeds one function, in batches of ten that may fail in part, and hides a message for six times its time-out", () => {
    const fed = mappings.map(({ stack, properties }) => {
      const queue = target(templates, stack, properties["EventSourceArn"]);
      const fn = functionsOf(templates).find(
        (one) => one.arn === target(templates, stack, properties["FunctionName"]).arn,
      );
      if (fn === undefined) throw new Error("a topic feeds no function");
      const BatchSize = { "runway/land": 1, "gateway/log": 50 }[String(fn.name)] ?? 10;
      expect(properties).toMatchObject({ BatchSize, FunctionResponseTypes: ["ReportBatchItemFailures"] });
      // Only what is told to people gathers for a second; the pipeline never waits.
      expect(properties["MaximumBatchingWindowInSeconds"]).toBe(fn.name === "gateway/log" ? 1 : undefined);
      expect(Number(queue.properties["VisibilityTimeout"])).toBeGreaterThanOrEqual(6 * fn.timeout);
      return `${String(queue.metadata[METADATA.topic])} -> ${fn.name}`;
    });
    expect(fed.sort()).toEqual([
      "log -> gateway/log",
      "looks -> orchestrator/build-workflow/look",
      "merges -> runway/land",
      "requests -> orchestrator/intake",
      "signals -> orchestrator/plan",
    ]);
  });
});

it("a landing that dies holds its branch up for a minute: the function knows the topic whose messages it has a lease on", () => {
  const land = functionsOf(templates).find(({ name }) => name === "runway/land");
  const merges = queues.find(({ metadata }) => metadata[METADATA.topic] === "merges");
  if (land === undefined) throw new Error("nothing lands");
  const { Variables } = land.properties["Environment"] as { Variables: Record<string, unknown> };
  expect(target(templates, "runway", Variables["MERGES_TOPIC_URL"])).toBe(merges);
  expect(LEASE_SECONDS).toBeLessThanOrEqual(60);
  expect(MERGE_RECEIVES * LEASE_SECONDS).toBeGreaterThanOrEqual(3_600);
});

describe("a table", () => {
  const tables = templates.ofType("AWS::DynamoDB::Table");

  it.each(Object.entries(TABLES).filter(([, table]) => !("optional" in table)))(
    "%s stands in its owner's stack, on demand, encrypted, recoverable and protected",
    (name, { owner }) => {
      const table = tables.find(({ metadata }) => metadata[METADATA.table] === name);
      expect(table?.stack).toBe(owner);
      expect(table?.properties).toMatchObject({
        BillingMode: "PAY_PER_REQUEST",
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { SSEEnabled: true },
        TimeToLiveSpecification: { AttributeName: "expiresAt", Enabled: true },
        DeletionProtectionEnabled: true,
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
      });
    },
  );

  it("has a policy that fits into the 20 KB that DynamoDB takes", () => {
    for (const { properties } of tables)
      expect(JSON.stringify(properties["ResourcePolicy"]).length).toBeLessThan(10_000);
  });

  it.each([
    [true, "Retain"],
    [false, "Delete"],
  ])("is kept when its stack goes, if deletion protection is on: %s", (deletionProtection, policy) => {
    const kept = templatesOf({ deletionProtection }).flatMap(({ template }) =>
      Object.values(template.Resources ?? {}).filter(({ Type }) => Type === "AWS::DynamoDB::Table"),
    );
    expect(kept).toHaveLength(7);
    for (const table of kept) expect(table).toMatchObject({ DeletionPolicy: policy, UpdateReplacePolicy: policy });
  });
});

describe("the HTTP API", () => {
  const [api] = templates.ofType("AWS::ApiGatewayV2::Api");
  const routes = templates.ofType("AWS::ApiGatewayV2::Route");
  const [stage] = templates.ofType("AWS::ApiGatewayV2::Stage");

  it("leaves every path and method to the gateway, and lets no browser of another origin in", () => {
    expect(routes.map(({ properties }) => properties["RouteKey"])).toEqual(["$default"]);
    expect(api?.properties).not.toHaveProperty("CorsConfiguration");
  });

  it("takes signed calls only, unless asked otherwise", () => {
    expect(routes[0]?.properties).toMatchObject({ AuthorizationType: "AWS_IAM" });
    const open = read(templatesOf({ apiAuth: "none" })).ofType("AWS::ApiGatewayV2::Route");
    expect(open[0]?.properties).toMatchObject({ AuthorizationType: "NONE" });
  });

  const jwt = { issuer: "https://issuer.example", audience: ["a", "b"], scope: "land" };
  const gatewayOf = (options: Partial<AppOptions>) => {
    const made = read(templatesOf(options));
    const routes = made.ofType("AWS::ApiGatewayV2::Route").map(({ properties }) => ({
      key: properties["RouteKey"],
      type: properties["AuthorizationType"],
      scopes: properties["AuthorizationScopes"],
    }));
    const [api] = functionsOf(made).filter(({ name }) => name === "gateway/api");
    return { made, routes, auth: api?.environment["API_AUTH"] };
  };

  it("takes tokens of one issuer, for an audience and with a scope, and tells the gateway so", () => {
    const { made, routes, auth } = gatewayOf({ apiAuth: "jwt", jwt });
    expect(routes).toEqual([{ key: "$default", type: "JWT", scopes: ["land"] }]);
    expect(auth).toBe("jwt");
    expect(made.ofType("AWS::ApiGatewayV2::Authorizer")[0]?.properties).toMatchObject({
      AuthorizerType: "JWT",
      JwtConfiguration: { Issuer: jwt.issuer, Audience: jwt.audience },
    });
  });

  it("takes signed calls and tokens beside each other, on two routes", () => {
    const { routes, auth } = gatewayOf({ apiAuth: "iam+jwt", jwt });
    expect(routes.toSorted((a, b) => String(a.key).localeCompare(String(b.key)))).toEqual([
      { key: "$default", type: "AWS_IAM", scopes: undefined },
      { key: "ANY /jwt/{proxy+}", type: "JWT", scopes: ["land"] },
    ]);
    expect(auth).toBe("iam+jwt");
  });

  it("has a policy for its callers, which allows to call this API and nothing else", () => {
    const [policy] = templates.ofType("AWS::IAM::ManagedPolicy");
    const { Statement = [] } = (policy?.properties["PolicyDocument"] ?? {}) as {
      Statement?: { Action: string; Resource: unknown }[];
    };
    expect(Statement.map(({ Action }) => Action)).toEqual(["execute-api:Invoke"]);
    expect(JSON.stringify(Statement[0]?.Resource)).toContain(":execute-api:");
    expect(read(templatesOf({ apiAuth: "none" })).ofType("AWS::IAM::ManagedPolicy")).toEqual([]);
  });

  it("is logged and throttled", () => {
    const { Format = "{}" } = (stage?.properties["AccessLogSettings"] ?? {}) as { Format?: string };
    const { requestId, path, caller, subject, status } = JSON.parse(Format);
    expect([requestId, path, caller, subject, status]).toEqual([
      "$context.requestId",
      "$context.path",
      "$context.identity.userArn",
      "$context.authorizer.claims.sub",
      "$context.status",
    ]);
    expect(stage?.properties).toMatchObject({ DefaultRouteSettings: { ThrottlingRateLimit: 100 } });
  });

  it("says where it is, and what a policy of its callers names", () => {
    expect(Object.keys(raw.find(({ stack }) => stack === "gateway")?.template.Outputs ?? {})).toEqual(
      expect.arrayContaining(["ApiUrl", "ApiArn", "CallersPolicyArn"]),
    );
  });
});

describe("the schedules", () => {
  it("run both sweeps every minute", () => {
    const swept = templates.ofType("AWS::Events::Rule").map(({ stack, properties }) => {
      expect(properties["ScheduleExpression"]).toBe("rate(1 minute)");
      const [first] = properties["Targets"] as { Arn: unknown }[];
      return target(templates, stack, first?.Arn).metadata[METADATA.function];
    });
    expect(swept.sort()).toEqual(["gateway/sweep", "orchestrator/sweep"]);
  });
});

describe("an alarm", () => {
  it("names a page that tells what to do, and counts nothing by id", () => {
    expect(alarms.length).toBeGreaterThan(20);
    for (const { properties } of alarms) {
      expect(properties["AlarmDescription"]).toMatch(/doc\/howto\/operate\.md#[a-z-]+$/);
      for (const { Dimensions = [] } of metricsOf(properties))
        for (const { Name } of Dimensions) expect(["QueueName", "FunctionName", "StateMachineArn"]).toContain(Name);
    }
  });

  it("about a workflow adds metrics of which one may have no value", () => {
    const expressions = alarms.flatMap(({ properties }) =>
      ((properties["Metrics"] ?? []) as { Expression?: string }[]).flatMap(({ Expression }) => Expression ?? []),
    );
    expect(expressions).toEqual(Array(3).fill("FILL(failed, 0) + FILL(timedOut, 0)"));
  });

  it("notifies the topic it is given", () => {
    const alarmTopicArn = "arn:aws:sns:eu-west-1:111122223333:alarms";
    for (const { properties } of read(templatesOf({ alarmTopicArn })).ofType("AWS::CloudWatch::Alarm"))
      expect(properties["AlarmActions"]).toEqual([alarmTopicArn]);
  });
});

describe("the version", () => {
  it("that the API tells is the package's", () => {
    const api = functionsOf(templates).find(({ name }) => name === "gateway/api");
    expect(api?.environment["SUBMITQUEUE_VERSION"]).toBe(JSON.parse(readFileSync("package.json", "utf8")).version);
  });
});
