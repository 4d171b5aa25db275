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
interface HookSpec {
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
