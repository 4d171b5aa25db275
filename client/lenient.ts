import * as z from "zod";
import { printable } from "../functions/contracts/text.ts";

const READERS = new WeakMap<z.core.$ZodType, z.ZodType>();

/**
 * The schema by which a client reads what a newer release of the API may have written. Where `schema` lists names (statuses, codes, modes) or
 * asks for a form (a change URI, an id), the reader takes any text, and makes the text printable. Where `schema` bounds a number or a list, the
 * reader takes any. Fields, their kinds (a text, a number, a list), literals and moments are as `schema` has them. The type of the result is
 * that of `schema`: a reader who looks a name up has to expect a name that the type does not list.
 *
 * Example: the reader of `z.object({ status: z.enum(["open", "shut"]) })` takes `{ status: "ajar" }`, and refuses `{ status: 1 }` and `{}`.
 */
export function lenient<T>(schema: z.ZodType<T>): z.ZodType<T> {
  const known = READERS.get(schema);
  if (known !== undefined) return known as z.ZodType<T>;
  const made = readerOf(schema) as z.ZodType<T>;
  READERS.set(schema, made);
  return made;
}

const within = (schema: z.core.$ZodType): z.ZodType => lenient(schema as z.ZodType);

function readerOf(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodEnum)
    return z
      .string()
      .overwrite(printable)
      .describe(`One of ${schema.options.join(", ")}; a later release may have more.`);
  // A moment is a text of a form too, and is calculated with: no other form would be understood.
  if (schema instanceof z.ZodISODateTime) return schema;
  if (schema instanceof z.ZodString) return readerOfText(schema);
  if (schema instanceof z.ZodNumber) return z.number();
  if (schema instanceof z.ZodArray) return z.array(within(schema.element));
  if (schema instanceof z.ZodRecord) return z.record(z.string(), within(schema.valueType));
  if (schema instanceof z.ZodUnion) return z.union(schema.options.map(within));
  if (schema instanceof z.ZodObject) return readerOfObject(schema);
  if (schema instanceof z.ZodExactOptional) return z.exactOptional(within(schema.unwrap()));
  if (schema instanceof z.ZodOptional) return z.optional(within(schema.unwrap()));
  return schema;
}

/** A text of a form is made printable: without the form it could be anything. Of other texts, only the length is let go. */
function readerOfText(schema: z.ZodString): z.ZodType {
  const checks = schema.def.checks ?? [];
  const named = (...names: readonly string[]) => checks.filter(({ _zod }) => names.includes(_zod.def.check));
  const read = z.string().check(...named("overwrite"));
  return named("string_format", "custom").length === 0 ? read : read.overwrite(printable);
}

/** Keeps what `schema` does beyond its fields, such as making the text of a reason printable. */
const readerOfObject = (schema: z.ZodObject): z.ZodType =>
  z.core.clone(schema, {
    ...schema.def,
    shape: Object.fromEntries(Object.entries(schema.shape).map(([name, field]) => [name, within(field)])),
  });
