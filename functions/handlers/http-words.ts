import type * as z from "zod";

const NOUNS: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "an object",
  string: "a text",
};

/** What a value is: itself when it is short, else by the words of NOUNS. Examples: `null`, `0.5`, `a list`. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  const isShort = value === null || typeof value === "number" || typeof value === "boolean";
  return isShort ? String(value) : (NOUNS[typeof value] ?? typeof value);
}

const UNITS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  string: ["character", "characters"],
  array: ["entry", "entries"],
};

/** `at most 500 characters`, `at least 0`. */
function bound(word: string, origin: string, limit: number | bigint): string {
  const [one, many] = UNITS[origin] ?? ["", ""];
  return `${word} ${limit} ${Number(limit) === 1 ? one : many}`.trim();
}

/**
 * What to send in the place of a value that a schema refuses, for an issue that the schema has no sentence of its own for. Undefined where
 * zod's own words will do. Examples: `must be a list, and is a text`; `must be one of hour, day, week`; `at most 500 characters`.
 */
export function inWords(issue: z.core.$ZodRawIssue): string | undefined {
  const isMissing = issue.input === undefined;
  switch (issue.code) {
    case "invalid_type":
      if (isMissing) return `is missing: it must be ${NOUNS[issue.expected] ?? issue.expected}`;
      return `must be ${NOUNS[issue.expected] ?? issue.expected}, and is ${kindOf(issue.input)}`;
    case "invalid_value":
      return `${isMissing ? "is missing: it " : ""}must be one of ${issue.values.map(String).join(", ")}`;
    case "too_big":
      return bound("at most", issue.origin, issue.maximum);
    case "too_small":
      return bound("at least", issue.origin, issue.minimum);
    case "invalid_format":
      return issue.format === "datetime" ? "a moment in UTC with milliseconds, as 2026-11-26T09:30:00.000Z" : undefined;
    default:
      return undefined;
  }
}
