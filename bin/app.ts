import { App } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { buildApp } from "../lib/app.ts";
import { ContextError, optionsFrom } from "../lib/context.ts";
import { QueuesFileError } from "../lib/queues-file.ts";

/** The CDK app, as `cdk synth` and `cdk deploy` run it. Its context (`-c name=value`): see lib/context.ts. */
try {
  const context = new App({ autoSynth: false }).node;
  const app = buildApp({
    ...optionsFrom(context.getAllContext()),
    appProps: { builtinCloudFormationValidation: true },
    checks: (root) => [new AwsSolutionsChecks(root, { verbose: true })],
  });
  app.synth();
} catch (error) {
  if (!(error instanceof QueuesFileError || error instanceof ContextError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
