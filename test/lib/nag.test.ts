import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, Stack, Validations } from "aws-cdk-lib";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { type AppOptions, buildApp } from "../../lib/app.ts";
import { queuesWith, silently, withGitHubApp } from "./synthesized.ts";

const appWith = (options: Partial<AppOptions> = {}): App =>
  buildApp({
    queues: queuesWith({ repository: { remote: "https://git.example.com/a.git", tokenSecret: "submitqueue/token" } }),
    target: "aws",
    bundle: false,
    outdir: mkdtempSync(join(tmpdir(), "submitqueue-nag-")),
    checks: (root) => [new AwsSolutionsChecks(root)],
    ...options,
  });

const stackOf = (app: App, id: string): Stack => {
  const stack = app.node.tryFindChild(id);
  if (!(stack instanceof Stack)) throw new Error(`there is no stack ${id}`);
  return stack;
};

/** Every rule that the source acknowledges, with the reason given. */
const acknowledged = (app: App): readonly [string, string][] =>
  app.node
    .findAll()
    .flatMap(({ node }) =>
      node.metadata.flatMap(({ type, data }) =>
        /acknowledged/i.test(type) ? Object.entries(data as Readonly<Record<string, string>>) : [],
      ),
    );

describe("cdk-nag's AwsSolutions", () => {
  it.each<[string, Partial<AppOptions>]>([
    ["as they are", {}],
    ["open to every caller", { apiAuth: "none" }],
    ["without deletion protection", { deletionProtection: false }],
    ["for LocalStack", { target: "localstack" }],
    [
      "with CodeBuild projects",
      {
        queues: queuesWith(
          { buildRunner: { type: "codebuild", project: "shop-builds" } },
          {
            repository: { remote: "https://github.com/a/b.git" },
            buildRunner: { type: "codebuild", image: "node:24" },
          },
        ),
      },
    ],
    ["with a GitHub App", { queues: withGitHubApp() }],
  ])("has nothing against the stacks %s", (_, options) => {
    expect(() => silently(() => appWith(options).synth())).not.toThrow();
  });

  it("was told a reason for each finding that stands", () => {
    const app = appWith({ apiAuth: "none" });
    const reasons = acknowledged(app);
    expect(reasons.length).toBeGreaterThan(10);
    for (const [rule, reason] of reasons) expect(reason.length, rule).toBeGreaterThan(30);
  });

  it("fails the synthesis for a finding that is not acknowledged", () => {
    const app = appWith();
    const role = new Role(stackOf(app, "Gateway"), "Planted", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    role.addToPolicy(new PolicyStatement({ actions: ["s3:*"], resources: ["*"] }));
    expect(() => silently(() => app.synth())).toThrow("AwsSolutions-IAM5[Action::s3:*]");
  });
});

describe("a synthesis, without cdk-nag", () => {
  const bare = (): App => appWith({ checks: () => [] });

  it("passes as it is", () => {
    expect(() => silently(() => bare().synth())).not.toThrow();
  });

  it("fails when a stack grants what belongs to another", () => {
    const app = bare();
    const table = stackOf(app, "Gateway")
      .node.findAll()
      .find(({ node }) => node.path === "Gateway/LogTable/Table");
    if (table === undefined || !("tableArn" in table)) throw new Error("there is no log table");
    const role = new Role(stackOf(app, "Orchestrator"), "Planted", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    role.addToPolicy(new PolicyStatement({ actions: ["dynamodb:PutItem"], resources: [String(table.tableArn)] }));
    expect(() => silently(() => app.synth())).toThrow(
      /allows Planted\w+ \(orchestrator\) dynamodb:PutItem on the table log, which belongs to the gateway/,
    );
  });

  it("fails when a queue has no owner, and can't be talked out of it", () => {
    const app = bare();
    new Queue(stackOf(app, "Runway"), "Planted");
    for (const id of ["topic-rights", "submitqueue-ownership::topic-rights"])
      Validations.of(app).acknowledge({ id, reason: "It is only one more queue." });
    expect(() => silently(() => app.synth())).toThrow("is a queue that lib/ownership.ts does not know");
  });
});
