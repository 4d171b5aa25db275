import { ArnFormat, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { CfnProject } from "aws-cdk-lib/aws-codebuild";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { CodeBuildConfig } from "../../functions/contracts/build-runner-config.ts";
import { codeBuildProjectOf, codeBuildSourceOf } from "../../functions/contracts/code-host.ts";
import type { QueueConfig } from "../../functions/contracts/queues.ts";
import type { Settings } from "../settings.ts";
import { onBuildsOf } from "./codebuild-events.ts";
import type { LambdaFunction } from "./lambda-function.ts";

/** A project that builds for a queue. */
interface BuildProject {
  readonly name: string;
  readonly arn: string;
  /** The streams of the log group that its builds write to. */
  readonly logStreams: string;
  /** The groups of the test reports that its builds upload. */
  readonly reportGroups: string;
}

type CodeBuildQueue = QueueConfig & { readonly buildRunner: CodeBuildConfig };

const isCodeBuild = (queue: QueueConfig): queue is CodeBuildQueue => queue.buildRunner.type === "codebuild";

/** CodeBuild's bounds, in minutes. */
const minutesFor = (timeoutSeconds: number, most: number): number =>
  Math.min(Math.max(Math.ceil(timeoutSeconds / 60), 5), most);

/** The CodeBuild projects of the queues: the existing ones, by name, and the ones that are created here. None when no queue uses CodeBuild. */
export class BuildProjects extends Construct {
  readonly #existing: readonly BuildProject[];
  readonly #all: readonly BuildProject[];

  constructor(scope: Construct, id: string, { queues: { queues } }: Settings) {
    super(scope, id);
    const existing = new Map<string, BuildProject>();
    const created: BuildProject[] = [];
    for (const queue of queues.filter(isCodeBuild)) {
      const { project } = queue.buildRunner;
      if (project === undefined) created.push(this.#create(queue));
      else existing.set(project, this.#named(project));
    }
    this.#existing = [...existing.values()];
    this.#all = [...existing.values(), ...created];
  }

  /** The right to start builds with the buildspec that the project has, and to watch builds. */
  startedBy(fn: LambdaFunction): void {
    if (this.#all.length === 0) return;
    const arns = this.#all.map(({ arn }) => arn);
    fn.allow(arns, "codebuild:StartBuild");
    // A caller that chooses the buildspec can run any command with the rights of the project.
    fn.refuseWhen({ Null: { "codebuild:source.buildspec": "false" } }, arns, "codebuild:StartBuild");
  }

  /** The right to ask whether the projects are there, by asking for their builds. */
  foundBy(fn: LambdaFunction): void {
    if (this.#all.length === 0) return;
    fn.allow(
      this.#all.map(({ arn }) => arn),
      "codebuild:ListBuildsForProject",
    );
  }

  /** The right to find and stop builds, and to read their logs and test reports. */
  watchedBy(fn: LambdaFunction): void {
    if (this.#all.length === 0) return;
    fn.allow(
      this.#all.map(({ arn }) => arn),
      "codebuild:BatchGetBuilds",
      "codebuild:ListBuildsForProject",
      "codebuild:StopBuild",
    );
    fn.allow(
      this.#all.map(({ logStreams }) => logStreams),
      "logs:GetLogEvents",
    );
    fn.allow(
      this.#all.map(({ reportGroups }) => reportGroups),
      "codebuild:BatchGetReports",
      "codebuild:DescribeTestCases",
    );
    for (const { name } of this.#all)
      Validations.of(fn).acknowledge({
        id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:codebuild:<AWS::Region>:<AWS::AccountId>:report-group/${name}-*]`,
        reason: "CodeBuild names a report group after its project and the name in the buildspec.",
      });
    for (const { name } of this.#existing)
      Validations.of(fn).acknowledge({
        id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/codebuild/${name}:*]`,
        reason: "The streams of the project's own log group: each build writes one, named after the build.",
      });
  }

  /** Calls the function that `make` makes whenever a build of one of the projects has ended. Makes none when there are no projects. */
  reportedTo(make: () => LambdaFunction): void {
    if (this.#all.length === 0) return;
    onBuildsOf(
      this.#all.map(({ name }) => name),
      make(),
    );
  }

  #named(name: string): BuildProject {
    const logStreams = Stack.of(this).formatArn({
      service: "logs",
      resource: "log-group",
      resourceName: `/aws/codebuild/${name}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return { name, arn: this.#arnOf(name), logStreams, reportGroups: this.#reportGroupsOf(name) };
  }

  #arnOf(name: string): string {
    return Stack.of(this).formatArn({ service: "codebuild", resource: "project", resourceName: name });
  }

  /** CodeBuild makes the group `<project>-<name in the buildspec>` for reports that the buildspec names. */
  #reportGroupsOf(project: string): string {
    return Stack.of(this).formatArn({ service: "codebuild", resource: "report-group", resourceName: `${project}-*` });
  }

  /** Its role may write its log and its test reports, and nothing else: a build is other people's code. */
  #create({ name, repository, budget, buildRunner }: CodeBuildQueue): BuildProject {
    const room = new Construct(this, name);
    const log = new LogGroup(room, "Log", {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(room, "Role", {
      assumedBy: new ServicePrincipal("codebuild.amazonaws.com"),
      description: `Role of the builds of the queue ${name}`,
    });
    log.grantWrite(role);
    const projectName = codeBuildProjectOf(name);
    const reportGroups = this.#reportGroupsOf(projectName);
    writesReports(role, projectName, reportGroups);
    const { image = "", computeType = "BUILD_GENERAL1_MEDIUM", buildspec, source, timeoutSeconds } = buildRunner;
    const checkedOut = source === "repository" ? codeBuildSourceOf(repository.remote) : undefined;
    const ofAws = image.startsWith("aws/codebuild/");
    const project = new CfnProject(room, "Project", {
      name: projectName,
      description: `Builds of the queue ${name}`,
      source: {
        ...(checkedOut ?? { type: "NO_SOURCE" }),
        ...(buildspec === undefined ? {} : { buildSpec: buildspec }),
        // The whole history: a build may compare $SQ_COMMIT with $SQ_BASE.
        ...(checkedOut ? { gitCloneDepth: 0, reportBuildStatus: false } : {}),
      },
      artifacts: { type: "NO_ARTIFACTS" },
      environment: {
        type: /aarch64|arm64/.test(image) ? "ARM_CONTAINER" : "LINUX_CONTAINER",
        image,
        computeType,
        privilegedMode: false,
        imagePullCredentialsType: ofAws ? "CODEBUILD" : "SERVICE_ROLE",
      },
      serviceRole: role.roleArn,
      concurrentBuildLimit: budget,
      timeoutInMinutes: minutesFor(timeoutSeconds, 2_160),
      queuedTimeoutInMinutes: minutesFor(timeoutSeconds, 480),
      autoRetryLimit: 0,
      logsConfig: { cloudWatchLogs: { status: "ENABLED", groupName: log.logGroupName } },
    });
    Validations.of(project).acknowledge({
      id: "AwsSolutions-CB4",
      reason: "The builds have no artifacts that a key would encrypt; their log is encrypted by CloudWatch.",
    });
    if (!ofAws)
      Validations.of(project).acknowledge({
        id: "AwsSolutions-CB5",
        reason: "The queue's configuration names the image that its builds run in.",
      });
    return { name: projectName, arn: this.#arnOf(projectName), logStreams: log.logGroupArn, reportGroups };
  }
}

/** What a build needs for the reports that its buildspec names. Without it, a build whose buildspec names reports fails. */
function writesReports(role: Role, project: string, reportGroups: string): void {
  role.addToPrincipalPolicy(
    new PolicyStatement({
      actions: [
        "codebuild:CreateReportGroup",
        "codebuild:CreateReport",
        "codebuild:UpdateReport",
        "codebuild:BatchPutTestCases",
        "codebuild:BatchPutCodeCoverages",
      ],
      resources: [reportGroups],
    }),
  );
  Validations.of(role).acknowledge({
    id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:codebuild:<AWS::Region>:<AWS::AccountId>:report-group/${project}-*]`,
    reason: "CodeBuild names a report group after its project and the name in the buildspec.",
  });
}
