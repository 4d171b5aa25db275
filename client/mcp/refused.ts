import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { ERROR_CODES, type ErrorCode } from "../../functions/contracts/errors.ts";
import { ApiError } from "../api-error.ts";
import { UsageError } from "../cli/usage-error.ts";
import { NEXT_BY_ERROR } from "./next-steps.ts";

/** What a tool answers, and the command line under `--json`, when it can't do what it was asked for. */
export interface Refusal {
  readonly code: string;
  readonly sentence: string;
  readonly next: string;
}

/**
 * The result of the work, or a result with isError when the API refuses it, can't be reached, the input makes no sense, or the work fails
 * otherwise.
 */
export async function refused(work: () => Promise<CallToolResult>): Promise<CallToolResult> {
  try {
    return await work();
  } catch (error) {
    const refusal = refusalOf(error);
    // No structured content: clients hold it against the schema of the tool's output, which a refusal is not.
    return { isError: true, content: [{ type: "text", text: JSON.stringify(refusal) }] };
  }
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof UsageError)
    return { code: "usage", sentence: error.message, next: "Do what the sentence says, and call again." };
  if (!(error instanceof ApiError) || error.failure.kind !== "refused") {
    const code = error instanceof ApiError ? error.failure.kind : "internal";
    const sentence = error instanceof Error ? error.message : String(error);
    return { code, sentence, next: "Call again in a minute. If that fails too, tell a person." };
  }
  const code = error.code ?? String(error.failure.status);
  const sentence = error.failure.problem?.detail ?? error.message;
  const again = code in ERROR_CODES && ERROR_CODES[code as ErrorCode].retry;
  const next = NEXT_BY_ERROR[code as ErrorCode] ?? (again ? "Call again in a minute." : "Do what the sentence says.");
  return { code, sentence, next };
}
