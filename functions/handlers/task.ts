import type * as z from "zod";
import { CodedError } from "../contracts/errors.ts";
import { wellFormed } from "../contracts/text.ts";
import type { LambdaHandler } from "./on-lambda.ts";

/**
 * A task of a workflow. Parses the input, calls `work`, and answers its result with well-formed strings. A CodedError is thrown on with its
 * code as its name, which Retry and Catch clauses of the workflow match. An input that does not parse is message.undecodable, which is final.
 * `complete` fetches the parts of the input that were stored because they were too large.
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
