import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as z from "zod";
import { type Resolver, resolverOf } from "../../lib/cloudformation/resolver.ts";
import { type Assembly, Template } from "../../lib/cloudformation/template.ts";

/** Marks a function of ours: its name, and the file that holds its handler. */
const Marks = z.object({ "submitqueue:function": z.string(), "submitqueue:entry": z.string() });

export interface TableSpec {
  readonly name: string;
  readonly arn: string;
  readonly keys: readonly unknown[];
  readonly attributes: readonly unknown[];
}
export interface QueueSpec {
  readonly name: string;
  readonly arn: string;
  /** As SQS takes them: strings. */
  readonly attributes: Readonly<Record<string, string>>;
}
export interface FunctionSpec {
  /** `gateway/api` */
  readonly id: string;
  readonly name: string;
  readonly arn: string;
  /** Path of the handler's file, from the root of the repository. */
  readonly entry: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly roleArn: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
}
export interface EventSourceSpec {
  readonly queueArn: string;
  readonly functionArn: string;
  readonly batchSize: number;
  /** How long messages gather at most before the function is called. 0: not at all. */
  readonly batchingWindowMs: number;
  readonly maxConcurrency: number;
  readonly reportsPartialFailures: boolean;
}
export interface MachineSpec {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly definition: unknown;
}
export interface ScheduleSpec {
  readonly name: string;
  readonly everyMs: number;
  readonly functionArn: string;
  readonly input: unknown;
}

/** An address that calls one function, for every caller. */
export interface FunctionUrlSpec {
  /** As the templates know it. */
  readonly url: string;
  readonly functionArn: string;
}

/** What becomes of events of a bus that match the pattern. */
export interface RuleSpec {
  readonly name: string;
  readonly bus: string;
  readonly pattern: unknown;
  readonly targets: readonly RuleTarget[];
}
export interface RuleTarget {
  /** Of a queue or of a function. */
  readonly arn: string;
  /** Only this part of the event: `$.detail`. Absent: the whole event. */
  readonly inputPath?: string | undefined;
}

/** A route of an HTTP API of one path: `POST /github/webhook`. */
export interface HookSpec {
  readonly method: string;
  readonly path: string;
  readonly functionArn: string;
}

/** Everything that the stacks ask for, with names resolved. */
export interface Deployment {
  readonly tables: readonly TableSpec[];
  readonly queues: readonly QueueSpec[];
  readonly functions: readonly FunctionSpec[];
  readonly eventSources: readonly EventSourceSpec[];
  readonly machines: readonly MachineSpec[];
  readonly schedules: readonly ScheduleSpec[];
  readonly functionUrls: readonly FunctionUrlSpec[];
  /** The names of the event buses. */
  readonly buses: readonly string[];
  readonly rules: readonly RuleSpec[];
  /** ARN of the function behind the HTTP API. */
  readonly apiFunction: string | undefined;
  /** Routes of other HTTP APIs: they authenticate their callers themselves. */
  readonly hooks: readonly HookSpec[];
  /** Policy documents of each role, by its ARN. */
  readonly identityPolicies: ReadonlyMap<string, readonly unknown[]>;
  /** Policy documents of tables and queues, by ARN. */
  readonly resourcePolicies: ReadonlyMap<string, unknown>;
}

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

interface Found {
  readonly id: string;
  readonly type: string;
  readonly ref: string;
  readonly arn: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const SEEN =
  /^AWS::(DynamoDB::(Table|GlobalTable)|SQS::(Queue|QueuePolicy)|Lambda::(Function|Url|EventSourceMapping)|StepFunctions::StateMachine|Events::(Rule|EventBus)|Scheduler::Schedule|ApiGatewayV2::(Integration|Route)|IAM::(Role|Policy|ManagedPolicy))$/;

/** The resources that matter here, resolved. What only matters in AWS (alarms, log groups, …) is left aside. */
function resourcesOf(assembly: Assembly, resolver: Resolver): readonly Found[] {
  return [...assembly].flatMap(([stack, { Resources }]) =>
    Object.entries(Resources)
      .filter(([, { Type }]) => SEEN.test(Type))
      .map(([logicalId, { Type, Properties, Metadata }]) => {
        const { ref, attributes } = resolver.identityOf(stack, logicalId);
        return {
          id: `${stack}/${logicalId}`,
          type: Type,
          ref,
          arn: attributes["Arn"] ?? ref,
          attributes,
          name: attributes["QueueName"] ?? attributes["Name"] ?? ref,
          properties: z.record(z.string(), z.unknown()).parse(resolver.resolve(stack, Properties)),
          metadata: Metadata,
        };
      }),
  );
}

/** Parses the properties of a resource, naming it when they are not as expected. */
function parse<T>(schema: z.ZodType<T>, { id, properties }: Found): T {
  const parsed = schema.safeParse(properties);
  if (!parsed.success) throw new Error(`${id} does not run here: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

const Table = z.object({ KeySchema: z.array(z.unknown()), AttributeDefinitions: z.array(z.unknown()) });
function tableOf(found: Found): TableSpec {
  const { KeySchema, AttributeDefinitions } = parse(Table, found);
  return { name: found.name, arn: found.arn, keys: KeySchema, attributes: AttributeDefinitions };
}

const QUEUE_ATTRIBUTES = [
  "VisibilityTimeout",
  "MessageRetentionPeriod",
  "DelaySeconds",
  "MaximumMessageSize",
  "RedrivePolicy",
  "FifoQueue",
  "ContentBasedDeduplication",
  "DeduplicationScope",
  "FifoThroughputLimit",
] as const;
function queueOf({ name, arn, properties }: Found): QueueSpec {
  const attributes = QUEUE_ATTRIBUTES.filter((attribute) => properties[attribute] !== undefined).map((attribute) => {
    const value = properties[attribute];
    return [attribute, typeof value === "object" ? JSON.stringify(value) : String(value)];
  });
  return { name, arn, attributes: Object.fromEntries(attributes) };
}

const isOurs = ({ type, metadata }: Found) => type === "AWS::Lambda::Function" && Marks.safeParse(metadata).success;
const FunctionProperties = z.object({
  Role: z.string(),
  Timeout: z.number().default(3),
  MemorySize: z.number().default(128),
  Environment: z.object({ Variables: z.record(z.string(), z.coerce.string()).default({}) }).default({ Variables: {} }),
});
function functionOf(found: Found): FunctionSpec {
  const { Role, Timeout, MemorySize, Environment } = parse(FunctionProperties, found);
  const { "submitqueue:function": id, "submitqueue:entry": entry } = Marks.parse(found.metadata);
  const { name, arn } = found;
  const environment = Environment.Variables;
  return { id, name, arn, entry, environment, roleArn: Role, timeoutMs: Timeout * 1_000, memoryMb: MemorySize };
}

/** A function is named by its ARN or by its name. */
const arnOfFunction = (resources: readonly Found[], named: string): string =>
  resources.find(({ type, name, arn }) => type === "AWS::Lambda::Function" && (name === named || arn === named))?.arn ??
  named;

const Mapping = z.object({
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  BatchSize: z.number().default(10),
  MaximumBatchingWindowInSeconds: z.number().default(0),
  ScalingConfig: z.object({ MaximumConcurrency: z.number().default(10) }).default({ MaximumConcurrency: 10 }),
  FunctionResponseTypes: z.array(z.string()).default([]),
});
const eventSourceOf =
  (resources: readonly Found[]) =>
  (found: Found): EventSourceSpec => {
    const mapping = parse(Mapping, found);
    return {
      queueArn: mapping.EventSourceArn,
      functionArn: arnOfFunction(resources, mapping.FunctionName),
      batchSize: mapping.BatchSize,
      batchingWindowMs: mapping.MaximumBatchingWindowInSeconds * 1_000,
      maxConcurrency: mapping.ScalingConfig.MaximumConcurrency,
      reportsPartialFailures: mapping.FunctionResponseTypes.includes("ReportBatchItemFailures"),
    };
  };

const Machine = z.object({
  RoleArn: z.string(),
  DefinitionString: z.string().optional(),
  Definition: z.unknown().optional(),
  DefinitionSubstitutions: z.record(z.string(), z.coerce.string()).default({}),
});
function machineOf(found: Found): MachineSpec {
  const { RoleArn, DefinitionString, Definition, DefinitionSubstitutions } = parse(Machine, found);
  const text = (DefinitionString ?? JSON.stringify(Definition)).replace(
    /\$\{([A-Za-z0-9_]+)\}/g,
    (whole, name: string) => DefinitionSubstitutions[name] ?? whole,
  );
  return { name: found.name, arn: found.arn, roleArn: RoleArn, definition: JSON.parse(text) };
}

const UNITS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
const Rate = z.string().transform((expression, ctx) => {
  const match = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (match) return Number(match[1]) * (UNITS[match[2] ?? ""] ?? 0);
  ctx.addIssue({ code: "custom", message: `only rate(…) schedules run here, not ${expression}` });
  return z.NEVER;
});
const Target = z.object({ Arn: z.string(), Input: z.string().optional() });
const Schedule = z.object({
  ScheduleExpression: Rate.optional(),
  State: z.string().default("ENABLED"),
  Target: Target.optional(),
  Targets: z.array(Target).default([]),
});
function scheduleOf(found: Found): ScheduleSpec[] {
  const { ScheduleExpression: everyMs, State, Target, Targets } = parse(Schedule, found);
  if (everyMs === undefined || State !== "ENABLED") return [];
  return [...Targets, ...(Target ? [Target] : [])].map(({ Arn, Input }) => ({
    name: found.id,
    everyMs,
    functionArn: Arn,
    input: Input === undefined ? undefined : JSON.parse(Input),
  }));
}

const FunctionUrl = z.object({ AuthType: z.literal("NONE"), TargetFunctionArn: z.string() });
function functionUrlOf(found: Found): FunctionUrlSpec {
  const { TargetFunctionArn } = parse(FunctionUrl, found);
  return { url: found.attributes["FunctionUrl"] ?? "", functionArn: TargetFunctionArn };
}

const EventRule = z.object({
  EventBusName: z.string().default("default"),
  EventPattern: z.unknown(),
  State: z.string().default("ENABLED"),
  Targets: z
    .array(
      z.strictObject({
        Arn: z.string(),
        Id: z.string(),
        InputPath: z.string().optional(),
        RetryPolicy: z.unknown().optional(),
      }),
    )
    .default([]),
});
function ruleOf(found: Found): RuleSpec[] {
  if (found.properties["EventPattern"] === undefined) return [];
  const { EventBusName, EventPattern, State, Targets } = parse(EventRule, found);
  if (State !== "ENABLED") return [];
  const targets = Targets.map(({ Arn, InputPath }) => ({ arn: Arn, inputPath: InputPath }));
  return [{ name: found.id, bus: EventBusName, pattern: EventPattern, targets }];
}

const Integration = z.object({ IntegrationType: z.literal("AWS_PROXY"), IntegrationUri: z.string() });
const Route = z.object({
  RouteKey: z.string().regex(/^(\$default|[A-Z]+ \/[\w/-]*)$/, "only $default and routes of one path run here"),
  Target: z.string().startsWith("integrations/").optional(),
});
/** The function behind `$default` is the API's; the others have a route each. */
function apisOf(resources: readonly Found[]): Pick<Deployment, "apiFunction" | "hooks"> {
  const routes = resources
    .filter(({ type }) => type === "AWS::ApiGatewayV2::Route")
    .map((found) => {
      const { RouteKey, Target: to } = parse(Route, found);
      const integrations = resources.filter(({ type }) => type === "AWS::ApiGatewayV2::Integration");
      // Without a target there is one integration to lead to.
      const integration = integrations.find(({ ref }) => to === undefined || to === `integrations/${ref}`);
      if (integration === undefined) throw new Error(`${found.id} does not run here: it leads to ${to}`);
      const { IntegrationUri } = parse(Integration, integration);
      const functionArn = /functions\/(arn:[^/]+)\/invocations/.exec(IntegrationUri)?.[1] ?? IntegrationUri;
      const [method = "", path = ""] = RouteKey.split(" ");
      return { method, path, functionArn };
    });
  return {
    apiFunction: routes.find(({ method }) => method === "$default")?.functionArn,
    hooks: routes.filter(({ method }) => method !== "$default"),
  };
}

const InlinePolicies = z.object({ Policies: z.array(z.object({ PolicyDocument: z.unknown() })).default([]) });
const AttachedPolicy = z.object({ Roles: z.array(z.string()).default([]), PolicyDocument: z.unknown() });
function identityPoliciesOf(resources: readonly Found[]): ReadonlyMap<string, readonly unknown[]> {
  const attached = resources
    .filter(({ type }) => type === "AWS::IAM::Policy" || type === "AWS::IAM::ManagedPolicy")
    .map((found) => parse(AttachedPolicy, found));
  const roles = resources.filter(({ type }) => type === "AWS::IAM::Role");
  return new Map(
    roles.map((role) => [
      role.arn,
      [
        ...parse(InlinePolicies, role).Policies.map(({ PolicyDocument }) => PolicyDocument),
        ...attached.filter(({ Roles }) => Roles.includes(role.ref)).map(({ PolicyDocument }) => PolicyDocument),
      ],
    ]),
  );
}

const Guarded = z.object({ ResourcePolicy: z.object({ PolicyDocument: z.unknown() }).optional() });
const Replicated = z.object({ Replicas: z.array(Guarded).default([]) });
const QueuePolicy = z.object({ Queues: z.array(z.string()), PolicyDocument: z.unknown() });
function resourcePoliciesOf(resources: readonly Found[]): ReadonlyMap<string, unknown> {
  const policies = new Map<string, unknown>();
  for (const found of resources) {
    if (found.type === "AWS::SQS::QueuePolicy") {
      const { Queues, PolicyDocument } = parse(QueuePolicy, found);
      for (const queue of resources) if (Queues.includes(queue.ref)) policies.set(queue.arn, PolicyDocument);
    }
    if (found.type.startsWith("AWS::DynamoDB::")) {
      const { ResourcePolicy } = parse(Guarded, found);
      const guard = ResourcePolicy ?? parse(Replicated, found).Replicas[0]?.ResourcePolicy;
      if (guard !== undefined) policies.set(found.arn, guard.PolicyDocument);
    }
  }
  return policies;
}
