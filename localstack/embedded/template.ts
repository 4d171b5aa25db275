import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { resolverOf } from "../../lib/cloudformation/resolver.ts";
import { type Assembly, Template } from "../../lib/cloudformation/template.ts";
import type { Deployment } from "./deployment.ts";
import { apisOf } from "./resources/apis.ts";
import { type Found, resourcesOf } from "./resources/found.ts";
import { eventSourceOf, functionOf, functionUrlOf, isOurs } from "./resources/functions.ts";
import { machineOf } from "./resources/machines.ts";
import { identityPoliciesOf, resourcePoliciesOf } from "./resources/policies.ts";
import { ruleOf, scheduleOf } from "./resources/rules.ts";
import { queueOf, tableOf } from "./resources/tables-and-queues.ts";

/** Reads the templates of a cloud assembly (`cdk.out`). */
export function readAssembly(directory: string): Assembly {
  const files = readdirSync(directory).filter((file) => file.endsWith(".template.json"));
  if (files.length === 0) throw new Error(`${directory} holds no template`);
  return assemblyOf(
    files.map((file) => [basename(file, ".template.json"), JSON.parse(readFileSync(join(directory, file), "utf8"))]),
  );
}

/** Parses templates by the names of their stacks. */
export const assemblyOf = (templates: Iterable<readonly [string, unknown]>): Assembly =>
  new Map([...templates].map(([stack, template]) => [stack, Template.parse(template)]));

/** Throws when a template says something that does not run here. */
export function deploymentOf(assembly: Assembly, queueUrl: (name: string) => string): Deployment {
  const resources = resourcesOf(assembly, resolverOf(assembly, queueUrl));
  const all = <T>(type: string | readonly string[], read: (resource: Found) => T) =>
    resources.filter((resource) => [type].flat().includes(resource.type)).map(read);
  return {
    tables: all(["AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"], tableOf),
    queues: all("AWS::SQS::Queue", queueOf),
    functions: resources.filter(isOurs).map(functionOf),
    eventSources: all("AWS::Lambda::EventSourceMapping", eventSourceOf(resources)),
    machines: all("AWS::StepFunctions::StateMachine", machineOf),
    schedules: all(["AWS::Events::Rule", "AWS::Scheduler::Schedule"], scheduleOf).flat(),
    functionUrls: all("AWS::Lambda::Url", functionUrlOf),
    buses: all("AWS::Events::EventBus", ({ name }) => name),
    rules: all("AWS::Events::Rule", ruleOf).flat(),
    ...apisOf(resources),
    identityPolicies: identityPoliciesOf(resources),
    resourcePolicies: resourcePoliciesOf(resources),
  };
}
