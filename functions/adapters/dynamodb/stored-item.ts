import * as z from "zod";
import { CodedError } from "../../contracts/errors.ts";

/** An item of DynamoDB: its keys, its time to live, and the fields of the store. */
export type Item = Readonly<Record<string, unknown>>;

/** The format (`v`) of every item that the orchestrator writes. To be raised when an older release would misread new items. */
export const FORMAT = 1;

/** An item without `v` is read as format 1. */
const Versioned = z.looseObject({ v: z.int().positive().default(FORMAT) });

/**
 * The item, parsed by its schema. Throws store.unreadable when the item does not fit the schema or has a newer format. The error's message
 * names the item (`what`) and says what is wrong with it.
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

/** Is called with store.unreadable for each item that is left out of a list. */
export type OnUnreadable = (error: CodedError) => void;

/**
 * What `read` makes of an item, as a list of one. When the item can't be read, an empty list, and the error is given to `onUnreadable`: one such
 * item, of a newer release perhaps, keeps none of the others from being read.
 */
export function readableIn<T>(item: Item, read: (item: Item) => T, onUnreadable: OnUnreadable): readonly T[] {
  try {
    return [read(item)];
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== "store.unreadable") throw error;
    onUnreadable(error);
    return [];
  }
}
