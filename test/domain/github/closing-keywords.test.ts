import { expect, it } from "vitest";
import { issuesClosedBy } from "../../../functions/domain/github/closing-keywords.ts";

const closedBy = (...texts: string[]) =>
  issuesClosedBy(texts, { here: "acme/shop", web: "github.com" }).map(
    ({ repository, number }) => `${repository}#${number}`,
  );

it.each<[string, string[]]>([
  ["Closes #1", ["acme/shop#1"]],
  ["close #1, closed #2, CLOSES: #3", ["acme/shop#1", "acme/shop#2", "acme/shop#3"]],
  ["fix #1 fixes #2 fixed #3", ["acme/shop#1", "acme/shop#2", "acme/shop#3"]],
  ["resolve #1\nresolves #2\nResolved\n#3", ["acme/shop#1", "acme/shop#2", "acme/shop#3"]],
  ["Fixes acme/docs#4, and fixes #4", ["acme/docs#4", "acme/shop#4"]],
  ["Fixes https://github.com/acme/docs/issues/5.", ["acme/docs#5"]],
  ["fixes #6 (fixes ACME/shop#6)", ["acme/shop#6"]],
  ["Fixes https://git.example/acme/docs/issues/5", []],
  ["Fixes https://github.com/acme/docs/pull/5", []],
  ["see #1, prefix #2, fixing #3, unfixes #4, fix-#5, fixes#6, fixes #7a, fixes #0", []],
  ["Closes #1 and #2", ["acme/shop#1"]],
  ["<!-- Fixes #1 -->\nFixes #2\n<!-- never closed: fixes #3", ["acme/shop#2"]],
  ["`fixes #1`, ``fixes ` #2`` fixes #3", ["acme/shop#3"]],
  ["```\nfixes #1\n```\nfixes #2\n~~~\nfixes #3", ["acme/shop#2"]],
])("%j closes %j", (text, issues) => {
  expect(closedBy(text)).toEqual(issues);
});

it("names an issue once, in the order of the texts", () => {
  expect(closedBy("Fix #2", "", "fix #1\n\nFixes #2")).toEqual(["acme/shop#2", "acme/shop#1"]);
});
