import type { z } from "zod";
import type { LambdaHandler } from "../adapters/clients.ts";
import { CodedError } from "../contracts/errors.ts";

/**
 * A task of a workflow: its input parsed, its result returned as it is. A CodedError passes through under its code as its name,
 * which is what Retry and Catch clauses match; an input that does not parse is message.undecodable, which is final.
 */
export function taskHandler<I, O>(input: z.ZodType<I>, work: (input: I) => Promise<O>): LambdaHandler {
  return async (event) => {
    const parsed = input.safeParse(event);
    if (!parsed.success)
      throw new CodedError("message.undecodable", `the task's input is not what it takes: ${parsed.error.message}`);
    return work(parsed.data);
  };
}
