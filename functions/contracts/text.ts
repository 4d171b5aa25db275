import { utf8ToBytes } from "@noble/hashes/utils.js";

/**
 * Characters that do something to a terminal or a page, instead of being read: control characters, line and paragraph separators, marks that
 * reorder text (bidi), lone surrogates (no text at all), and two code points that stand for no character.
 */
const ACTIVE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

const escaped = (character: string): string =>
  SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * Text of others (a path, a ref, a subject, a note) as one line that can be shown anywhere. What acts instead of being read becomes a
 * visible escape: an ESC becomes `\u001b`, a line break `\n`. Printing printed text again changes nothing.
 */
export const printable = (text: string): string => text.replace(ACTIVE, escaped);

/** The same for text that has lines, such as the end of a build's output: line breaks stay, and a tab becomes four spaces. */
export const printableLines = (text: string): string =>
  text.replace(/\r\n?/g, "\n").replaceAll("\t", "    ").split("\n").map(printable).join("\n");

/** A backslash that stands for itself, or what JSON.stringify writes for a lone surrogate: a whole pair is never escaped. */
const BACKSLASH_OR_LONE_SURROGATE = /\\\\|\\ud[89a-f][0-9a-f]{2}/g;

/**
 * JSON text as `JSON.stringify` makes it, with U+FFFD (escaped) in the place of each lone surrogate, since UTF-8 has no bytes for one. AWS
 * takes text in UTF-8 only. The same text when there is no lone surrogate.
 */
export const wellFormedJson = (json: string): string =>
  json.includes("\\ud")
    ? json.replace(BACKSLASH_OR_LONE_SURROGATE, (found) => (found === "\\\\" ? found : "\\ufffd"))
    : json;

/** A copy of a value that JSON can hold, its strings well-formed; the value itself when they are. */
export function wellFormed<T>(value: T): T {
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) return value;
  const fixed = wellFormedJson(json);
  return fixed === json ? value : JSON.parse(fixed);
}

/**
 * JSON in ASCII alone: what is not becomes `\u` escapes, and lone surrogates U+FFFD. One character is one byte, so its length is its size on
 * AWS. SQS refuses some characters, and none of these. Example: `{"note":"né"}` is `{"note":"n\u00e9"}`.
 */
export const asciiJson = (value: unknown): string =>
  wellFormedJson(JSON.stringify(value)).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** The first `most` UTF-16 units of a text, one fewer where that would part a surrogate pair. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most);
}

/** Size in bytes of a text in UTF-8: what AWS counts. */
export const bytesOf = (text: string): number => utf8ToBytes(text).length;

/**
 * How many bytes a value takes in the answer of a function of the API: as JSON within the text of the body, where each quotation mark is
 * escaped, in UTF-8. Example: `{"a":"é"}` takes 13 bytes and the quotation marks of the body.
 */
export const bytesInAnswer = (value: unknown): number => bytesOf(JSON.stringify(JSON.stringify(value)));
