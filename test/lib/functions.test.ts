import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ENV } from "../../functions/contracts/environment.ts";
import { identityStatements } from "../../lib/checks/statements.ts";
import type { Templates } from "../../lib/checks/templates.ts";
import { METADATA } from "../../lib/settings.ts";
import { functionsOf, queuesWith, read, target, templatesOf } from "./synthesized.ts";

const queues = queuesWith({
  repository: { remote: "https://git.example.com/repository.git", tokenSecret: "submitqueue/token" },
});
const templates = read(templatesOf({ queues }));
const functions = functionsOf(templates);

/** The same stacks with queues that CodeBuild builds: one in a project that exists, two in projects that the stack creates. */
const built = read(
  templatesOf({
    queues: queuesWith(
      { buildRunner: { type: "codebuild", project: "shop-builds" } },
      {
        repository: { remote: "https://github.com/acme/shop.git" },
        buildRunner: { type: "codebuild", image: "aws/codebuild/standard:7.0", timeoutSeconds: 3_690 },
        budget: 9,
      },
      {
        buildRunner: {
          type: "codebuild",
          image: "public.ecr.aws/docker/library/node:24",
          computeType: "BUILD_GENERAL1_SMALL",
          source: "none",
          buildspec: "version: 0.2\nphases: {}\n",
        },
      },
    ),
  }),
);

/** What a resource is called in the tables below: `table log`, `topic requests`, `dead requests`, `workflow admit`. */
function label(arn: string, templates: Templates): string {
  if (/:execution:.*:\*$/.test(arn))
    return `executions of ${label(arn.replace(":execution:", ":stateMachine:").replace(/:\*$/, ""), templates)}`;
  const found = templates.resources.find((one) => one.arn === arn || one.ref === arn);
  for (const [kind, key] of [
    ["table", METADATA.table],
    ["topic", METADATA.topic],
    ["dead", METADATA.deadLettersOf],
    ["workflow", METADATA.workflow],
  ] as const)
    if (found?.metadata[key] !== undefined) return `${kind} ${String(found.metadata[key])}`;
  if (found?.type === "AWS::Events::EventBus") return "bus";
  return found === undefined ? arn : `${found.type} ${found.logicalId}`;
}

const OWN_LOG = /^(logs:(CreateLogStream|PutLogEvents)|xray:.*)$/;

/** What the holders of a role may do, as `resource: actions`, but for writing their own log and traces; `never …` for what they may not. */
function rightsOf(roleId: string, stack: string, templates: Templates): readonly string[] {
  const rights = new Map<string, Set<string>>();
  for (const statement of identityStatements(templates)) {
    if (!statement.holders.some((holder) => holder.name === roleId && holder.stack === stack)) continue;
    const never = statement.effect === "Deny" ? `never when ${JSON.stringify(statement.conditions)} ` : "";
    if (never === "") expect(statement.conditions).toBeUndefined();
    expect([...statement.notActions, ...statement.notResources]).toEqual([]);
    for (const arn of statement.resources)
      for (const action of statement.actions) {
        if (OWN_LOG.test(action)) continue;
        const name = `${never}${label(arn, templates)}`;
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
const looks = "topic looks: sqs:SendMessage";
const claims = `table claims: ${dynamodb("DeleteItem")}`;
const requests = (...actions: readonly string[]) => `table requests: ${dynamodb("GetItem", ...actions)}`;

const MAY: Readonly<Record<string, readonly string[]>> = {
  "gateway/api": [
    `table log: ${dynamodb("BatchWriteItem", "Query")}`,
    `table view: ${dynamodb("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")}`,
    "topic requests: sqs:SendMessage",
    log,
  ],
  "gateway/log": [
    "bus: events:PutEvents",
    "dead log: sqs:SendMessage",
    `table log: ${dynamodb("BatchWriteItem", "Query")}`,
    `table view: ${dynamodb("BatchGetItem", "BatchWriteItem", "GetItem", "PutItem", "UpdateItem")}`,
    `topic log: ${take}`,
  ],
  "gateway/sweep": [
    `table log: ${dynamodb("BatchWriteItem")}`,
    `table view: ${dynamodb("BatchGetItem", "DeleteItem", "PutItem", "Query")}`,
    "topic requests: sqs:SendMessage",
    log,
  ],
  "orchestrator/admit-workflow/ready": [claims, requests("UpdateItem"), signals],
  "orchestrator/admit-workflow/reject": [claims, requests("PutItem", "UpdateItem"), log],
  "orchestrator/admit-workflow/start": [requests("PutItem")],
  "orchestrator/admit-workflow/validate": [
    `table claims: ${dynamodb("DeleteItem", "GetItem", "PutItem")}`,
    requests("UpdateItem"),
    log,
  ],
  "orchestrator/admit-workflow/wait": [`table requests: ${dynamodb("GetItem")}`, log],
  "orchestrator/ask-workflow/answer": [
    `table claims: ${dynamodb("GetItem")}`,
    `table requests: ${dynamodb("GetItem")}`,
    log,
  ],
  "orchestrator/build-workflow/poll": [
    `table batches: ${dynamodb("GetItem")}`,
    `table builds: ${dynamodb("GetItem", "UpdateItem")}`,
    looks,
  ],
  "orchestrator/build-workflow/look": [
    "dead looks: sqs:SendMessage",
    `table batches: ${dynamodb("GetItem")}`,
    `table builds: ${dynamodb("GetItem", "UpdateItem")}`,
    signals,
    `topic looks: ${take} sqs:SendMessage`,
  ],
  "orchestrator/build-workflow/report": [signals],
  "orchestrator/build-workflow/trigger": [
    `table batches: ${dynamodb("GetItem")}`,
    `table builds: ${dynamodb("GetItem", "PutItem", "UpdateItem")}`,
    `table payloads: ${dynamodb("GetItem")}`,
    log,
    looks,
  ],
  "orchestrator/intake": [
    "dead requests: sqs:SendMessage",
    "executions of workflow admit: states:DescribeExecution",
    `table batches: ${dynamodb("PutItem")}`,
    claims,
    requests("PutItem", "UpdateItem"),
    log,
    `topic requests: ${take}`,
    signals,
    "workflow admit: states:StartExecution",
    "workflow ask: states:StartExecution",
  ],
  "orchestrator/plan": [
    "dead signals: sqs:SendMessage",
    `table batches: ${dynamodb("DeleteItem", "PutItem", "Query")}`,
    `table payloads: ${dynamodb("PutItem")}`,
    claims,
    requests("UpdateItem"),
    log,
    looks,
    "topic merges: sqs:SendMessage",
    `topic signals: ${take}`,
    "workflow build: states:StartExecution",
  ],
  "orchestrator/sweep": [
    "executions of workflow admit: states:DescribeExecution",
    "executions of workflow build: states:DescribeExecution",
    `table batches: ${dynamodb("DeleteItem", "PutItem", "Query")}`,
    `table builds: ${dynamodb("GetItem")}`,
    claims,
    requests("PutItem", "Query", "UpdateItem"),
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
  it("is named in this file", () => {
    expect(functions.map(({ name }) => name).sort()).toEqual(Object.keys(MAY).sort());
  });

  it.each(functions.map((fn) => [fn.name, fn] as const))(
    "%s may do what it needs, and nothing else",
    (name, { stack, properties }) => {
      const role = target(templates, stack, properties["Role"]);
      expect(rightsOf(role.logicalId, stack, templates)).toEqual([...(MAY[name] ?? [])].sort());
      expect(role.properties).not.toHaveProperty("ManagedPolicyArns");
    },
  );

  it("builds in CodeBuild with four actions on the queues' projects, two on the groups of their reports, and no other, never with a buildspec of its own", () => {
    const projects = ["shop-builds", "submitqueue-queue-1", "submitqueue-queue-2"].map(
      (name) => `arn:aws:codebuild:us-east-1:000000000000:project/${name}`,
    );
    const logs = [
      "arn:aws:logs:us-east-1:000000000000:log-group:/aws/codebuild/shop-builds:*",
      ...built
        .ofType("AWS::Logs::LogGroup")
        .flatMap(({ logicalId, arn }) => (/^BuildProjects/.test(logicalId) ? [arn] : [])),
    ];
    const watching = ["BatchGetBuilds", "ListBuildsForProject", "StopBuild"];
    const on = (actions: readonly string[]) =>
      projects.map(
        (arn) =>
          `${arn}: ${[...actions]
            .sort()
            .map((action) => `codebuild:${action}`)
            .join(" ")}`,
      );
    const never = 'never when {"Null":{"codebuild:source.buildspec":"false"}}';
    const reports = ["shop-builds", "submitqueue-queue-1", "submitqueue-queue-2"].map(
      (name) =>
        `arn:aws:codebuild:us-east-1:000000000000:report-group/${name}-*: codebuild:BatchGetReports codebuild:DescribeTestCases`,
    );
    const watches = [
      ...on(watching),
      ...reports,
      ...logs.map(
        (group) =>
          `${built.resources.find(({ arn }) => arn === group) === undefined ? group : label(group, built)}: logs:GetLogEvents`,
      ),
    ];
    const more = {
      "orchestrator/build-workflow/trigger": [
        ...watches.filter((right) => !right.includes(":project/")),
        ...on([...watching, "StartBuild"]),
        ...projects.map((arn) => `${never} ${arn}: codebuild:StartBuild`),
      ],
      "orchestrator/build-workflow/poll": watches,
      "orchestrator/build-workflow/look": watches,
      "orchestrator/admit-workflow/validate": on(["ListBuildsForProject"]),
      "orchestrator/ask-workflow/answer": on(["ListBuildsForProject"]),
      "orchestrator/build-workflow/report-codebuild": ["topic looks: sqs:SendMessage"],
    };
    for (const { name, stack, properties } of functionsOf(built)) {
      const role = target(built, stack, properties["Role"]);
      const had = (MAY[name] ?? []).filter((right) => right !== secret);
      const has = name in more ? more[name as keyof typeof more] : [];
      expect(rightsOf(role.logicalId, stack, built), name).toEqual([...had, ...has].sort());
    }
  });

  it("shares its role with no other", () => {
    const roles = functions.map(({ stack, properties }) => target(templates, stack, properties["Role"]).arn);
    expect(new Set(roles).size).toBe(functions.length);
  });

  it.each(functions.map((fn) => [fn.name, fn] as const))(
    "%s is for arm64, is traced unless a clock calls it, and keeps its log for three months",
    (name, { stack, properties }) => {
      const Mode = name.endsWith("/sweep") ? "PassThrough" : "Active";
      expect(properties).toMatchObject({ Architectures: ["arm64"], TracingConfig: { Mode } });
      const { LogGroup } = properties["LoggingConfig"] as { LogGroup: unknown };
      expect(target(templates, stack, LogGroup).properties).toMatchObject({ RetentionInDays: 90 });
    },
  );

  it.each(functions.map((fn) => [fn.name, fn] as const))("%s names an entry that exists", (name, { entry }) => {
    expect(entry).toBe(`functions/handlers/${name}.lambda.ts`);
    expect(existsSync(entry), entry).toBe(true);
  });

  it("is given no variable that the catalogue does not know", () => {
    for (const { name, environment } of functions)
      for (const variable of Object.keys(environment))
        expect(Object.values<string>(ENV), `${name}: ${variable}`).toContain(variable);
  });

  it("raises an alarm when it fails, unless the alarms of the topic that feeds it, or of the workflow that it ends, see that", () => {
    const watched = templates
      .ofType("AWS::CloudWatch::Alarm")
      .filter(({ properties }) => properties["MetricName"] === "Errors");
    const fed = templates.ofType("AWS::Lambda::EventSourceMapping");
    const ending = functions.filter(({ name }) => /-workflow\/(answer|reject|report)$/.test(name));
    expect(ending).toHaveLength(templates.ofType("AWS::StepFunctions::StateMachine").length);
    expect(watched).toHaveLength(functions.length - fed.length - ending.length);
  });
});

describe("a CodeBuild project", () => {
  const projects = built.ofType("AWS::CodeBuild::Project");

  it("is created for each queue that names none, with the source, machine, limits and buildspec of the queue", () => {
    const common = {
      Artifacts: { Type: "NO_ARTIFACTS" },
      AutoRetryLimit: 0,
      TimeoutInMinutes: 62,
      QueuedTimeoutInMinutes: 62,
      LogsConfig: { CloudWatchLogs: { Status: "ENABLED", GroupName: expect.anything() } },
    };
    expect(projects.map(({ properties }) => properties)).toMatchObject([
      {
        ...common,
        ConcurrentBuildLimit: 9,
        Source: { Type: "GITHUB", Location: "https://github.com/acme/shop.git", GitCloneDepth: 0 },
        Environment: {
          Type: "LINUX_CONTAINER",
          Image: "aws/codebuild/standard:7.0",
          ComputeType: "BUILD_GENERAL1_MEDIUM",
          ImagePullCredentialsType: "CODEBUILD",
          PrivilegedMode: false,
        },
      },
      {
        ...common,
        TimeoutInMinutes: 60,
        QueuedTimeoutInMinutes: 60,
        ConcurrentBuildLimit: 4,
        Source: { Type: "NO_SOURCE", BuildSpec: "version: 0.2\nphases: {}\n" },
        Environment: { ComputeType: "BUILD_GENERAL1_SMALL", ImagePullCredentialsType: "SERVICE_ROLE" },
      },
    ]);
  });

  it("has a role that may write the project's log and test reports, and nothing else", () => {
    const roles = projects.map(({ stack, properties }) => target(built, stack, properties["ServiceRole"]));
    expect(new Set(roles.map(({ arn }) => arn)).size).toBe(2);
    const written = ["BatchPutCodeCoverages", "BatchPutTestCases", "CreateReport", "CreateReportGroup", "UpdateReport"];
    for (const [index, { stack, logicalId, properties }] of roles.entries()) {
      const groups = `arn:aws:codebuild:us-east-1:000000000000:report-group/submitqueue-queue-${index + 1}-*`;
      expect(rightsOf(logicalId, stack, built)).toEqual([
        `${groups}: ${written.map((name) => `codebuild:${name}`).join(" ")}`,
      ]);
      expect(properties).not.toHaveProperty("ManagedPolicyArns");
      expect(JSON.stringify(properties["AssumeRolePolicyDocument"])).toContain('"codebuild.amazonaws.com"');
    }
  });

  it("is named after its queue, so that who starts a build knows it", () => {
    expect(projects.map(({ properties }) => properties["Name"])).toEqual([
      "submitqueue-queue-1",
      "submitqueue-queue-2",
    ]);
  });

  it("has the ends of its builds reported, like builds of the projects that exist", () => {
    const rules = built.ofType("AWS::Events::Rule").flatMap(({ properties }) => properties["EventPattern"] ?? []);
    expect(rules).toEqual([
      {
        source: ["aws.codebuild"],
        "detail-type": ["CodeBuild Build State Change"],
        detail: {
          "build-status": ["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"],
          "project-name": ["shop-builds", "submitqueue-queue-1", "submitqueue-queue-2"],
        },
      },
    ]);
  });

  it("is one of any number, and no pattern of events is longer than EventBridge takes", () => {
    const names = Array.from({ length: 41 }, (_, n) => ({
      buildRunner: { type: "codebuild", project: `${"p".repeat(147)}${n}` },
    }));
    const rules = read(templatesOf({ queues: queuesWith(...names) }))
      .ofType("AWS::Events::Rule")
      .flatMap(({ properties }) => properties["EventPattern"] ?? []);
    expect(rules).toHaveLength(5);
    for (const pattern of rules) expect(JSON.stringify(pattern).length).toBeLessThan(2_048);
  });

  it("is no part of a stack whose queues do not use CodeBuild", () => {
    expect(templates.ofType("AWS::CodeBuild::Project")).toEqual([]);
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
