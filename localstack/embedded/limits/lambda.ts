import { AWS_LIMITS } from "../../../functions/contracts/limits.ts";

const mostBytes = AWS_LIMITS.lambdaPayloadBytes;

/** Lambda's refusals, under the names by which it tells of them. */
class PayloadRefused extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** A value as it passes into a function. Throws when Lambda would not take it. */
export function eventJson(value: unknown): string {
  const json = JSON.stringify(value ?? null);
  if (Buffer.byteLength(json) > mostBytes)
    throw new PayloadRefused(
      "RequestTooLargeException",
      `Request must be smaller than ${mostBytes} bytes for the InvokeFunction operation`,
    );
  return json;
}

/** A value as a function answers it. Throws when Lambda would not hand it on. */
export function answerJson(value: unknown): string {
  const json = JSON.stringify(value ?? null);
  const bytes = Buffer.byteLength(json);
  if (bytes > mostBytes)
    throw new PayloadRefused(
      "Function.ResponseSizeTooLarge",
      `Response payload size (${bytes} bytes) exceeded maximum allowed payload size (${mostBytes} bytes).`,
    );
  return json;
}
