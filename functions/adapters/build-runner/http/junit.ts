const CDATA_AND_COMMENTS = /<!\[CDATA\[[\s\S]*?\]\]>|<!--[\s\S]*?-->/g;
const TEST_CASE = /<testcase\b([^>]*?)(\/?)>/g;
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const SHOWN = 5;

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
  if (failed.length === 0) return "";
  const more = failed.length > SHOWN ? ` and ${failed.length - SHOWN} more` : "";
  return `Failed tests: ${failed.slice(0, SHOWN).join(", ")}${more}.`;
}

const nameOf = (attributes: string): string => {
  const textOf = (attribute: string) =>
    decoded(new RegExp(`\\b${attribute}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(` ${attributes}`) ?? []);
  // `classname` ends in `name`: a word boundary keeps them apart.
  const [suite, name] = [textOf("classname"), textOf("name")];
  return (
    [suite, name]
      .filter((part) => part !== "")
      .join(" › ")
      .slice(0, 200) || "a test without a name"
  );
};

const decoded = ([, double, single]: readonly string[]): string =>
  (double ?? single ?? "").replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    if (Number.isNaN(code)) return ENTITIES[name] ?? whole;
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
