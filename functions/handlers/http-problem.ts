import { z } from "zod";
import type { Problem } from "../contracts/api.ts";
import { CodedError, type ErrorCode, kindOf } from "../contracts/errors.ts";

/** One thing that is wrong with the input. `at` is a JSON pointer into the body, or the name of a parameter or header. */
export interface Fault {
  readonly at: string;
  readonly message: string;
}

/** An error of the caller's, with everything that is wrong at once. */
export function invalid(faults: readonly Fault[], code: ErrorCode = "request.invalid"): CodedError {
  const shown = faults.slice(0, MOST_FAULTS);
  const sentences = shown.map(({ at, message }) => `${at === "" ? "the body" : at}: ${message}`);
  if (faults.length > MOST_FAULTS) sentences.push(`and ${faults.length - MOST_FAULTS} more`);
  return new CodedError(code, sentences.join("; "), { detail: { errors: shown } });
}

/** A body of 256 KB can have 65,000 faults. An answer that names them all would be too large for Lambda, and for people. */
const MOST_FAULTS = 50;

/**
 * What zod found, placed by `place`: the path within the input as a pointer or a name. A key that does not belong is placed itself. One
 * fault per place, the first: what has the wrong type is of the wrong length too.
 */
export function faultsOf(error: z.ZodError, place: (path: readonly PropertyKey[]) => string): Fault[] {
  const faults = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ at: place([...issue.path, key]), message: "this field is unknown" }))
      : [{ at: place(issue.path), message: issue.message }],
  );
  const places = new Map<string, Fault>();
  for (const fault of faults) if (!places.has(fault.at)) places.set(fault.at, fault);
  return [...places.values()];
}

/** RFC 6901. */
export const pointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const Faults = z.array(z.object({ at: z.string(), message: z.string() }));

/** The problem document of an error. What went wrong on our side stays there: such a document says how to go on, not what happened. */
export function problemOf(error: unknown, instance: string): Problem {
  const code = error instanceof CodedError ? error.code : "internal";
  const { title, status, fault, retry } = kindOf(code);
  const document = { type: `urn:submitqueue:problem:${code}`, title, status, code, instance };
  if (fault === "caller" && error instanceof CodedError) {
    const { errors } = error.detail;
    const faults = Faults.safeParse(errors);
    return { ...document, detail: error.message, ...(faults.success ? { errors: faults.data } : {}) };
  }
  // Its message is written for the caller.
  if (code === "service.overloaded" && error instanceof CodedError) return { ...document, detail: error.message };
  return {
    ...document,
    detail: retry
      ? "It should pass: try the same call again in a moment."
      : "It is not your fault, and has been logged under the id in the x-request-id header.",
  };
}
