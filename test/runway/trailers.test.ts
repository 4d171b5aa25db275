import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseMessage, withTrailers } from "../../functions/runway/trailers.ts";

const ENV = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
const git = (input: string, ...args: string[]): string =>
  spawnSync("git", ["interpret-trailers", "--no-divider", ...args], { input, env: ENV, encoding: "utf8" }).stdout;
const byGit = (message: string) => git(message, "--parse").split("\n").filter(Boolean);
const byUs = (message: string) => parseMessage(message).trailers.map(({ key, value }) => `${key}: ${value}`.trim());

const line = fc.constantFrom(
  "subject",
  "some words: and more",
  "Signed-off-by: Ada <ada@x>",
  "signed-off-by: Bob <bob@x>",
  "Fixes: #12",
  "Key:value",
  "Spaced key : v",
  "(cherry picked from commit 12ab)",
  "# a comment",
  "#12 fixes: it",
  " indented",
  "\tindented: too",
  "https://example.test/x",
  "Conflicts:",
  "- a list item",
  "*: star",
  "---",
  "",
  "",
  " ",
  "Empty:",
  "Signed-off-by: CR <cr@x>\r",
  "\r",
);
const message = fc
  .tuple(fc.array(line, { maxLength: 9 }), fc.constantFrom("", "\n", "\n\n"))
  .map(([lines, end]) => lines.join("\n") + end);

it("finds the trailers that git finds", () => {
  fc.assert(
    fc.property(message, (text) => {
      expect([text, byUs(text)]).toEqual([text, byGit(text).map((one) => one.trim())]);
    }),
    { numRuns: 300 },
  );
});

it("loses no line of a message: each is in the rest or in a trailer", () => {
  fc.assert(
    fc.property(message, (text) => {
      const { rest, trailers } = parseMessage(text);
      const said = (one: string) => one.split(/\s+/).filter(Boolean).toSorted();
      expect(said([rest, ...trailers.map((trailer) => trailer.text)].join("\n"))).toEqual(said(text));
    }),
  );
});

it("adds a trailer where git adds it, and changes nothing else", () => {
  fc.assert(
    fc.property(message, (text) => {
      // git drops comments from what it rewrites, and reads its own result differently then.
      fc.pre(/^[^#\s]/.test(text) && !/^(#|Conflicts:)/m.test(text));
      const ours = withTrailers(text, ["Queue: q/1"]);
      const theirs = git(`${text.trimEnd()}\n`, "--if-exists", "add", "--where", "end", "--trailer", "Queue: q/1");
      expect([text, byGit(ours)]).toEqual([text, byGit(theirs)]);
      expect(ours.replace("Queue: q/1\n", "").replace(/\s+/g, "")).toBe(text.replace(/\s+/g, ""));
    }),
    { numRuns: 100 },
  );
});
