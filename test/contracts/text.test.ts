import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asciiJson, bytesOf, cut, wellFormed, wellFormedJson } from "../../functions/contracts/text.ts";

/** Any UTF-16 at all: control characters, characters outside the Basic Multilingual Plane, lone surrogates, backslashes. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc
    .array(fc.oneof(fc.constantFrom(0x5c, 0x75, 0x64, 0x22, 0xd83d, 0xde00), fc.nat(0xffff)), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units)),
);

const deeply = (value: unknown): unknown => {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(deeply);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), deeply(item)]));
};

describe("JSON in ASCII", () => {
  it("holds ASCII alone, and reads back as the well-formed text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = asciiJson({ text });
        expect(json).toMatch(/^[\x20-\x7e]*$/);
        expect(JSON.parse(json)).toEqual({ text: text.toWellFormed() });
        expect(json.length).toBe(bytesOf(json));
      }),
    );
  });

  it("keeps an escape that is written out: a backslash, a u and four digits are text", () => {
    expect(JSON.parse(asciiJson("\\ud800"))).toBe("\\ud800");
    expect(JSON.parse(asciiJson("\\\\ud83d"))).toBe("\\\\ud83d");
    expect(JSON.parse(asciiJson("\\\ud800"))).toBe("\\\ufffd");
  });
});

describe("a well-formed copy", () => {
  it("has U+FFFD for each lone surrogate, in values and names, and is the value itself when there is none", () => {
    fc.assert(
      fc.property(fc.dictionary(anyText, fc.oneof(anyText, fc.array(anyText), fc.integer())), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as object;
        expect(wellFormed(plain)).toEqual(JSON.parse(JSON.stringify(deeply(plain))));
        if (wellFormedJson(JSON.stringify(plain)) === JSON.stringify(plain)) expect(wellFormed(plain)).toBe(plain);
      }),
    );
    expect(wellFormed(undefined)).toBeUndefined();
  });
});

describe("a text that is cut", () => {
  it("is the beginning of the text, no longer than asked, and parts no surrogate pair", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 20 }), (text, most) => {
        const short = cut(text, most);
        expect(text.startsWith(short)).toBe(true);
        expect(short.length).toBeLessThanOrEqual(most);
        expect(short.length).toBeGreaterThanOrEqual(Math.min(text.length, most) - 1);
        expect(short.isWellFormed()).toBe(true);
      }),
    );
  });
});
