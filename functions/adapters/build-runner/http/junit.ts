import { failedTestsLine, testName } from "../output.ts";

const CDATA_AND_COMMENTS = /<!\[CDATA\[[\s\S]*?\]\]>|<!--[\s\S]*?-->/g;
const TEST_CASE = /<testcase\b([^>]*?)(\/?)>/g;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

/**
 * One line that names the tests that failed in a JUnit report, or in a piece of one: the first five, and how many more. Empty when none
 * failed. Example: `Failed tests: cart › adds up, cart › is empty.`
 */
export function failedTests(junit: string): string {
  const xml = junit.replaceAll(CDATA_AND_COMMENTS, "");
  const cases = [...xml.matchAll(TEST_CASE)];
  const failed = cases.flatMap(({ index, 0: tag, 1: attributes = "", 2: empty }, n) => {
    if (empty !== "") return [];
    const inside = xml.slice(index + tag.length, cases[n + 1]?.index);
    const [body = ""] = inside.split("</testcase>");
    return /<(failure|error)\b/.test(body) ? [nameOf(attributes)] : [];
  });
  return failedTestsLine(failed);
}

const nameOf = (attributes: string): string => {
  const textOf = (attribute: string) =>
    decoded(new RegExp(`\\b${attribute}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(` ${attributes}`) ?? []);
  // `classname` ends in `name`: a word boundary keeps them apart.
  return testName(textOf("classname"), textOf("name"));
};

const decoded = ([, double, single]: readonly string[]): string =>
  (double ?? single ?? "").replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    if (Number.isNaN(code)) return ENTITIES.get(name) ?? whole;
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
