import { z } from "zod";
import type { Problem } from "../contracts/api.ts";
import { CodedError, type ErrorCode, kindOf } from "../contracts/errors.ts";
import { printable } from "../contracts/text.ts";

/** One thing that is wrong with the input. `at` is a JSON pointer into the body, or the name of a parameter or header. */
export interface Fault {
  readonly at: string;
  readonly message: string;
}

/** An error of the caller's, with everything that is wrong at once. */
export const invalid = (faults: readonly Fault[], code: ErrorCode = "request.invalid"): CodedError =>
  new CodedError(code, faults.map(({ at, message }) => `${at === "" ? "the body" : at}: ${message}`).join("; "), {
    detail: { errors: faults },
  });

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
  return faults.filter(({ at }, index) => faults.findIndex((fault) => fault.at === at) === index);
}

/** RFC 6901. */
export const pointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const Shown = z.string().overwrite(printable);
const Faults = z.array(z.object({ at: Shown, message: Shown }));

/** The problem document of an error. What went wrong on our side stays there: such a document says how to go on, not what happened. */
export function problemOf(error: unknown, instance: string): Problem {
  const code = error instanceof CodedError ? error.code : "internal";
  const { title, status, fault, retry } = kindOf(code);
  const document = { type: `urn:submitqueue:problem:${code}`, title, status, code, instance: printable(instance) };
  if (fault === "caller" && error instanceof CodedError) {
    const { errors } = error.detail;
    const faults = Faults.safeParse(errors);
    return { ...document, detail: printable(error.message), ...(faults.success ? { errors: faults.data } : {}) };
  }
  return {
    ...document,
    detail: retry
      ? "It should pass: try the same call again in a moment."
      : "It is not your fault, and has been logged under the id in the x-request-id header.",
  };
}
