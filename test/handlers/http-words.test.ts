import { describe, expect, it } from "vitest";
import * as z from "zod";
import { LandBody } from "../../functions/contracts/api/land-call.ts";
import { TrendsQuery } from "../../functions/contracts/api/queue-calls.ts";
import { ListQuery, PriorityBody } from "../../functions/contracts/api/request-calls.ts";
import { faultsOf, pointer } from "../../functions/handlers/http-problem.ts";
import { inWords } from "../../functions/handlers/http-words.ts";

const said = (schema: z.ZodType, value: unknown): readonly string[] => {
  const { error } = schema.safeParse(value, { error: inWords });
  return error === undefined ? [] : faultsOf(error, pointer).map(({ at, message }) => `${at} ${message}`);
};
const MOMENT = "a moment in UTC with milliseconds, as 2026-11-26T09:30:00.000Z";

describe("the words about a value that a schema refuses", () => {
  it.each<[string, z.ZodType, unknown, string]>([
    ["a field that is missing", LandBody, {}, "/changes is missing: it must be a list"],
    ["a text for a list", LandBody, { changes: "x" }, "/changes must be a list, and is a text"],
    ["null for a body", LandBody, null, " must be an object, and is null"],
    ["a list for a body", LandBody, [], " must be an object, and is a list"],
    ["true for a number", PriorityBody, { priority: true }, "/priority must be a number, and is true"],
    ["a half", PriorityBody, { priority: 0.5 }, "/priority must be a whole number, and is 0.5"],
    ["a number below the least", z.object({ n: z.int().min(2) }), { n: 1 }, "/n at least 2"],
    ["a text that is too long", z.object({ n: z.string().max(3) }), { n: "four" }, "/n at most 3 characters"],
    ["a list that is too short", z.object({ n: z.array(z.string()).min(1) }), { n: [] }, "/n at least 1 entry"],
    ["a value of no list of values", TrendsQuery, { by: "year" }, "/by must be one of hour, day, week"],
    ["a day for a moment", ListQuery, { since: "2026-11-26" }, `/since ${MOMENT}`],
  ])("%s", (_, schema, value, words) => {
    expect(said(schema, value)).toContain(words);
  });

  it("leave a sentence of the schema's own as it is", () => {
    expect(said(LandBody, { changes: [] })).toEqual(["/changes name at least one change"]);
  });
});
