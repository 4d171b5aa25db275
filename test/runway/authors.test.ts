import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GitSha } from "../../functions/contracts/ids.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { committedBy, emailOf, nameOf } from "../../functions/runway/identities.ts";
import { gitUri, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";

withRunway();

interface Raw {
  /** With their keyword, without line breaks. */
  readonly headers?: readonly string[];
  readonly message?: string;
  readonly parent?: string;
}

let count = 0;
/** A commit of any bytes (one latin1 character each) on top of the base, on a branch of its own. */
function raw({ headers = ["author A <a@x> 1700000000 +0000"], message = "x\n", parent = sandbox.base }: Raw): string {
  const ref = `refs/heads/raw-${++count}`;
  const tree = sandbox.tree(sandbox.commit("refs/heads/tree", { files: { [`f${count}`]: "x\n" } }, parent));
  const head = ["tree ", tree, "\nparent ", parent, "\n", headers.map((header) => `${header}\n`).join("")].join("");
  const committed = headers.some((header) => header.startsWith("committer"))
    ? ""
    : "committer C <c@x> 1800000000 +0000\n";
  const text = head.replace(/(encoding .*\n)?$/, (encoding) => `${committed}${encoding}`);
  sandbox.point(ref, store(Buffer.from(`${text}\n${message}`, "latin1")));
  return ref;
}
const store = (body: Buffer): GitSha => sandbox.store("commit", body);

const landed = async (ref: string, strategy: MergeStrategy, n = 1) => {
  const uri = gitUri(ref, sandbox.at(ref) ?? "");
  return runway.landAlone(unit(n, [uri], strategy));
};
/** The bytes of the trunk's commit. */
const bytes = () => sandbox.bytes("main").toString("latin1");
const header = (name: string) => new RegExp(`^${name} (.*)$`, "m").exec(bytes())?.[1];

describe("an author's line", () => {
  const LINES: readonly (readonly [what: string, line: string])[] = [
    ["a zone of six digits", "Ada <ada@x> 1700000000 +051800"],
    ["a date before 1970", "Ada <ada@x> -3600 +0000"],
    ["no zone", "Ada <ada@x> 1700000000"],
    ["no date", "Ada <ada@x>"],
    ["doubled angle brackets", "Ada <<ada@x>> 1700000000 +0000"],
    ["an address in the name", "ada@x <ada@x> <ada@x> 1700000000 +0000"],
    ["no name", " <ada@x> 1700000000 +0000"],
    ["neither name nor address", " <> 1700000000 +0000"],
    ["no brackets", "Ada 1700000000 +0000"],
    ["bytes of no encoding", "\xff\xfe <\x80@x> 1700000000 +0000"],
    ["a date beyond all dates", "Ada <ada@x> 99999999999999999999 +0000"],
    ["a zone in words", "Ada <ada@x> 1700000000 CET"],
  ];
  const STRATEGIES: readonly MergeStrategy[] = ["REBASE", "SQUASH_REBASE", "MERGE"];

  it.each(LINES.flatMap(([what, line]) => STRATEGIES.map((strategy) => [what, strategy, line] as const)))(
    "with %s goes on byte for byte with %s",
    async (_what, strategy, line) => {
      const ref = raw({ headers: [`author ${line}`] });
      sandbox.intrude();
      expect(await landed(ref, strategy)).toMatchObject({ kind: "landed" });
      expect(header("author")).toBe(line);
      expect(header("committer")).toBe("The Queue <queue@example.test> 1800000000 +0000");
    },
  );

  it.each<[string, readonly string[]]>([
    ["that is not there", []],
    ["that is there twice", ["author Ada <ada@x> 1 +0000", "author Bob <bob@x> 1 +0000"]],
    ["that holds a NUL", ["author Ada\0 <ada@x> 1 +0000"]],
  ])("%s is not made up: the change is refused, and the refusal names the commit", async (_what, headers) => {
    const ref = raw({ headers });
    sandbox.intrude();
    const sha = sandbox.at(ref) ?? "";
    for (const strategy of ["REBASE", "SQUASH_REBASE", "MERGE"] as const) {
      const result = await runway.check(unit(1, [gitUri(ref, sha)], strategy));
      expect(result).toMatchObject({ kind: "refused", reason: { code: "merge.invalid" } });
      expect(result.kind === "refused" && result.reason.message).toContain(sha.slice(0, 12));
    }
  });

  it("is split into a name and an address, neither of which holds a bracket", () => {
    const part = fc.constantFrom("Ada", " ", "<", ">", "ada@x", "<a@x>", "1", "é", "  ");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const line = `${parts.join("")} <a@x> 1700000000 +0000`;
        expect(`${nameOf(line)}${emailOf(line)}`).not.toMatch(/[<>]/);
      }),
    );
  });
});

describe("the committer's date", () => {
  const queue = { name: "Q", email: "q@x" };
  it.each([
    ["C <c@x> 1700000000 +0530", "A <a@x> 5 +0000", "1700000000 +0530"],
    ["C <c@x> 1700000000 +051800", "A <a@x> 5 +0000", "1700000000 +0000"],
    ["C <c@x> 1700000000", "A <a@x> 5 +0000", "1700000000 +0000"],
    ["C <c@x> -5 +0000", "A <a@x> 1700000000 +0100", "1700000000 +0100"],
    ["C <c@x>", "A <a@x> 1700000000 +0100", "1700000000 +0100"],
    ["C <<c@x>> 1700000000 +0100", "A <a@x>", "1700000000 +0100"],
  ])("of %s, by an author at %s, is %s", (committer, author, moment) => {
    expect(committedBy(queue, { committer, author })).toBe(`Q <q@x> ${moment}`);
  });
});

describe("text in a named encoding", () => {
  it.each([
    ["UTF-8", "sch\xc3\xb6n", "J\xc3\xb6rg", "schön", "Jörg"],
    ["ISO-8859-1", "sch\xf6n", "J\xf6rg", "schön", "Jörg"],
    ["Shift_JIS", "\x93\xfa\x96{", "\x93c\x92\x86", "日本", "田中"],
    ["windows-1251", "\xe4\xe0", "\xc8\xe2\xe0\xed", "да", "Иван"],
    ["EUC-JP", "\xc6\xfc\xcb\xdc", "\xc5\xc4\xc3\xe6", "日本", "田中"],
    ["koi8-r", "\xc4\xc1", "\xe9\xd7\xc1\xce", "да", "Иван"],
  ])("%s reads right after a rebase, a squash of several and a merge", async (encoding, subject, name, text, who) => {
    for (const [n, strategy] of (["REBASE", "SQUASH_REBASE", "MERGE"] as const).entries()) {
      const headers = [`author ${name} <j@x> 1700000000 +0000`, `encoding ${encoding}`];
      const first = raw({ headers, message: `${subject}\n` });
      const ref =
        strategy === "REBASE" ? first : raw({ headers, message: "second\n", parent: sandbox.at(first) ?? "" });
      sandbox.intrude();
      expect(await landed(ref, strategy, n + 1)).toMatchObject({ kind: "landed" });
      expect(sandbox.git("log", "-1", "--format=%an", "main")).toBe(who);
      if (strategy !== "MERGE") expect(sandbox.git("log", "-1", "--format=%s", "main")).toBe(text);
    }
  });

  it.each([
    ["windows-1251", "\xe4\xe0 <x>", "да <x>"],
    ["x-unheard-of", "sch\xf6n", "sch\\xf6n"],
    [undefined, "sch\xf6n", "sch\\xf6n"],
    [undefined, "sch\xc3\xb6n", "schön"],
    ["UTF-8", "sch\xc3\xb6n\x1b[31m", "schön\\u001b[31m"],
  ])("%s reads right in a refusal, or as bytes: %j", async (encoding, subject, text) => {
    sandbox.intrude({ f: "theirs\n" });
    const sha = sandbox.commit("refs/heads/tree", { files: { f: "mine\n" } }, sandbox.base);
    const who = "A <a@x> 1700000000 +0000";
    const named = encoding === undefined ? "" : `encoding ${encoding}\n`;
    const head = `tree ${sandbox.tree(sha)}\nparent ${sandbox.base}\nauthor ${who}\ncommitter ${who}\n${named}`;
    const conflicting = store(Buffer.from(`${head}\n${subject}\n`, "latin1"));
    sandbox.point("refs/heads/conflicting", conflicting);
    const result = await runway.check(unit(1, [gitUri("refs/heads/conflicting", conflicting)]));
    expect(result.kind === "refused" && result.reason.message).toContain(`(${text})`);
  });

  it("that is unknown is refused where it would have to stand beside another, with the commit's name", async () => {
    const first = raw({ headers: ["author A <a@x> 1700000000 +0000", "encoding x-unheard-of"], message: "sch\xf6n\n" });
    const odd = sandbox.at(first) ?? "";
    const ref = raw({ message: "second\n", parent: odd });
    const uri = gitUri(ref, sandbox.at(ref) ?? "");
    sandbox.intrude();
    const result = await runway.check(unit(1, [uri], "SQUASH_REBASE"));
    expect(result).toMatchObject({ kind: "refused", reason: { code: "merge.invalid" } });
    expect(result.kind === "refused" && result.reason.message).toMatch(new RegExp(`${odd.slice(0, 12)}.*x-unheard-of`));
    expect(await runway.check(unit(1, [uri], "REBASE"))).toMatchObject({ kind: "ok" });
  });
});
