import type { ObservedCall, Observer } from "../../../localstack/embedded/observer.ts";
import type { FunctionSpec } from "../../../localstack/embedded/template.ts";
import { ASSUMED, PRICES } from "./prices.ts";

/** What was used, by what is billed. */
export interface Usage {
  readonly transitions: number;
  readonly invocations: number;
  readonly gbSeconds: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly standardRequests: number;
  readonly fifoRequests: number;
  readonly httpRequests: number;
  readonly traces: number;
  readonly logBytes: number;
}

export const NOTHING: Usage = {
  transitions: 0,
  invocations: 0,
  gbSeconds: 0,
  writeUnits: 0,
  readUnits: 0,
  standardRequests: 0,
  fifoRequests: 0,
  httpRequests: 0,
  traces: 0,
  logBytes: 0,
};

const WRITES = /^(Put|Update|Delete)Item$/;

/** A kilobyte begun is a unit for a write, four for a consistent read, eight for any other. */
export function dynamodbUnits({ operation, input, requestBytes, answerBytes }: ObservedCall): Partial<Usage> {
  if (WRITES.test(operation)) return { writeUnits: Math.ceil(requestBytes / 1_024) };
  const perUnit = input["ConsistentRead"] === true ? 4_096 : 8_192;
  return { readUnits: Math.max(1, Math.ceil(answerBytes / perUnit)) };
}

/** 64 KB begun are a request. */
function sqsRequests({ input, requestBytes }: ObservedCall): Partial<Usage> {
  const requests = Math.ceil(requestBytes / 65_536);
  return String(input["QueueUrl"]).endsWith(".fifo") ? { fifoRequests: requests } : { standardRequests: requests };
}

/** Lambda receives a batch and deletes it: two requests. */
function sourceOf(event: unknown): Partial<Usage> {
  const { Records } = event as { Records?: readonly { eventSourceARN?: string }[] };
  const arn = Records?.[0]?.eventSourceARN;
  if (arn === undefined) return isHttp(event) ? { httpRequests: 1, traces: 1 } : {};
  return { ...(arn.endsWith(".fifo") ? { fifoRequests: 2 } : { standardRequests: 2 }), traces: 1 };
}

const isHttp = (event: unknown): boolean => typeof event === "object" && event !== null && "requestContext" in event;

/** Adds up what AWS would bill, and knows whether anything is going on. */
export class Meter implements Observer {
  usage: Usage = NOTHING;
  /** Builds that were triggered: the first step of a build's workflow that asks CI. */
  readonly entered = new Map<string, number>();
  readonly invoked = new Map<string, number>();
  /** Invocations that are running. */
  running = 0;
  /** Counts everything that is seen. */
  seen = 0;
  #specs: ReadonlyMap<string, FunctionSpec> = new Map();
  #callsNow = 0;

  /** The functions, once they are known. */
  know(functions: readonly FunctionSpec[]): void {
    this.#specs = new Map(functions.map((spec) => [spec.id, spec]));
  }

  reset(): void {
    this.usage = NOTHING;
    this.entered.clear();
    this.invoked.clear();
  }

  invocation(functionId: string, event: unknown): () => void {
    const from = process.hrtime.bigint();
    const calls = this.#callsNow;
    this.running += 1;
    this.#add({ invocations: 1, logBytes: ASSUMED.logBytesPerInvocation, ...sourceOf(event) });
    this.invoked.set(functionId, (this.invoked.get(functionId) ?? 0) + 1);
    return () => {
      this.running -= 1;
      const measuredMs = Number(process.hrtime.bigint() - from) / 1e6;
      // Of invocations side by side, each is charged with the calls of all: too much, never too little.
      const ms = measuredMs + (this.#callsNow - calls) * ASSUMED.callMs + this.#remoteMs(functionId);
      this.#add({ gbSeconds: ((this.#specs.get(functionId)?.memoryMb ?? 512) / 1_024) * (ms / 1_000) });
    };
  }

  call(call: ObservedCall): void {
    this.#callsNow += 1;
    this.#add(call.service === "dynamodb" ? dynamodbUnits(call) : call.service === "sqs" ? sqsRequests(call) : {});
    if (call.operation === "StartExecution") this.#add({ traces: 1 });
  }

  transition(workflow: string, state: string): void {
    const name = `${workflow} ${state}`;
    this.entered.set(name, (this.entered.get(name) ?? 0) + 1);
    this.#add({ transitions: 1, logBytes: ASSUMED.logBytesPerTransition });
  }

  #remoteMs(functionId: string): number {
    return functionId.startsWith("runway/") ? ASSUMED.remoteMs : 0;
  }

  #add(used: Partial<Usage>): void {
    this.seen += 1;
    const sum = { ...this.usage };
    for (const key of Object.keys(used) as (keyof Usage)[]) sum[key] += used[key] ?? 0;
    this.usage = sum;
  }
}

/** Dollars by service. */
export function priced(usage: Usage): Readonly<Record<string, number>> {
  return {
    "Step Functions": usage.transitions * PRICES.transition,
    Lambda: usage.invocations * PRICES.lambdaRequest + usage.gbSeconds * PRICES.lambdaGbSecond,
    DynamoDB: usage.writeUnits * PRICES.dynamodbWriteUnit + usage.readUnits * PRICES.dynamodbReadUnit,
    SQS: usage.standardRequests * PRICES.sqsStandardRequest + usage.fifoRequests * PRICES.sqsFifoRequest,
    "API Gateway": usage.httpRequests * PRICES.httpApiRequest,
    "CloudWatch Logs": (usage.logBytes / 1e9) * PRICES.logGb,
    "X-Ray": usage.traces * PRICES.trace,
  };
}

export const totalOf = (dollars: Readonly<Record<string, number>>): number =>
  Object.values(dollars).reduce((sum, one) => sum + one, 0);
