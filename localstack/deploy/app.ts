import { basename } from "node:path";
import { App, Aspects, type IAspect, Stack } from "aws-cdk-lib";
import { CfnAlarm } from "aws-cdk-lib/aws-cloudwatch";
import { CfnFunction } from "aws-cdk-lib/aws-lambda";
import type { IConstruct } from "constructs";
import * as z from "zod";
import { ENV } from "../../functions/contracts/environment.ts";
import { buildApp } from "../../lib/app.ts";
import { QueuesFileError } from "../../lib/queues-file.ts";
import { readLocatedQueues } from "../located.ts";

/** Context (`-c name=value`) of this app. */
const Context = z.object({
  queues: z.string().min(1),
  /** Whether the endpoint runs container images. */
  images: z.stringbool().default(false),
  /** false leaves code out of the templates: enough to look at them. */
  bundle: z.stringbool().default(true),
});

/** What emulators don't take. */
class Emulated implements IAspect {
  visit(node: IConstruct): void {
    // Alarms on metric math are refused, and watch nothing here.
    if (node instanceof CfnAlarm && node.metrics !== undefined) node.node.scope?.node.tryRemoveChild(node.node.id);
    // Without containers, code is not in /var/task. A function starts in the directory that it is in, on AWS as well.
    if (node instanceof CfnFunction) {
      const variables = Stack.of(node).resolve(node.environment)?.variables ?? {};
      if (ENV.queuesFile in variables)
        node.addPropertyOverride(`Environment.Variables.${ENV.queuesFile}`, basename(variables[ENV.queuesFile]));
    }
  }
}

/** The CDK app for an endpoint that behaves like AWS: the stacks of bin/app.ts, less what emulators can't take. */
try {
  const { node } = new App({ autoSynth: false });
  const context = Object.keys(Context.shape).map((name) => [name, node.tryGetContext(name)]);
  const { queues, ...options } = Context.parse(Object.fromEntries(context));
  const app = buildApp({
    queues: readLocatedQueues(queues, "localstack"),
    target: "localstack",
    deletionProtection: false,
    ...options,
  });
  Aspects.of(app).add(new Emulated());
  app.synth();
} catch (error) {
  if (!(error instanceof QueuesFileError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
