import { stripVTControlCharacters } from "node:util";
import { MAX_MESSAGE } from "./build-runner.ts";

/** The last whole lines of what a build printed, as plain text of at most MAX_MESSAGE characters. */
export function endOfText(printed: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: whatever a build prints, a reason is text.
  const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
  const text = stripVTControlCharacters(printed).replace(unprintable, "").trimEnd();
  if (text.length <= MAX_MESSAGE) return text;
  const end = text.slice(-MAX_MESSAGE);
  const cut = end.indexOf("\n");
  return cut === -1 ? end : end.slice(cut + 1);
}
