import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Commit } from "../../functions/adapters/git/commits.ts";
import { asBytes } from "../../functions/adapters/git/encodings.ts";
import { type GitSha, Sqid } from "../../functions/contracts/ids.ts";
import { merged, squashed } from "../../functions/runway/commit-messages.ts";
import { gitUri } from "../adapters/git/sandbox.ts";

const sha = (n: number) => String(n).padStart(40, "0") as GitSha;
const at = (ref: string) => ({ uri: gitUri(ref, sha(9)), sha: sha(9), ref, sqid: Sqid.parse("q/7") });
const change = at("refs/heads/feature");
const OURS = `Submitqueue-Request: q/7\nSubmitqueue-Change: ${change.uri}\n`;
const ADA = "Ada <ada@example.test>";
const BOB = "Bob <bob@example.test>";

let count = 0;
const commit = (message: string, author = ADA, more: Partial<Commit> = {}): Commit => ({
  ...{ sha: sha(++count), tree: sha(1), parents: [sha(2)], committer: `${BOB} 1700000000 +0000` },
  author: asBytes(`${author} 1700000000 +0100`),
  message: asBytes(message),
  ...more,
});
const merge = (message: string, author: string) => commit(message, author, { parents: [sha(2), sha(3)] });

function told(commits: readonly Commit[], of: typeof change & { said?: string } = change) {
  const result = squashed(of, commits);
  if (result.kind !== "told") throw new Error(`untold: ${result.commit.encoding}`);
  const { text } = result;
  return { ...text, message: Buffer.from(text.message, "latin1").toString("utf8"), bytes: text.message };
}

const trailersOf = (message: string): string[] =>
  spawnSync("git", ["interpret-trailers", "--no-divider", "--parse"], {
    input: message,
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" },
    encoding: "utf8",
  })
    .stdout.split("\n")
    .filter(Boolean);

describe("a change that comes with a message of its own", () => {
  const said = { ...change, said: "Count the tries (#12)\n\nThey were not counted.\n" };

  it.each([
    ["one commit", [commit("wip\n\nSigned-off-by: Ada <ada@example.test>\n")]],
    ["several commits", [commit("wip\n\nSigned-off-by: Ada <ada@example.test>\n"), commit("fixup! wip")]],
  ])("keeps it, with the trailers of its %s", (_what, commits) => {
    expect(told(commits, said).message).toBe(
      `Count the tries (#12)\n\nThey were not counted.\n\nSigned-off-by: Ada <ada@example.test>\n${OURS}`,
    );
  });

  it("keeps trailers of its own, names each once, and credits the other authors", () => {
    const text = "Count (#12)\n\nWhy.\n\nReviewed-by: Cyd <cyd@example.test>\nSigned-off-by: Ada <ada@example.test>";
    const commits = [commit("a\n\nsigned-off-by: ada <ADA@example.test>\n", BOB), commit("b")];
    const { message } = told(commits, { ...change, said: text });
    expect(trailersOf(message)).toEqual([
      "Reviewed-by: Cyd <cyd@example.test>",
      "Signed-off-by: Ada <ada@example.test>",
      `Co-authored-by: ${BOB}`,
      ...OURS.trim().split("\n"),
    ]);
    expect(message.startsWith("Count (#12)\n\nWhy.\n\nReviewed-by")).toBe(true);
  });

  it("that is empty has a title all the same", () => {
    expect(told([commit("wip")], { ...change, said: "" }).message).toBe(`(no message)\n\n${OURS}`);
  });

  it("beside commits in an encoding that can't be read keeps the commits' message", () => {
    const { message, encoding } = told([commit("wip", ADA, { encoding: "x-none", message: "\xff wip" })], said);
    expect([encoding, message.includes("Count")]).toEqual(["x-none", false]);
  });
});

describe("the message of a single commit", () => {
  it.each([
    ["a body and trailers", "Fix it\n\nBecause.\n\nSigned-off-by: Ada <ada@example.test>\nFixes: #12\n", "\n"],
    ["no body", "Fix it\n", "\n\n"],
    ["no line break at its end", "Fix it", "\n\n\n"],
    ["trailers and no body", "Fix it\n\nSigned-off-by: Ada <ada@example.test>\n", "\n"],
    ["a body that looks like a trailer and is none", "Fix it\n\nNote: this is prose, and\nit goes on here.\n", "\n\n"],
    ["comment characters", "Fix #12\n\n#12 was wrong\n# and so was this\nbecause.\n", "\n\n"],
    ["a folded trailer", "Fix it\n\nReviewed-by: Bob\n  <bob@example.test>\n", "\n"],
    ["a subject of two lines", "Fix it,\nand that\n\nBody.\n", "\n\n"],
  ])("is kept whole, with the queue's trailers in its last block: %s", (_what, message) => {
    const { message: made } = told([commit(message)]);
    expect(made.startsWith(message.trimEnd())).toBe(true);
    expect(made.slice(message.trimEnd().length).trimStart()).toBe(OURS);
    expect(trailersOf(made)).toEqual([...trailersOf(message), ...OURS.trim().split("\n")]);
  });

  it("keeps its line breaks, of every kind", () => {
    const message = "Fix it\r\n\r\nBody.\r\n\r\nSigned-off-by: Ada <ada@example.test>\r\n";
    expect(told([commit(message)]).message).toBe(`${message.trimEnd()}\n${OURS}`);
  });

  it("keeps bytes that are no UTF-8, and an encoding with its name", () => {
    const bytes = "gr\xf6\xdfer\n";
    expect(told([commit("", ADA, { message: bytes })]).bytes).toBe(`gr\xf6\xdfer\n\n${OURS}`);
    const author = "J\xf6rg <j@x> 1 +0000";
    const named = told([commit("", ADA, { message: bytes, author, encoding: "x-unheard-of" })]);
    expect(named).toMatchObject({ encoding: "x-unheard-of", author, bytes: `gr\xf6\xdfer\n\n${OURS}` });
  });

  it("says that there was none when there was none", () => {
    expect(told([commit("")]).message).toBe(`(no message)\n\n${OURS}`);
    expect(told([commit("\n\n")]).message).toBe(`(no message)\n\n${OURS}`);
  });

  it("credits who merged the trunk into the change, too", () => {
    const { author, message } = told([commit("Fix it\n\nBody.\n"), merge("Merge main", BOB)]);
    expect(author).toContain(ADA);
    expect(message).toBe(`Fix it\n\nBody.\n\nCo-authored-by: ${BOB}\n${OURS}`);
  });
});

describe("the message of several commits", () => {
  it("has every subject and body, and one block of trailers", () => {
    const { author, message } = told([
      commit("Count the tries\n\nThey were not counted.\n\nSigned-off-by: Ada <ada@example.test>\nFixes: #12\n", ADA),
      commit("Name them\n", BOB),
      commit("Count from one\n\nZero is no try.\n\nSigned-off-by: Ada <ada@example.test>\nReviewed-by: Cleo <c@x>\n"),
    ]);
    expect(author).toBe(`${ADA} 1700000000 +0100`);
    expect(message).toBe(
      [
        "Count the tries\n",
        "* Count the tries\n\nThey were not counted.\n",
        "* Name them\n",
        "* Count from one\n\nZero is no try.\n",
        "Signed-off-by: Ada <ada@example.test>\nFixes: #12\nReviewed-by: Cleo <c@x>",
        `Co-authored-by: ${BOB}\n${OURS}`,
      ].join("\n"),
    );
  });

  it("credits every other author once, however the name is spelt, and no author as a co-author of their own commit", () => {
    const { message } = told([
      commit("1\n\nCo-authored-by: Dora <dora@example.test>\n", BOB),
      commit("2\n\nco-authored-by: ADA L. <ADA@example.test>\n", "Robert <BOB@example.test>"),
      commit("3\n\nCo-Authored-By: dora <Dora@Example.test>\n", "Dora <dora@example.test>"),
      commit("4\n", ADA),
    ]);
    expect(trailersOf(message).filter((one) => /^co-authored-by/i.test(one))).toEqual([
      "Co-authored-by: Dora <dora@example.test>",
      `Co-authored-by: ${BOB}`,
    ]);
  });

  it("keeps trailers in order, and drops a repeat that differs in case alone", () => {
    const { message } = told([
      commit("1\n\nSigned-off-by: Ada <ada@example.test>\nsigned-off-by: Bob <bob@example.test>\n"),
      commit("2\n\nSigned-Off-By: ada <ADA@example.test>\nSigned-off-by: Cleo <c@x>\nFixes: #12\n"),
      commit("3\n\nFixes: #12\nFixes: #13\n"),
    ]);
    expect(trailersOf(message).slice(0, -2)).toEqual([
      "Signed-off-by: Ada <ada@example.test>",
      "signed-off-by: Bob <bob@example.test>",
      "Signed-off-by: Cleo <c@x>",
      "Fixes: #12",
      "Fixes: #13",
    ]);
  });

  it.each([
    [["fixup! Add x", "Add x", "Name y"], "Add x"],
    [["squash! Add x", "fixup! fixup! Add x"], "Add x"],
    [["", "Add x"], "(no message)"],
    [["", ""], "(no message)"],
  ])("of %j is titled %s, and lists them all", (subjects, title) => {
    const lines = told(subjects.map((subject) => commit(`${subject}\n`))).message.split("\n");
    expect(lines[0]).toBe(title);
    expect(lines.slice(2, 2 + subjects.length)).toEqual(subjects.map((subject) => `* ${subject || "(no message)"}`));
  });

  it("brings every encoding into one, by its name", () => {
    const { author, message, encoding } = told([
      commit("", ADA, { encoding: "ISO-8859-1", message: "gr\xf6\xdfer\n\nSigned-off-by: J\xf6rg <j@x>\n" }),
      commit("", ADA, { encoding: "Shift_JIS", message: "\x93\xfa\x96{\n" }),
      commit("", ADA, { encoding: "windows-1251", author: "\xc8\xe2\xe0\xed <i@x> 1 +0300", message: "\xe4\xe0\n" }),
      commit("schön\n", ADA, { encoding: "UTF-8" }),
      commit("", ADA, { encoding: "ISO-8859-1", author: "J\xf6rg <joerg@x> 1 +0100", message: "\xfc\n" }),
    ]);
    expect(encoding).toBeUndefined();
    expect(Buffer.from(author, "latin1").toString()).toBe("Jörg <joerg@x> 1 +0100");
    expect(message).toContain("* größer\n* 日本\n* да\n* schön\n* ü\n");
    expect(message).toContain("Signed-off-by: Jörg <j@x>\n");
    expect(message).toContain("Co-authored-by: Иван <i@x>\n");
  });

  it("in one encoding that can't be read stays in it; beside another it names the commit", () => {
    const strange = (text: string) => commit("", ADA, { message: text, encoding: "x-unheard-of" });
    const kept = told([strange("\xf6\n"), strange("\xdf\n")]);
    expect(kept).toMatchObject({ encoding: "x-unheard-of", bytes: `\xf6\n\n* \xf6\n* \xdf\n\n${OURS}` });
    const odd = strange("\xf6\n");
    expect(squashed(change, [commit("one\n"), odd])).toEqual({ kind: "untold", commit: odd });
    expect(told([commit("one\n"), strange("plain\n")]).message).toContain("* plain\n");
  });

  it("tells git all trailers of all commits, with every message", () => {
    const line = fc.constantFrom(
      "words",
      "a: b",
      "Signed-off-by: A <a@x>",
      "Fixes: #1",
      "# note",
      " more",
      "",
      "- x: y",
    );
    const message = fc.array(line, { minLength: 1, maxLength: 8 }).map((lines) => `s\n${lines.join("\n")}\n`);
    fc.assert(
      fc.property(fc.array(message, { minLength: 2, maxLength: 3 }), (messages) => {
        const made = told(messages.map((one) => commit(one))).message;
        const lower = (trailers: readonly string[]) => new Set(trailers.map((one) => one.toLowerCase()));
        const theirs = messages.flatMap(trailersOf);
        expect(lower(trailersOf(made))).toEqual(lower([...theirs, ...OURS.trim().split("\n")]));
        const words = (text: string) => new Set(text.split(/\s+/));
        expect([...words(messages.join("\n"))].filter((word) => !words(made).has(word))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe("the message of a merge", () => {
  const made = (head: Commit, ref = "refs/heads/枝") => merged(at(ref), head, "main");

  it("credits an author whose name is in another encoding, by that encoding's name", () => {
    const head = commit("x\n", ADA, { encoding: "windows-1251", author: "\xc8\xe2\xe0\xed <i@x> 1 +0300" });
    expect(made(head)).toMatchObject({
      kind: "told",
      text: { encoding: undefined, author: asBytes("Иван <i@x> 1 +0300") },
    });
  });

  it("keeps an encoding that can't be read, unless the branch's name can't be written in it", () => {
    const head = commit("x\n", ADA, { encoding: "x-unheard-of", author: "\xf6 <o@x> 1 +0000" });
    expect(made(head, "refs/heads/plain")).toMatchObject({ text: { encoding: "x-unheard-of", author: head.author } });
    expect(made(head)).toEqual({ kind: "untold", commit: head });
  });
});
