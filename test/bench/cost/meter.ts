import type { FunctionSpec } from "../../../localstack/embedded/deployment.ts";
import type { ObservedCall, Observer } from "../../../localstack/embedded/observer.ts";
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

/** What DynamoDB bills: a kilobyte begun of an item is a unit for a write; four are one for a consistent read, and eight for any other. */
export function dynamodbUnits(call: ObservedCall): Pick<Usage, "writeUnits" | "readUnits"> {
  const { operation, input, requestBytes, answerBytes } = call;
  switch (operation) {
    case "PutItem":
      return { readUnits: 0, writeUnits: kilobytes(itemBytes(recordOf(input["Item"]))) };
    case "UpdateItem":
    case "DeleteItem":
      // The item itself is not in the call: as large as the call is more than these items are.
      return { readUnits: 0, writeUnits: kilobytes(requestBytes) };
    case "BatchWriteItem":
      return { readUnits: 0, writeUnits: sum(requestsOf(input).map(writeUnitsOf)) };
    case "BatchGetItem":
      return { writeUnits: 0, readUnits: batchReadUnits(input, answerBytes) };
    default: {
      const perUnit = input["ConsistentRead"] === true ? 4_096 : 8_192;
      return { writeUnits: 0, readUnits: Math.max(1, Math.ceil(answerBytes / perUnit)) };
    }
  }
}

const requestsOf = (input: ObservedCall["input"]): readonly unknown[] =>
  Object.values(recordOf(input["RequestItems"])).flatMap((requests) => (Array.isArray(requests) ? requests : []));

function writeUnitsOf(request: unknown): number {
  const { PutRequest } = recordOf(request);
  return PutRequest === undefined ? 1 : kilobytes(itemBytes(recordOf(recordOf(PutRequest)["Item"])));
}

/** Each item is rounded up by itself: at least a unit when read consistently, and half a unit otherwise. */
function batchReadUnits(input: ObservedCall["input"], answerBytes: number): number {
  const tables = Object.values(recordOf(input["RequestItems"])).map(recordOf);
  const least = sum(
    tables.map(
      ({ Keys, ConsistentRead }) => (Array.isArray(Keys) ? Keys.length : 0) * (ConsistentRead === true ? 1 : 0.5),
    ),
  );
  return Math.max(least, Math.ceil(answerBytes / 8_192));
}

/** The size of an item, as DynamoDB's guide "Item sizes and formats" gives it: names and texts in UTF-8, a list or map three bytes more. */
export const itemBytes = (item: Readonly<Record<string, unknown>>): number =>
  sum(Object.entries(item).map(([name, value]) => Buffer.byteLength(name) + valueBytes(value)));

function valueBytes(value: unknown): number {
  const [[type, held] = []] = Object.entries(recordOf(value));
  if (type === "S") return Buffer.byteLength(String(held));
  if (type === "N") return Math.ceil(String(held).length / 2) + 1;
  if (type === "L" && Array.isArray(held)) return 3 + sum(held.map((one) => 1 + valueBytes(one)));
  if (type === "M") return 3 + itemBytes(recordOf(held)) + Object.keys(recordOf(held)).length;
  if (type === "B") return Math.ceil((String(held).length * 3) / 4);
  return 1;
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};
const sum = (amounts: readonly number[]): number => amounts.reduce((total, one) => total + one, 0);
const kilobytes = (bytes: number): number => Math.max(1, Math.ceil(bytes / 1_024));

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
