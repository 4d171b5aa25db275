import { existsSync } from "node:fs";
import { join } from "node:path";
import { ArnFormat, type CfnResource, type Duration, RemovalPolicy, Size, Stack, Validations } from "aws-cdk-lib";
import { Platform } from "aws-cdk-lib/aws-ecr-assets";
import { type Conditions, Effect, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  Code,
  DockerImageCode,
  DockerImageFunction,
  type FunctionOptions,
  Function as Lambda,
  Runtime,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { SqsEventSource, type SqsEventSourceProps } from "aws-cdk-lib/aws-lambda-event-sources";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { ENV } from "../../functions/contracts/environment.ts";
import { METADATA, type Settings } from "../settings.ts";
import { ALARM_PERIOD, raiseAlarm } from "./alarm.ts";
import { imageContext } from "./image-context.ts";
import type { Topic } from "./topic.ts";

export const REPOSITORY = join(import.meta.dirname, "..", "..");

export interface LambdaFunctionProps {
  /** `gateway/api`: names the file, functions/handlers/gateway/api.lambda.ts. */
  readonly name: string;
  readonly timeout: Duration;
  readonly settings: Settings;
  /** False for a function that a clock calls every minute: each call would be a trace without use. Default: true. */
  readonly traced?: boolean;
  /** Runs git: deployed as the container image that brings it, with room for clones. */
  readonly git?: boolean;
  /** Reads the queue configuration. */
  readonly queues?: boolean;
  /** Serves the page. */
  readonly page?: boolean;
}

/** A function with a role, a log group and an alarm of its own. The role may do nothing but write its log and traces until it is allowed more. */
export class LambdaFunction extends Construct {
  readonly lambda: Lambda;
  readonly functionName: string;
  readonly timeout: Duration;
  readonly #role: Role;

  constructor(scope: Construct, id: string, props: LambdaFunctionProps) {
    super(scope, id);
    this.functionName = props.name;
    this.timeout = props.timeout;
    const logGroup = new LogGroup(this, "Log", {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.#role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `Role of the function ${props.name}`,
    });
    logGroup.grantWrite(this.#role);
    this.lambda = this.#deployed(props, {
      role: this.#role,
      logGroup,
      timeout: props.timeout,
      tracing: props.traced === false ? Tracing.PASS_THROUGH : Tracing.ACTIVE,
      architecture: Architecture.ARM_64,
      memorySize: props.git === true ? 2048 : 512,
      ...(props.git === true ? { ephemeralStorageSize: Size.gibibytes(4) } : {}),
    });
    this.#describe(props);
    this.#acknowledge();
  }

  get roleArn(): string {
    return this.#role.roleArn;
  }

  /** For a policy that another stack attaches to the role. */
  get role(): Role {
    return this.#role;
  }

  addEnvironment(name: string, value: string): void {
    this.lambda.addEnvironment(name, value);
  }

  allow(resources: readonly string[], ...actions: readonly string[]): void {
    this.#role.addToPrincipalPolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }

  /** Refuses the actions when the condition holds, also when another statement allows them. */
  refuseWhen(condition: Conditions, resources: readonly string[], ...actions: readonly string[]): void {
    this.#role.addToPrincipalPolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        actions: [...actions],
        resources: [...resources],
        conditions: condition,
      }),
    );
  }

  /** The topic's URL in the environment, and the right to send. */
  sendsTo(topic: Topic, env: string): void {
    this.addEnvironment(env, topic.main.queueUrl);
    this.allow([topic.main.queueArn], "sqs:SendMessage");
  }

  /**
   * Fed by the topic, ten messages at a time unless told otherwise, failing one by one; may put what it can't read among the topic's dead
   * letters.
   */
  consumes(
    topic: Topic,
    options: Pick<SqsEventSourceProps, "maxConcurrency" | "batchSize" | "maxBatchingWindow"> = {},
  ): void {
    this.lambda.addEventSource(
      new SqsEventSource(topic.main, { batchSize: 10, reportBatchItemFailures: true, ...options }),
    );
    this.addEnvironment(ENV.deadLetters, topic.dead.queueUrl);
    // A consumer that fails leaves messages behind, which the topic's own alarms see. An alarm costs as much a month as 4,000 transitions.
    this.node.tryRemoveChild(ERRORS);
    this.allow([topic.dead.queueArn], "sqs:SendMessage");
  }

  /** It ends a workflow and has no catch: when it fails, the workflow fails, and the workflow's own alarm sees that. */
  endsWorkflow(): void {
    this.node.tryRemoveChild(ERRORS);
  }

  /** The secrets of these names, and no others. A name that is undefined is none. */
  readsSecrets(named: readonly (string | undefined)[]): void {
    const names = new Set(named.flatMap((name) => name ?? []));
    if (names.size === 0) return;
    const stack = Stack.of(this);
    // Secrets Manager appends a dash and six characters to a name.
    const arns = [...names].map((name) =>
      stack.formatArn({
        service: "secretsmanager",
        resource: "secret",
        resourceName: `${name}-??????`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    );
    this.allow(arns, "secretsmanager:GetSecretValue");
    for (const name of names)
      Validations.of(this).acknowledge({
        id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:${name}-??????]`,
        reason: "Six characters that Secrets Manager appends to the name, and that are not known before.",
      });
  }

  #deployed(props: LambdaFunctionProps, options: FunctionOptions): Lambda {
    if (!props.settings.bundle)
      return new Lambda(this, "Function", {
        ...options,
        runtime: Runtime.NODEJS_24_X,
        handler: "index.handler",
        code: Code.fromInline(`throw new Error("this template was made without code: see ${METADATA.entry}");`),
      });
    if (!existsSync(join(REPOSITORY, entryOf(props.name))))
      throw new Error(`the function ${props.name} has no entry: ${entryOf(props.name)} does not exist`);
    return props.git === true && props.settings.images ? this.#image(props, options) : this.#bundle(props, options);
  }

  #bundle({ name, settings, queues, page }: LambdaFunctionProps, options: FunctionOptions): Lambda {
    const copyFiles = (outputDir: string) => [
      ...(queues === true ? [`cp "${settings.queuesJson}" "${join(outputDir, "queues.json")}"`] : []),
      ...(page === true ? [`cp -R "${settings.pageFiles}" "${join(outputDir, "page")}"`] : []),
    ];
    return new NodejsFunction(this, "Function", {
      ...options,
      runtime: Runtime.NODEJS_24_X,
      entry: join(REPOSITORY, entryOf(name)),
      projectRoot: REPOSITORY,
      depsLockFilePath: join(REPOSITORY, "package-lock.json"),
      // Set by the SDK's own default since version 3.
      awsSdkConnectionReuse: false,
      bundling: {
        format: OutputFormat.ESM,
        minify: true,
        bundleAwsSDK: true,
        mainFields: ["module", "main"],
        target: "node24",
        // CommonJS packages in the bundle ask for Node's own modules by require, which an ES module does not have.
        banner: 'import { createRequire } from "node:module";const require = createRequire(import.meta.url);',
        // The hash of a bundle is that of its output, so that another queue configuration is another version.
        commandHooks: {
          beforeBundling: () => [],
          beforeInstall: () => [],
          afterBundling: (_inputDir, outputDir) => copyFiles(outputDir),
        },
      },
    });
  }

  #image({ name, settings }: LambdaFunctionProps, options: FunctionOptions): Lambda {
    return new DockerImageFunction(this, "Function", {
      ...options,
      code: DockerImageCode.fromImageAsset(REPOSITORY, {
        ...imageContext(REPOSITORY, settings.queuesJson),
        cmd: [`functions/handlers/${name}.handler`],
        platform: Platform.LINUX_ARM64,
      }),
    });
  }

  #describe({ name, settings, queues, git, page }: LambdaFunctionProps): void {
    const resource = this.lambda.node.defaultChild as CfnResource;
    resource.addMetadata(METADATA.function, name);
    resource.addMetadata(METADATA.entry, entryOf(name));
    if (queues === true) this.addEnvironment(ENV.queuesFile, settings.queuesFile);
    if (page === true) this.addEnvironment(ENV.pageDirectory, settings.pageDirectory);
    if (git === true) this.addEnvironment(ENV.workDirectory, settings.workDirectory);
    raiseAlarm(this, ERRORS, settings, {
      metric: this.lambda.metricErrors({ period: ALARM_PERIOD, statistic: "Sum" }),
      threshold: 3,
      what: `The function ${name} fails.`,
      page: "function-errors",
    });
  }

  #acknowledge(): void {
    Validations.of(this).acknowledge({
      id: "AwsSolutions-IAM5[Resource::*]",
      reason: "X-Ray's actions PutTraceSegments and PutTelemetryRecords know no resources.",
    });
  }
}

/** The id of the alarm of a function that fails. */
const ERRORS = "Errors";

const entryOf = (name: string): string => `functions/handlers/${name}.lambda.ts`;
