import * as z from "zod";
import type { Problem } from "../contracts/api/problem.ts";
import { CodedError, type ErrorCode, kindOf } from "../contracts/errors.ts";
import { printable } from "../contracts/text.ts";

/** One thing that is wrong with the input. `at` is a JSON pointer into the body, or the name of a parameter or header. */
export interface Fault {
  readonly at: string;
  readonly message: string;
}

/** The error that tells the caller everything that is wrong with the input, in one answer. */
export function invalid(faults: readonly Fault[], code: ErrorCode = "request.invalid"): CodedError {
  const shown = faults.slice(0, MOST_FAULTS);
  const sentences = shown.map(({ at, message }) => `${at === "" ? "the body" : at}: ${message}`);
  if (faults.length > MOST_FAULTS) sentences.push(`and ${faults.length - MOST_FAULTS} more`);
  return new CodedError(code, sentences.join("; "), { detail: { errors: shown } });
}

/** A body of 256 KB can have 65,000 faults. An answer that names them all would be too large for Lambda, and for people. */
const MOST_FAULTS = 50;

/**
 * The faults that zod found. `place` turns a path within the input into a pointer or a name. The fault of an unknown key is at that key. One
 * fault per place, the first: a value of the wrong type would be reported for its length too.
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

/** The path as a JSON pointer (RFC 6901). */
export const pointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const Shown = z.string().overwrite(printable);
const Faults = z.array(z.object({ at: Shown, message: Shown }));

/** The problem document of an error. For an error that is not the caller's, the document says how to go on, and nothing about the cause. */
export function problemOf(error: unknown, instance: string): Problem {
  const code = error instanceof CodedError ? error.code : "internal";
  const { title, status, fault, retry } = kindOf(code);
  const document = { type: `urn:submitqueue:problem:${code}`, title, status, code, instance: printable(instance) };
  if (fault === "caller" && error instanceof CodedError) {
    const { errors } = error.detail;
    const faults = Faults.safeParse(errors);
    return { ...document, detail: printable(error.message), ...(faults.success ? { errors: faults.data } : {}) };
  }
  // The message of this error is written for the caller.
  if (code === "service.overloaded" && error instanceof CodedError) return { ...document, detail: error.message };
  return {
    ...document,
    detail: retry
      ? "It should pass: try the same call again in a moment."
      : "It is not your fault, and has been logged under the id in the x-request-id header.",
  };
}
