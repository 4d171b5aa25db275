import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { LandOutcome } from "../../functions/contracts/messages/landing-messages.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { committedBy, emailOf, nameOf } from "../../functions/runway/identities.ts";
import { gitUri, Sandbox, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";
import { Runway } from "./runway.ts";

interface Raw {
  /** With their keyword, without line breaks. */
  readonly headers?: readonly string[];
  readonly message?: string;
  readonly parent?: string;
  /** The sandbox of the test when absent. */
  readonly on?: Sandbox;
}

const AUTHOR = "author A <a@x> 1700000000 +0000";
let count = 0;
/** A commit of any bytes (one latin1 character each) on top of the base, on a branch of its own. */
function raw({ headers = [AUTHOR], message = "x\n", on = sandbox, parent = on.base }: Raw): string {
  const ref = `refs/heads/raw-${++count}`;
  const tree = on.tree(on.commit("refs/heads/tree", { files: { [`f${count}`]: "x\n" } }, parent));
  const head = ["tree ", tree, "\nparent ", parent, "\n", headers.map((header) => `${header}\n`).join("")].join("");
  const committed = headers.some((header) => header.startsWith("committer"))
    ? ""
    : "committer C <c@x> 1800000000 +0000\n";
  const text = head.replace(/(encoding .*\n)?$/, (encoding) => `${committed}${encoding}`);
  on.point(ref, on.store("commit", Buffer.from(`${text}\n${message}`, "latin1")));
  return ref;
}

const headerIn = (commit: string, name: string) => new RegExp(`^${name} (.*)$`, "m").exec(commit)?.[1];

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

  describe("that git itself would not write", () => {
    const cases = LINES.flatMap(([what, line]) => STRATEGIES.map((strategy) => [what, strategy, line] as const));
    /** What became of a change with each of the lines, all landed in one push: its outcome, and the bytes of its commit. */
    let ends: readonly { readonly outcome: LandOutcome; readonly commit: string }[] = [];
    beforeAll(async () => {
      const shared = new Sandbox();
      const units = cases.map(([_what, strategy, line], n) => {
        const ref = raw({ headers: [`author ${line}`], on: shared });
        return unit(n + 1, [gitUri(ref, shared.at(ref) ?? "")], strategy);
      });
      shared.intrude();
      const outcomes = await (await Runway.on(shared)).landTogether(units);
      ends = outcomes.map((outcome) => ({
        outcome,
        commit: outcome.kind === "landed" ? shared.bytes(outcome.commit).toString("latin1") : "",
      }));
      expect(shared.git("rev-list", "--first-parent", "--count", `${shared.base}..main`)).toBe(`${cases.length + 1}`);
      shared.remove();
    });

    it.each(cases.map((one, n) => [...one, n] as const))(
      "with %s goes on byte for byte with %s",
      async (_what, _strategy, line, n) => {
        expect(ends[n]?.outcome).toMatchObject({ kind: "landed" });
        expect(headerIn(ends[n]?.commit ?? "", "author")).toBe(line);
        expect(headerIn(ends[n]?.commit ?? "", "committer")).toBe("The Queue <queue@example.test> 1800000000 +0000");
      },
    );
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

describe("an author's line", () => {
  withRunway();

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
  withRunway();

  it.each([
    ["UTF-8", "sch\xc3\xb6n", "J\xc3\xb6rg", "schön", "Jörg"],
    ["ISO-8859-1", "sch\xf6n", "J\xf6rg", "schön", "Jörg"],
    ["Shift_JIS", "\x93\xfa\x96{", "\x93c\x92\x86", "日本", "田中"],
    ["windows-1251", "\xe4\xe0", "\xc8\xe2\xe0\xed", "да", "Иван"],
    ["EUC-JP", "\xc6\xfc\xcb\xdc", "\xc5\xc4\xc3\xe6", "日本", "田中"],
    ["koi8-r", "\xc4\xc1", "\xe9\xd7\xc1\xce", "да", "Иван"],
  ])("%s reads right after a rebase, a squash of several and a merge", async (encoding, subject, name, text, who) => {
    const strategies = ["REBASE", "SQUASH_REBASE", "MERGE"] as const;
    const units = strategies.map((strategy, n) => {
      const headers = [`author ${name} <j@x> 1700000000 +0000`, `encoding ${encoding}`];
      const first = raw({ headers, message: `${subject}\n` });
      const ref =
        strategy === "REBASE" ? first : raw({ headers, message: "second\n", parent: sandbox.at(first) ?? "" });
      return unit(n + 1, [gitUri(ref, sandbox.at(ref) ?? "")], strategy);
    });
    sandbox.intrude();
    const landed = (await runway.landTogether(units)).map((outcome) => outcome.kind === "landed" && outcome.commit);
    const read = sandbox.git("log", "--no-walk=unsorted", "--format=%an%n%s", ...landed.map(String)).split("\n");
    expect(read).toEqual([who, text, who, text, who, expect.stringMatching(/^Merge /)]);
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
    const conflicting = sandbox.store("commit", Buffer.from(`${head}\n${subject}\n`, "latin1"));
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
