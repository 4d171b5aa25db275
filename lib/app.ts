import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { IPolicyValidationPlugin } from "aws-cdk-lib";
import { Annotations, App, type AppProps, Validations } from "aws-cdk-lib";
import type { CloudAssembly } from "aws-cdk-lib/cx-api";
import type { QueuesConfig } from "../functions/contracts/queues.ts";
import { OwnershipPlugin } from "./checks/plugin.ts";
import { REPOSITORY } from "./constructs/lambda-function.ts";
import { ambiguousPatterns, rulingsOn, sentenceOf } from "./deployment-rules.ts";
import { GatewayStack } from "./gateway-stack.ts";
import { GithubStack } from "./github-stack.ts";
import { MessagingStack } from "./messaging-stack.ts";
import { OrchestratorStack } from "./orchestrator-stack.ts";
import { buildPage } from "./page.ts";
import { QueuesFileError, readQueuesFile } from "./queues-file.ts";
import { RunwayStack } from "./runway-stack.ts";
import type { JwtSettings, Settings, Target } from "./settings.ts";

export interface AppOptions {
  /** A queues.yaml, or what it holds. */
  readonly queues: string | QueuesConfig;
  readonly target: Target;
  /** Where the templates go. */
  readonly outdir?: string;
  /** Default: true. */
  readonly deletionProtection?: boolean;
  /** Default: iam on AWS, none elsewhere. */
  readonly apiAuth?: Settings["apiAuth"];
  /** Whose tokens the API takes, when `apiAuth` names jwt. */
  readonly jwt?: JwtSettings;
  /** Default: true, but under the embedded runtime, which runs the sources. */
  readonly bundle?: boolean;
  /** Default: true. */
  readonly images?: boolean;
  /** Default: /tmp/submitqueue, the only place where Lambda lets a function write. */
  readonly workDirectory?: string;
  readonly alarmTopicArn?: string;
  /** Further checks of the finished templates. */
  readonly checks?: (app: App) => readonly IPolicyValidationPlugin[];
  readonly appProps?: AppProps;
}

/** Behaviour of aws-cdk-lib that the stacks rely on: set here and not in cdk.json, so that an app made in-process is the same app. */
const FEATURE_FLAGS = {
  "@aws-cdk/aws-iam:minimizePolicies": true,
  "@aws-cdk/aws-lambda:recognizeLayerVersion": true,
  "@aws-cdk/core:checkSecretUsage": true,
  "@aws-cdk/core:enablePartitionLiterals": true,
  "@aws-cdk/core:validateAgainstDefaultRules": true,
  "@aws-cdk/core:target-partitions": ["aws", "aws-cn"],
  "@aws-cdk/aws-lambda-nodejs:useLatestRuntimeVersion": true,
  "@aws-cdk/core:annotationsInValidationReport": true,
  // Fn::ImportValue: CloudFormation then refuses to delete what another stack still uses.
  "@aws-cdk/core:defaultCrossStackReferences": "strong",
} as const;

/**
 * The four stacks, and that of the GitHub App where one is configured. Throws QueuesFileError when the queue configuration can't be read,
 * or can't be deployed to the target.
 */
export function buildApp(options: AppOptions): App {
  const { target, outdir } = options;
  const embedded = target === "embedded";
  const queues = typeof options.queues === "string" ? readQueuesFile(options.queues, target) : options.queues;
  const { errors, warnings } = rulingsOn(queues, target);
  if (errors.length > 0) throw new QueuesFileError(errors.map(sentenceOf));

  const app = new App({
    ...(outdir === undefined ? {} : { outdir }),
    analyticsReporting: false,
    treeMetadata: !embedded,
    // Knows every resource of CloudFormation, and takes seconds: for the command line.
    builtinCloudFormationValidation: false,
    ...options.appProps,
    context: { ...FEATURE_FLAGS, ...options.appProps?.context },
  });
  const settings = settingsOf(options, queues, app);
  const ambiguous = ambiguousPatterns(queues, settings.apiAuth);
  if (ambiguous.length > 0) throw new QueuesFileError(ambiguous.map(sentenceOf));
  if (queues.github !== undefined && settings.apiAuth === "jwt")
    throw new QueuesFileError([
      "github: the GitHub App's functions sign their calls of the API for IAM, and apiAuth=jwt takes tokens alone: deploy with apiAuth=iam+jwt",
    ]);
  const { topics } = new MessagingStack(app, settings);
  const gateway = new GatewayStack(app, settings, topics);
  if (queues.github !== undefined) new GithubStack(app, settings, queues.github, gateway);
  const runway = new RunwayStack(app, settings, topics);
  const orchestrator = new OrchestratorStack(app, settings, topics, runway);
  for (const warning of warnings) Annotations.of(orchestrator).addWarningV2("submitqueue:queues", sentenceOf(warning));
  Validations.of(app).addPlugins(new OwnershipPlugin(), ...(options.checks?.(app) ?? []));
  return app;
}

/** The templates, written to `outdir`. Throws as buildApp does, and when a check finds fault with them. */
export const synthesize = (options: AppOptions & { readonly outdir: string }): CloudAssembly =>
  buildApp(options).synth();

function settingsOf(options: AppOptions, queues: QueuesConfig, app: App): Settings {
  const {
    target,
    apiAuth,
    jwt,
    deletionProtection = true,
    workDirectory = "/tmp/submitqueue",
    alarmTopicArn,
  } = options;
  const queuesJson = join(resolve(app.outdir), "queues.json");
  mkdirSync(app.outdir, { recursive: true });
  writeFileSync(queuesJson, `${JSON.stringify(queues, null, 2)}\n`);
  const pageFiles = join(resolve(app.outdir), "page");
  const bundle = options.bundle ?? target !== "embedded";
  // Templates alone, as tests read them, need no page.
  if (bundle || target === "embedded") buildPage(pageFiles);
  const { version }: { version: string } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8"));
  return {
    target,
    queues,
    queuesJson,
    queuesFile: target === "embedded" ? queuesJson : "/var/task/queues.json",
    pageFiles,
    pageDirectory: target === "embedded" ? pageFiles : "/var/task/page",
    workDirectory,
    deletionProtection,
    apiAuth: apiAuth ?? (target === "aws" ? "iam" : "none"),
    ...(jwt === undefined ? {} : { jwt }),
    bundle,
    images: options.images ?? true,
    version,
    ...(alarmTopicArn === undefined ? {} : { alarmTopicArn }),
  };
}
