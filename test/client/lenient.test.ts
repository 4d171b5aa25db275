import { describe, expect, it } from "vitest";
import * as z from "zod";
import { lenient } from "../../client/lenient.ts";
import { QueueNow } from "../../client/queue-now.ts";
import { OPERATIONS } from "../../functions/contracts/operations/index.ts";
import { Reason } from "../../functions/contracts/reasons.ts";

/** Each answer of the API, with its example; but the API document, which is of no form. */
const ANSWERS = OPERATIONS.flatMap(({ id, answer, otherwise }) =>
  [answer, ...(otherwise ? [otherwise] : [])].flatMap(({ schema, example }) =>
    schema === undefined || example === undefined || id === "getApiDocument" ? [] : [[id, schema, example] as const],
  ),
);

/** A newer API's answer: each text but moments and literals is one that this release does not list. */
const newer = (value: unknown): unknown => {
  if (typeof value === "string")
    return value === "gateway" || z.iso.datetime().safeParse(value).success ? value : `later:${value}`;
  if (Array.isArray(value)) return value.map(newer);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, newer(one)]));
  return value;
};

describe("reading the answers of a newer API", () => {
  it.each(ANSWERS)("%s: what is not listed here is handed on as it is", (_, schema, example) => {
    const answer = newer(example);
    expect(lenient(schema).parse({ ...(answer as object), fresh: { a: 1 } })).toEqual(answer);
    expect(lenient(schema).parse(example)).toEqual(example);
  });

  it("a queue is read although a request of it, an end and its mode are of a later release", () => {
    const read = lenient(QueueNow).parse({
      ...{ name: "main", repository: "r", branch: "main", strategy: "OCTOPUS", mode: "frozen" },
      requests: [
        {
          ...{ sqid: "main/7", status: "resting", changes: ["pijul://h/r/x"], receivedAt: "2026-11-25T10:00:00.000Z" },
          ...{ blocker: "moon", sentence: "Waits.", builds: [{ state: "dreaming" }] },
        },
      ],
      recent: [
        {
          sqid: "main/6",
          status: "superseded",
          reason: { code: "change.old", message: "m" },
          endedAt: "2026-11-25T10:00:00.000Z",
        },
      ],
    });
    expect(read).toMatchObject({
      mode: "frozen",
      requests: [{ status: "resting", blocker: "moon", builds: [{ state: "dreaming" }] }],
      recent: [{ status: "superseded", reason: { code: "change.old" } }],
    });
  });

  it("a text that is not listed can't act on a terminal, and neither can the message of its reason", () => {
    const Answer = z.object({ status: z.enum(["open"]), id: z.string().regex(/^a$/) });
    expect(lenient(Answer).parse({ status: "a\u001b[2J", id: "b\n" })).toEqual({ status: "a\\u001b[2J", id: "b\\n" });
    expect(lenient(Reason).parse({ code: "x.new", message: "one\ntwo\u001b[2J" })).toEqual({
      code: "x.new",
      message: "one\\ntwo\\u001b[2J",
    });
  });

  it("the lines of a build's output stay", () => {
    const failed = { code: "build.failed", message: "Failed tests: cart.\n1 of 9 failed" };
    expect(lenient(Reason).parse(failed)).toEqual(failed);
  });

  it("an answer that lacks a field, or has it of another kind, is none of this API", () => {
    const Answer = z.object({ status: z.enum(["open"]), n: z.int().max(3), of: z.literal("us") });
    expect(lenient(Answer).safeParse({ status: "ajar", n: 9, of: "us" }).success).toBe(true);
    for (const wrong of [
      {},
      { status: 1, n: 1, of: "us" },
      { status: "open", n: "1", of: "us" },
      { status: "open", n: 1, of: "them" },
    ])
      expect(lenient(Answer).safeParse(wrong).success).toBe(false);
  });
});
