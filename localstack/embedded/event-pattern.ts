import * as z from "zod";

/** One way in which a value may match: equal to it, or as an operator says. */
type Alternative = (value: unknown) => boolean;

/** Whether an event matches. */
export type Matcher = (event: unknown) => boolean;

const Scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const Prefix = z.strictObject({ prefix: z.string() });
const AnythingBut = z.strictObject({ "anything-but": z.union([Scalar, z.array(Scalar), Prefix]) });
const Exists = z.strictObject({ exists: z.boolean() });

/**
 * The matcher of an EventBridge event pattern: values, `prefix`, `anything-but` (a value, values or a prefix) and `exists`. Every field of a
 * pattern has to match, and one of its alternatives is enough. Of a list in an event, one element is enough. Throws for any other operator.
 * Example: `{"detail": {"type": [{"prefix": "dev.submitqueue.request."}]}}`.
 */
export function matcherOf(pattern: unknown): Matcher {
  const fields = Object.entries(z.record(z.string(), z.unknown()).parse(pattern)).map(([name, value]) => {
    const matches = Array.isArray(value) ? anyOf(value.map(alternativeOf)) : matcherOf(value);
    return (event: unknown) => matches(fieldOf(event, name));
  });
  return (event) => fields.every((matches) => matches(event));
}

const fieldOf = (event: unknown, name: string): unknown =>
  typeof event === "object" && event !== null && Object.hasOwn(event, name)
    ? (event as Record<string, unknown>)[name]
    : undefined;

const anyOf =
  (alternatives: readonly Alternative[]): Matcher =>
  (value) =>
    alternatives.some((matches) => (Array.isArray(value) ? value.some(matches) : matches(value)));

function alternativeOf(written: unknown): Alternative {
  const scalar = Scalar.safeParse(written);
  if (scalar.success) return (value) => value === scalar.data;
  const prefix = Prefix.safeParse(written);
  if (prefix.success) return startsWith(prefix.data.prefix);
  const exists = Exists.safeParse(written);
  if (exists.success) return (value) => (value !== undefined) === exists.data.exists;
  const anythingBut = AnythingBut.safeParse(written);
  if (!anythingBut.success) throw new Error(`the event pattern ${JSON.stringify(written)} is not understood here`);
  const excluded = anythingBut.data["anything-but"];
  const isExcluded =
    typeof excluded === "object" && excluded !== null && "prefix" in excluded
      ? startsWith(excluded.prefix)
      : (value: unknown) => [excluded].flat().some((one) => one === value);
  return (value) => value !== undefined && !isExcluded(value);
}

const startsWith =
  (prefix: string): Alternative =>
  (value) =>
    typeof value === "string" && value.startsWith(prefix);
