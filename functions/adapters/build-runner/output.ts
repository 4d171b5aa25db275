import { stripVTControlCharacters } from "node:util";
import { cut } from "../../contracts/text.ts";
import { MAX_MESSAGE } from "./build-runner.ts";

const SHOWN_TESTS = 5;

/**
 * One line that names the tests that failed: the first five, and how many more. Empty when none failed. `count` is how many failed in all,
 * where more failed than are named. Example: `Failed tests: cart › adds up, cart › is empty and 3 more.`
 */
export function failedTestsLine(names: readonly string[], count = names.length): string {
  if (names.length === 0) return "";
  const shown = names.slice(0, SHOWN_TESTS);
  const more = count > shown.length ? ` and ${count - shown.length} more` : "";
  return `Failed tests: ${shown.join(", ")}${more}.`;
}

/** The name of a test within its suite, on one line of at most 120 characters. Example: `cart › adds up`. */
export const testName = (suite: string, name: string): string =>
  cut(
    [suite, name]
      .map((part) => part.replaceAll(/\s+/g, " ").trim())
      .filter((part) => part !== "")
      .join(" › "),
    120,
  ) || "a test without a name";

/** The last whole lines of what a build printed, as plain text of at most `most` characters. */
export function endOfText(printed: string, most = MAX_MESSAGE): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a build may print control characters, and a reason is text.
  const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
  const text = stripVTControlCharacters(printed).replace(unprintable, "").trimEnd();
  if (text.length <= most) return text;
  // Not the second half of a surrogate pair.
  const end = text.slice(-most).replace(/^[\udc00-\udfff]/, "");
  return end.slice(end.indexOf("\n") + 1);
}
