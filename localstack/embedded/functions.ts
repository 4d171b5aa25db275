import { randomUUID } from "node:crypto";
import { globSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Context } from "aws-lambda";
import type { Logger } from "pino";
import type * as z from "zod";
import type { Clients } from "../../functions/adapters/aws-clients.ts";
import type { LambdaHandler, Wire } from "../../functions/handlers/on-lambda.ts";
import type { FunctionSpec } from "./deployment.ts";
import { answerJson, eventJson } from "./limits/lambda.ts";

/** What passes between functions, topics and workflows. */
export type Json = z.infer<ReturnType<typeof z.json>>;

/** A function that runs here as Lambda would run it. */
export interface LocalFunction {
  readonly spec: FunctionSpec;
  readonly log: Logger;
  /** Event and result pass as JSON. Throws what the handler throws, or Sandbox.Timedout. */
  invoke(event: unknown): Promise<Json>;
}

/** Loads a function's handler and wires it with its own environment and clients. */
export async function loadFunction(
  spec: FunctionSpec,
  root: string,
  environment: Readonly<Record<string, string>>,
  clients: Clients,
): Promise<LocalFunction> {
  const loaded: { wire?: unknown } = await import(pathToFileURL(`${root}/${spec.entry}`).href);
  if (!isWire(loaded.wire)) throw new Error(`${spec.entry} exports no \`wire\``);
  const handler = loaded.wire(environment, clients);
  return { spec, log: clients.log, invoke: (event) => invoke(spec, clients.log, handler, event) };
}

/** Loads the modules of the functions in these rooms of the handlers. A faulty module is told of by `loadFunction`, when its function is to run. */
export async function preloadFunctions(root: string, rooms: readonly string[]): Promise<void> {
  const entries = globSync(`functions/handlers/{${rooms.join()}}/**/*.lambda.ts`, { cwd: root });
  await Promise.allSettled(entries.map((entry) => import(pathToFileURL(`${root}/${entry}`).href)));
}

const isWire = (value: unknown): value is Wire => typeof value === "function";

async function invoke(spec: FunctionSpec, log: Logger, handler: LambdaHandler, event: unknown): Promise<Json> {
  const awsRequestId = randomUUID();
  const deadline = performance.now() + spec.timeoutMs;
  const { promise: overdue, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new TimedOut(spec)), spec.timeoutMs);
  try {
    const context = contextOf(spec, awsRequestId, deadline);
    const result = await Promise.race([handler(JSON.parse(eventJson(event)), context), overdue]);
    return JSON.parse(answerJson(result));
  } catch (err) {
    log.error({ awsRequestId, err }, "invocation failed");
    throw err;
  } finally {
    clearTimeout(timer);
  }
}

/** Lambda would have killed it. Here it goes on in the background, and must bear being started again meanwhile. */
class TimedOut extends Error {
  override readonly name = "Sandbox.Timedout";

  constructor({ id, timeoutMs }: FunctionSpec) {
    super(`${id} timed out after ${timeoutMs / 1_000} seconds`);
  }
}

const contextOf = (spec: FunctionSpec, awsRequestId: string, deadline: number): Context => ({
  awsRequestId,
  functionName: spec.name,
  functionVersion: "$LATEST",
  invokedFunctionArn: spec.arn,
  memoryLimitInMB: String(spec.memoryMb),
  logGroupName: spec.id,
  logStreamName: "local",
  callbackWaitsForEmptyEventLoop: true,
  getRemainingTimeInMillis: () => Math.max(0, Math.round(deadline - performance.now())),
  done: unsupported,
  fail: unsupported,
  succeed: unsupported,
});

const unsupported = (): never => {
  throw new Error("handlers return promises here");
};
