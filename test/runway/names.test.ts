import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ObjectReader } from "../../functions/adapters/git/object-reader.ts";
import { ifPresent, seenRef } from "../../functions/adapters/git/refs.ts";
import { gitUri, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";

withRunway();

const check = (ref: string, sha: string) => runway.check(unit(1, [gitUri(ref, sha)]));

describe("a ref that has moved is seen, with every name", () => {
  it.each([
    ["ends in an emoji", "refs/heads/grow-🌳"],
    ["is one emoji", "refs/heads/🌳"],
    ["ends in a character of two parts", "refs/heads/e\u0301"],
    ["ends in a family of emoji", "refs/heads/👩‍👩‍👧"],
    ["has emoji before its last character", "refs/heads/🌳🌳x"],
    ["ends in a character of the private planes", "refs/heads/x\u{10ffff}"],
    ["has as many bytes as git can store", `refs/heads/${"枝".repeat(83)}`],
    ["holds percent signs and quotes", "refs/heads/100%'(1)!"],
    ["is a pull request's", "refs/pull/7/head"],
    ["is in no usual place", "refs/changes/42/1"],
    ["is HEAD as a branch", "refs/heads/HEAD"],
    ["is one character", "refs/heads/a"],
  ])("and %s", async (_what, ref) => {
    const sha = sandbox.commit(ref, { files: { f: "1\n" } }, sandbox.base);
    expect(await check(ref, sha)).toMatchObject({ kind: "ok" });
    sandbox.commit(ref, { files: { f: "2\n" } });
    expect(await check(ref, sha)).toMatchObject({ kind: "refused", reason: { code: "change.stale" } });
  });

  it("and two names differ in how an accent is composed", async () => {
    const [composed, decomposed] = ["refs/heads/\u00e9", "refs/heads/e\u0301"] as const;
    const one = sandbox.commit(composed, { files: { f: "1\n" } }, sandbox.base);
    const two = sandbox.commit(decomposed, { files: { f: "2\n" } }, sandbox.base);
    expect(await check(composed, one)).toMatchObject({ kind: "ok" });
    expect(await check(decomposed, one)).toMatchObject({ reason: { code: "change.stale" } });
    expect(await check(decomposed, two)).toMatchObject({ kind: "ok" });
  });

  it("and it is a symbolic ref", async () => {
    const sha = sandbox.commit("refs/heads/real", { files: { f: "1\n" } }, sandbox.base);
    sandbox.link("refs/heads/alias", "refs/heads/real");
    expect(await check("refs/heads/alias", sha)).toMatchObject({ kind: "ok" });
    sandbox.commit("refs/heads/real", { files: { f: "2\n" } });
    expect(await check("refs/heads/alias", sha)).toMatchObject({ reason: { code: "change.stale" } });
  });

  it("of any characters", async () => {
    const character = fc.integer({ min: 0x21, max: 0x10ffff }).filter((code) => code < 0xd800 || code > 0xdfff);
    const name = fc
      .array(
        character.map((code) => String.fromCodePoint(code)),
        { minLength: 1, maxLength: 8 },
      )
      .map((characters) => `refs/heads/${characters.join("").replace(/[\p{Cc}~^:?*[\\./@{ ]/gu, "_")}`);
    await fc.assert(
      fc.asyncProperty(name, async (ref) => {
        sandbox.point(ref, sandbox.base);
        const seen = await runway.repository.see([ref]);
        sandbox.delete(ref);
        expect([ref, seen.get(ref)?.sha]).toEqual([ref, sandbox.base]);
        expect(ifPresent(ref).isWellFormed()).toBe(true);
      }),
      { numRuns: 25 },
    );
  });
});

describe("an annotated tag", () => {
  const tag = (name: string, target: string, type = "commit") =>
    sandbox.store(
      "tag",
      Buffer.from(`object ${target}\ntype ${type}\ntag ${name}\ntagger T <t@x> 1700000000 +0000\n\nt\n`),
    );

  it("as the ref stands for the commit behind it, also behind another tag", async () => {
    const sha = sandbox.commit("refs/heads/x", { files: { f: "1\n" } }, sandbox.base);
    const inner = tag("inner", sha);
    sandbox.point("refs/tags/v1", inner);
    sandbox.point("refs/tags/v2", tag("outer", inner, "tag"));
    expect(await check("refs/tags/v1", sha)).toMatchObject({ kind: "ok" });
    expect(await check("refs/tags/v2", sha)).toMatchObject({ kind: "ok" });
    sandbox.point("refs/tags/v2", tag("moved", sandbox.base));
    expect(await check("refs/tags/v2", sha)).toMatchObject({ reason: { code: "change.stale" } });
  });

  it.each(["refs/tags/v1", "refs/heads/x"])(
    "as the pinned commit is refused with the commit to name, under %s",
    async (ref) => {
      const sha = sandbox.commit("refs/heads/x", { files: { f: "1\n" } }, sandbox.base);
      const pinned = tag("outer", tag("inner", sha), "tag");
      sandbox.point("refs/tags/v1", pinned);
      const result = await check("refs/tags/v1", pinned);
      expect(result).toMatchObject({ reason: { code: "change.not_found", message: expect.stringContaining(sha) } });
      expect(await check(ref, pinned)).toMatchObject({ reason: { message: expect.stringMatching(/annotated tag/) } });
    },
  );
});

describe("an object that can't be read", () => {
  it("is an error and not an absence: a name that git finds ambiguous", async () => {
    const answering = (stdout: string) =>
      new ObjectReader(() => ({
        output: [Buffer.from(stdout)][Symbol.iterator]() as unknown as AsyncIterator<Buffer>,
        write: async () => undefined,
        end: async () => undefined,
      }));
    await expect(answering("abc ambiguous\n").readAll(["abc"])).rejects.toMatchObject({ code: "repository.failed" });
    expect(await answering("abc missing\n").readAll(["abc"])).toEqual(new Map());
  });

  it("is worth a retry: a ref that was fetched, and whose object is gone when it is read", async () => {
    const sha = sandbox.commit("refs/heads/x", { files: { f: "1\n" } }, sandbox.base);
    const { repository } = runway;
    const see = repository.see.bind(repository);
    const unreadable = `${seenRef("refs/heads/x")}^{}`;
    repository.see = async (refs, objects) =>
      new Map([...(await see(refs, objects))].filter(([name]) => name !== unreadable));
    await expect(check("refs/heads/x", sha)).rejects.toMatchObject({ code: "repository.unavailable" });
  });
});
