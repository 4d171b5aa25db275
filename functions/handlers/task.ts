import type { z } from "zod";
import { CodedError } from "../contracts/errors.ts";
import { wellFormed } from "../contracts/text.ts";
import type { LambdaHandler } from "./on-lambda.ts";

/**
 * A task of a workflow: its input parsed, its result returned as it is, but with well-formed strings. A CodedError passes through under its code as its name,
 * which is what Retry and Catch clauses match; an input that does not parse is message.undecodable, which is final. `complete` fetches
 * what of the input did not travel with it.
 */
export function taskHandler<I, O>(
  input: z.ZodType<I>,
  work: (input: I) => Promise<O>,
  complete: (event: unknown) => Promise<unknown> = async (event) => event,
): LambdaHandler {
  return async (event) => {
    const parsed = input.safeParse(await complete(event));
    if (!parsed.success)
      throw new CodedError("message.undecodable", `the task's input is not what it takes: ${parsed.error.message}`);
    return wellFormed(await work(parsed.data));
  };
}
