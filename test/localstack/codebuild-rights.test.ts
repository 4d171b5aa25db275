import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { codebuildRunner } from "../../functions/adapters/build-runner/codebuild.ts";
import { CodeBuildProject } from "../../functions/adapters/build-runner/codebuild-project.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { AwsError } from "../../localstack/embedded/aws-error.ts";
import { codebuildFor, wantsOf } from "../../localstack/embedded/codebuild-clients.ts";
import type { Deployment } from "../../localstack/embedded/deployment.ts";
import { authorizer, type Want } from "../../localstack/embedded/iam.ts";
import { assemblyOf, deploymentOf } from "../../localstack/embedded/template.ts";
import { FakeCodeBuild } from "../../localstack/fakes/codebuild.ts";
import { TESTED } from "../adapters/build-runner/codebuild-world.ts";
import { aTask } from "../adapters/build-runner/tasks.ts";
import { queuesWith, templatesOf } from "../lib/synthesized.ts";

const PROJECT = "shop-builds";
const TRIGGER = "orchestrator/build-workflow/trigger";
const POLL = "orchestrator/build-workflow/poll";

let deployment: Deployment;
let fake: FakeCodeBuild;
beforeAll(async () => {
  const queues = queuesWith({ buildRunner: { type: "codebuild", project: PROJECT } });
  const templates = templatesOf({ queues }).map(({ stack, template }) => [stack, template] as const);
  deployment = deploymentOf(assemblyOf(templates), (name) => `https://sqs.invalid/${name}`);
  fake = await FakeCodeBuild.start({ projects: [PROJECT, "another"], courseOf: () => TESTED });
  for (const service of ["CODEBUILD", "CLOUDWATCH_LOGS"]) vi.stubEnv(`AWS_ENDPOINT_URL_${service}`, fake.endpoint);
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
});
afterAll(async () => {
  await fake.stop();
  vi.unstubAllEnvs();
});

/** The deployment with the grant of an action taken from every policy. */
function without(action: string): Deployment {
  const policies = JSON.stringify([...deployment.identityPolicies]);
  expect(policies).toContain(`"${action}"`);
  return { ...deployment, identityPolicies: new Map(JSON.parse(policies.replaceAll(`"${action}"`, '"none:Nothing"'))) };
}

/** A runner with the rights that a function has in a deployment. */
function runnerOf(functionId: string, deployed: Deployment, name = PROJECT) {
  const { roleArn = "" } = deployed.functions.find(({ id }) => id === functionId) ?? {};
  const authorize = authorizer(deployed);
  const judge = async (wants: readonly Want[]) => {
    for (const want of wants) {
      const decision = await authorize(roleArn, want);
      if (!decision.allowed) throw new AwsError("AccessDeniedException", `${want.action}: ${decision.why}`);
    }
  };
  const project = new CodeBuildProject({
    ...codebuildFor(judge),
    name,
    source: "repository",
    now: () => epochMs(Date.now()),
  });
  return codebuildRunner({
    project,
    isStopped: async () => false,
    infrastructurePhases: [],
    now: () => epochMs(Date.now()),
  });
}

const task = () => aTask({ askedAt: epochMs(Date.now()) });

describe("a call to CodeBuild, under the embedded runtime", () => {
  it("is let through where the templates grant it: of a build that fails, its log and its tests are shown", async () => {
    const build = task();
    const { id = "" } = await runnerOf(TRIGGER, deployment).trigger(build);
    const status = await runnerOf(POLL, deployment).status({ ...build, id });
    expect(status).toMatchObject({
      result: "failed",
      message: expect.stringMatching(/cart › adds up[\s\S]*1 test failed$/),
    });
    await runnerOf(POLL, deployment).status(build);
    await runnerOf(POLL, deployment).cancel({ ...build, id });
  });

  it.each([
    ["codebuild:DescribeTestCases", /which tests failed can't be shown: AccessDeniedException/],
    ["codebuild:BatchGetReports", /which tests failed can't be shown: AccessDeniedException/],
    ["logs:GetLogEvents", /the end of the log can't be shown: AccessDeniedException/],
  ])("is refused when the grant of %s is missing, and the verdict says so", async (action, said) => {
    const build = task();
    const { id = "" } = await runnerOf(TRIGGER, deployment).trigger(build);
    fake.calls.length = 0;
    const status = await runnerOf(POLL, without(action)).status({ ...build, id });
    expect(status).toMatchObject({ result: "failed", message: expect.stringMatching(said) });
    expect(fake.calls).not.toContain(action.split(":")[1]);
  });

  it.each(["codebuild:StartBuild", "codebuild:BatchGetBuilds", "codebuild:ListBuildsForProject"])(
    "is refused when the grant of %s is missing, as a fault of the configuration",
    async (action) => {
      const before = fake.builds.length;
      const runner = runnerOf(TRIGGER, without(action));
      const calls = { StartBuild: () => runner.trigger(task()), ListBuildsForProject: () => runner.status(task()) };
      const ask =
        calls[action.slice("codebuild:".length) as keyof typeof calls] ??
        (() => runner.status({ ...task(), id: `${PROJECT}:1` }));
      await expect(ask()).rejects.toMatchObject({ code: "config.invalid", message: expect.stringContaining(action) });
      expect(fake.builds).toHaveLength(before);
    },
  );

  it("is refused to a function that only watches, and on another project", async () => {
    await expect(runnerOf(POLL, deployment).trigger(task())).rejects.toThrow("codebuild:StartBuild: because no policy");
    await expect(runnerOf(TRIGGER, deployment, "another").trigger(task())).rejects.toThrow("because no policy");
  });

  it("is refused when it brings a buildspec", async () => {
    const authorize = authorizer(deployment);
    const { roleArn = "" } = deployment.functions.find(({ id }) => id === TRIGGER) ?? {};
    const wants = (more: object) => wantsOf("StartBuildCommand", { projectName: PROJECT, ...more });
    const [plain, specified] = [wants({}), wants({ buildspecOverride: "version: 0.2" })];
    expect(await authorize(roleArn, plain[0] as Want)).toEqual({ allowed: true });
    expect(await authorize(roleArn, specified[0] as Want)).toEqual({ allowed: false, why: "with an explicit deny" });
  });
});
