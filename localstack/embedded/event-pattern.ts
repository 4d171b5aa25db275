import { z } from "zod";

/**
 * Which events a rule of EventBridge is for: by field, the values of which one must be there. What else EventBridge knows (prefixes,
 * ranges) does not run here, and is refused when the template is read.
 */
export type EventPattern = { readonly [field: string]: EventPattern | readonly (string | number | boolean | null)[] };

export const EventPattern: z.ZodType<EventPattern> = z.lazy(() =>
  z.record(
    z.string(),
    z.union([z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])).readonly(), EventPattern]),
  ),
);

/** True when every field of the pattern is in the event with one of the pattern's values; a list matches by any of its members. */
export function matches(pattern: EventPattern, event: unknown): boolean {
  if (typeof event !== "object" || event === null) return false;
  const fields = new Map<string, unknown>(Object.entries(event));
  return Object.entries(pattern).every(([name, wanted]) => {
    const found = fields.get(name);
    if (!isValues(wanted)) return matches(wanted, found);
    return [found].flat().some((value) => wanted.some((one) => one === value));
  });
}

const isValues = (wanted: EventPattern[string]): wanted is readonly (string | number | boolean | null)[] =>
  Array.isArray(wanted);
