import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { parseMessage, withTrailers } from "../../functions/runway/trailers.ts";

const ENV = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
const directory = mkdtempSync(join(tmpdir(), "trailers-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs `git interpret-trailers` once on many messages, each in a file of its own. Returns what it printed. */
function git(files: readonly string[], ...args: string[]): string {
  const { status, stdout } = spawnSync("git", ["interpret-trailers", "--no-divider", ...args, ...files], {
    env: ENV,
    encoding: "utf8",
  });
  expect(status).toBe(0);
  return stdout;
}
const written = (name: string, text: string): string => {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
};
/** The trailers of each message. One git process. */
function byGit(messages: readonly string[]): readonly (readonly string[])[] {
  const between = written("between", "Between\n\nBetween: messages\n");
  const files = messages.flatMap((message, n) => [written(String(n), message), between]);
  const found = git(files, "--parse").split("Between: messages\n").slice(0, -1);
  expect(found).toHaveLength(messages.length);
  return found.map((lines) => lines.split("\n").filter(Boolean));
}
/** The messages with a trailer at their end. One git process. */
function withTrailerByGit(messages: readonly string[], trailer: string): readonly string[] {
  const files = messages.map((message, n) => written(String(n), message));
  git(files, "--in-place", "--if-exists", "add", "--where", "end", "--trailer", trailer);
  return files.map((file) => readFileSync(file, "utf8"));
}
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
/** A hundred messages: as many as one git process reads. */
const hundred = (each: fc.Arbitrary<string>) => fc.array(each, { minLength: 100, maxLength: 100 });

it("ends a block of Conflicts where git ends it, also when it is the first line", () => {
  const text = "Conflicts:\n\r\nSigned-off-by: Ada <ada@x>\n\n\tindented: too\nConflicts:\n\n";
  expect(byUs(text)).toEqual(["Signed-off-by: Ada <ada@x>"]);
  expect(byGit([text])).toEqual([byUs(text)]);
});

it("finds the trailers that git finds", () => {
  fc.assert(
    fc.property(hundred(message), (texts) => {
      const theirs = byGit(texts);
      texts.forEach((text, n) => {
        expect([text, byUs(text)]).toEqual([text, theirs[n]?.map((one) => one.trim())]);
      });
    }),
    { numRuns: 6, endOnFailure: true },
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

/** False for a message with comments: git drops them from what it rewrites, and reads its own result differently then. */
const isKept = (text: string): boolean => /^[^#\s]/.test(text) && !/^(#|Conflicts:)/m.test(text);

it("adds a trailer where git adds it, and changes nothing else", () => {
  fc.assert(
    fc.property(hundred(message.filter(isKept)), (texts) => {
      const theirs = withTrailerByGit(
        texts.map((text) => `${text.trimEnd()}\n`),
        "Queue: q/1",
      );
      const ours = texts.map((text) => withTrailers(text, ["Queue: q/1"]));
      const [found, wanted] = [byGit(ours), byGit(theirs)];
      texts.forEach((text, n) => {
        expect([text, found[n]]).toEqual([text, wanted[n]]);
        expect(ours[n]?.replace("Queue: q/1\n", "").replace(/\s+/g, "")).toBe(text.replace(/\s+/g, ""));
      });
    }),
    { numRuns: 2, endOnFailure: true },
  );
});
