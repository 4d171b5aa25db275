import fc from "fast-check";
import type { ApiDocument, Located } from "./api-document.ts";

/** A call of one operation of the API document, fit or unfit. */
export interface FuzzedCall {
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** Values that the schemas allow and no generator finds: by the name of the schema, parameter or field. */
export type Known = Readonly<Record<string, readonly unknown[]>>;

const ANYTHING = fc.oneof(
  fc.json({ maxDepth: 2 }),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "null",
    "0",
    "-1",
    "1e400",
    '""',
    "[]",
    "{}",
    "\ud800",
    "\u0000",
    "../..",
    "%",
    "%00",
    "%ff",
    "a".repeat(3_000),
  ),
);

/** Calls of the operations of a document: values that its schemas allow, near misses, and nonsense. */
export function anyCallOf(
  document: ApiDocument,
  operations: readonly Located[],
  known: Known,
): fc.Arbitrary<FuzzedCall> {
  const schemas = (document.components as { schemas: Readonly<Record<string, Schema>> }).schemas;
  const anyValueOf = (schema: Schema, name: string): fc.Arbitrary<unknown> => {
    const shared = schema.$ref?.slice(schema.$ref.lastIndexOf("/") + 1);
    const values = known[name] ?? (shared === undefined ? undefined : known[shared]);
    const made = shared === undefined ? anyOfSchema(schema, name) : anyValueOf(schemas[shared] ?? {}, shared);
    return values === undefined ? made : fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...values) }, made);
  };
  const anyOfSchema = (schema: Schema, name: string): fc.Arbitrary<unknown> => {
    const { enum: values, anyOf, items, properties, type, pattern, format } = schema;
    if (values !== undefined) return fc.constantFrom(...values);
    if (anyOf !== undefined) return fc.oneof(...anyOf.map((option) => anyValueOf(option, name)));
    if (items !== undefined)
      return fc.uniqueArray(anyValueOf(items, name), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    if (properties !== undefined)
      return fc.record(
        Object.fromEntries(Object.entries(properties).map(([key, field]) => [key, anyValueOf(field, key)])),
        { requiredKeys: [...(schema.required ?? [])] },
      );
    if (type === "boolean") return fc.boolean();
    if (type === "integer" || type === "number")
      return fc.integer({ min: schema.minimum ?? -5, max: Math.min(schema.maximum ?? 200, 1_000_000) });
    if (format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
    if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
    return fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 50, 600) });
  };

  /** Mostly what the schema allows. */
  const mostly = (schema: Schema, name: string): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 6, arbitrary: anyValueOf(schema, name) }, { weight: 1, arbitrary: ANYTHING });

  const callOf = ({ method, path, operation }: Located): fc.Arbitrary<FuzzedCall> => {
    const { operationId, parameters = [], requestBody } = operation;
    const named = (place: string) =>
      fc.record(
        Object.fromEntries(
          parameters.filter((one) => one.in === place).map(({ name, schema }) => [name, mostly(schema, name)]),
        ),
        { requiredKeys: place === "path" ? undefined : [] } as { requiredKeys: [] },
      );
    const body = requestBody?.content["application/json"]?.schema as Schema | undefined;
    return fc
      .record({
        path: named("path"),
        query: fc.tuple(
          named("query"),
          fc.oneof(
            { weight: 9, arbitrary: fc.constant(null) },
            { weight: 1, arbitrary: fc.tuple(fc.string(), fc.string()) },
          ),
        ),
        header: named("header"),
        body: body === undefined ? fc.constant(undefined) : bodyOf(body),
        type: fc.oneof(
          { weight: 9, arbitrary: fc.constant("application/json") },
          {
            weight: 1,
            arbitrary: fc.constantFrom(
              "text/plain",
              "",
              "application/json; charset=utf-16",
              "application/x-www-form-urlencoded",
            ),
          },
        ),
        raw: fc.boolean(),
      })
      .map(({ path: segments, query: [query, stray], header, body: text, type, raw }) => {
        const at = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
          segmentOf((segments as Record<string, unknown>)[name]),
        );
        const pairs = [...Object.entries(query), ...(stray === null ? [] : [stray])];
        const encode = raw ? encodeURI : encodeURIComponent;
        const search = pairs
          .map(([name, value]) => `${encoded(name, encode)}=${encoded(String(value), encode)}`)
          .join("&");
        return {
          id: operationId,
          method: method.toUpperCase(),
          target: search === "" ? at : `${at}?${search}`,
          headers: {
            ...(method === "get" ? {} : { "content-type": type }),
            ...Object.fromEntries(Object.entries(header).map(([name, value]) => [name, headerOf(String(value))])),
          },
          ...(text === undefined ? {} : { body: text }),
        };
      });
  };

  /** Bodies as text: fit ones, ones with a wrong or an unknown field, and what is no JSON. */
  const bodyOf = (schema: Schema): fc.Arbitrary<string | undefined> => {
    const fit = anyValueOf(schema, "").map((value) => JSON.stringify(value));
    const spoilt = fc
      .tuple(anyValueOf(schema, ""), fc.string(), fc.jsonValue())
      .map(([value, key, other]) => JSON.stringify({ ...(value as object), [key]: other }));
    const replaced = fc.tuple(anyValueOf(schema, ""), fc.nat(), fc.jsonValue()).map(([value, at, other]) => {
      const keys = Object.keys(value as object);
      const key = keys[at % Math.max(1, keys.length)];
      return JSON.stringify(key === undefined ? value : { ...(value as object), [key]: other });
    });
    return fc.oneof(
      { weight: 5, arbitrary: fit },
      { weight: 2, arbitrary: spoilt },
      { weight: 3, arbitrary: replaced },
      { weight: 1, arbitrary: ANYTHING },
      { weight: 1, arbitrary: fc.constant(undefined) },
    );
  };
  return fc.oneof(...operations.map(callOf));
}

/** A segment of a path: what a client can send. An empty one, or a dot, would make the path that of another operation. */
function segmentOf(value: unknown): string {
  const text = encoded(String(value), encodeURIComponent);
  return text === "" || text === "." || text === ".." ? "x" : text;
}

const encoded = (text: string, encode: (text: string) => string): string => encode(text.toWellFormed());

/** A header holds visible characters of ASCII. */
const headerOf = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?").trim() || "?";
