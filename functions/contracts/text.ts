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

/** The beginning of a text, at most `max` UTF-16 units of it, and never half a character. */
export const clipped = (text: string, max: number): string =>
  text.length <= max ? text : text.slice(0, max).replace(/[\ud800-\udbff]$/, "");
