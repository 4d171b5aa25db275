import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModeBody } from "../../functions/contracts/api/queue-calls.ts";
import { CancelBody } from "../../functions/contracts/api/request-calls.ts";
import { Sqid } from "../../functions/contracts/ids.ts";
import { LogEvent, statusEvent } from "../../functions/contracts/log-event.ts";
import { Cancel, Control } from "../../functions/contracts/messages/request-messages.ts";
import { Reason, ReasonCode, reasonOf } from "../../functions/contracts/reasons.ts";
import { bytesInAnswer, printable, printableLines } from "../../functions/contracts/text.ts";
import { invalid, problemOf } from "../../functions/handlers/http-problem.ts";

const ESC = "\u001b";
const aSqid = Sqid.parse("q/1");

/** What a terminal or a page would obey, written anew and not as the code under test has it. */
const obeyed = (text: string, allowed = ""): string[] =>
  [...text].filter((character) => {
    const code = character.codePointAt(0) ?? 0;
    if (allowed.includes(character)) return false;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000)) return true;
    return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code === 0x2028;
  });

/** Any UTF-16, lone surrogates and control characters well represented. */
const anyText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0x9f }),
      fc.integer({ min: 0xd800, max: 0xdfff }),
      fc.integer({ min: 0x2020, max: 0x2070 }),
    ),
    { maxLength: 60 },
  )
  .map((units) => String.fromCharCode(...units));

describe("text of others", () => {
  it.each([
    [`a${ESC}[31mb`, "a\\u001b[31mb"],
    ["two\nlines\r\n", "two\\nlines\\r\\n"],
    ["\u0000\u0007\u007f\u009b", "\\u0000\\u0007\\u007f\\u009b"],
    ["user\u202etxt.exe\u2066", "user\\u202etxt.exe\\u2066"],
    ["half \ud83d", "half \\ud83d"],
    ["whole 😀, é, 日本 and \u200d", "whole 😀, é, 日本 and \u200d"],
  ])("is shown as characters that are read and not obeyed: %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it("keeps its lines where it has lines, and nothing else that acts", () => {
    expect(printableLines(`\tok 1\r\n${ESC}[1mfail\rover\n`)).toBe("    ok 1\n\\u001b[1mfail\nover\n");
  });
});

describe("text from outside the queue", () => {
  it("can't act on a reader of a reason, and making it printable twice is making it so once", () => {
    fc.assert(
      fc.property(fc.constantFrom(...ReasonCode.options), anyText, (code, text) => {
        const reason = reasonOf(code, `before ${text}`);
        const isLined = code.startsWith("build.") || code === "trunk.red";
        expect(obeyed(reason.message, isLined ? "\n" : "")).toEqual([]);
        expect(Reason.parse(reason)).toEqual(reason);
        expect(Reason.parse({ code, message: `before ${text}` })).toEqual(reason);
      }),
    );
  });

  it("can't act on a reader of the log", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const details = {
          reason: { code: "merge.conflict" as const, message: `x${text}` },
          metadata: { build_url: text },
        };
        const entry = LogEvent.parse(statusEvent(aSqid, "error", 1 as never, details));
        expect(obeyed(entry.reason?.message ?? "")).toEqual([]);
        expect(obeyed(String(entry.metadata["build_url"]))).toEqual([]);
      }),
    );
  });

  it("can't act on a reader of a note, by every way in which the note comes", () => {
    const land = { v: 1, queue: "q", at: 1 };
    fc.assert(
      fc.property(anyText, (note) => {
        const shown = printable(note);
        expect(ModeBody.parse({ note })).toEqual({ note: shown });
        expect(CancelBody.parse({ reason: note })).toEqual({ reason: shown });
        expect(Cancel.parse({ ...land, kind: "cancel", sqid: aSqid, note }).note).toBe(shown);
        expect(Control.parse({ ...land, kind: "control", mode: "paused", version: 1, note }).note).toBe(shown);
        expect(obeyed(shown)).toEqual([]);
      }),
    );
  });

  it("can't act on a reader of a problem document", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const problem = problemOf(invalid([{ at: `/${text}`, message: `not ${text}` }]), `/v1/${text}`);
        const [fault] = problem.errors ?? [];
        expect(obeyed([problem.instance, problem.detail, fault?.at, fault?.message].join(""))).toEqual([]);
      }),
    );
  });
});

it("a reason of any length is taken, and cut to what a reader reads", () => {
  expect(reasonOf("internal", "x".repeat(9_000)).message).toHaveLength(2_000);
  expect(Reason.parse({ code: "internal", message: "😀".repeat(9_000) }).message).toHaveLength(2_000);
  expect(Reason.safeParse({ code: "internal", message: "" }).success).toBe(false);
});

it("no function makes a reason by hand, past the escaping", () => {
  const files = readdirSync("functions", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const byHand = (source: string) =>
    [...source.matchAll(/\bcode: "([a-z_.]+)",\s*message\b/g)].filter(([, code]) => ReasonCode.safeParse(code).success);
  expect(byHand('return { code: "merge.conflict", message: path };')).toHaveLength(1);
  expect(files.length).toBeGreaterThan(80);
  for (const name of files) expect([name, byHand(readFileSync(join("functions", name), "utf8"))]).toEqual([name, []]);
});

it("the size of a value in an answer counts bytes, and the escapes of the text that holds it", () => {
  for (const value of [{ a: "b" }, { a: "né", b: ['"'] }, [1, null], "名"]) {
    const whole = new TextEncoder().encode(JSON.stringify({ body: JSON.stringify(value) })).length;
    expect(bytesInAnswer(value)).toBe(whole - '{"body":}'.length);
  }
});
