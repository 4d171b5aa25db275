import type { Context } from "aws-lambda";
import { awsClients, type Clients } from "../adapters/aws-clients.ts";
import type { Env } from "../adapters/settings.ts";
import { CodedError } from "../contracts/errors.ts";

export type LambdaContext = Context;
export type LambdaHandler = (event: unknown, context: LambdaContext) => Promise<unknown>;
/** Builds a handler from its environment and clients. Throws config.invalid when a variable is missing. */
export type Wire = (env: Env, clients: Clients) => LambdaHandler;

/** The exported `handler` of a handler file: wired at import on Lambda; anywhere else it throws config.invalid when called. */
export function onLambda(wire: Wire): LambdaHandler {
  const { AWS_LAMBDA_FUNCTION_NAME } = process.env;
  if (AWS_LAMBDA_FUNCTION_NAME !== undefined) return wire(process.env, awsClients(process.env));
  return async () => {
    throw new CodedError("config.invalid", "this is not Lambda: build the handler with wire(env, clients)");
  };
}
