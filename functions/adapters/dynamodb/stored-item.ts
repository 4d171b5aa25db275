import { z } from "zod";
import { CodedError } from "../../contracts/errors.ts";

/** What DynamoDB keeps: keys, TTL, and what the store put in. */
export type Item = Readonly<Record<string, unknown>>;

/** The format of every item that the orchestrator writes. It goes up when an older reader would misread an item. */
export const FORMAT = 1;

/** An item without `v` is from before items had one, and is read as format 1. */
const Versioned = z.looseObject({ v: z.int().positive().default(FORMAT) });

/**
 * An item as its schema has it; fields that the schema does not know are ignored or kept, as the schema says. Throws store.unreadable, which
 * names the item and says what is wrong with it.
 */
export function parseItem<T>(schema: z.ZodType<T>, item: Item, what: string): T {
  const versioned = Versioned.safeParse(item);
  if (versioned.success && versioned.data.v > FORMAT)
    throw unreadable(what, `a newer release wrote it, in format ${versioned.data.v}: deploy that release again`);
  const parsed = schema.safeParse(item);
  if (parsed.success) return parsed.data;
  throw unreadable(what, z.prettifyError(parsed.error).replace(/\s+/g, " "));
}

const unreadable = (what: string, why: string): CodedError =>
  new CodedError("store.unreadable", `${what} can't be read: ${why}`);
