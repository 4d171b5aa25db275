import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { LandOutcome } from "../../functions/contracts/messages/landing-messages.ts";
import type { MergeUnit } from "../../functions/contracts/messages/merge-unit.ts";
import type { CheckResult } from "../../functions/contracts/messages/runway-tasks.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";

withRunway();

const lines = (changed: Readonly<Record<number, string>>, count = 30) =>
  `${Array.from({ length: count }, (_, n) => changed[n] ?? `line ${n}`).join("\n")}\n`;
const files = (commit = "refs/heads/main") => sandbox.git("ls-tree", "-r", "--name-only", commit).split("\n");
const reasonOf = (result: CheckResult | LandOutcome) => (result.kind === "refused" ? result.reason : undefined);
/** git itself, in a worktree of its own: the tree that it makes of the trunk and a commit; undefined when it reports a conflict. */
const gitMerges = (commit: string): string | undefined => {
  try {
    return sandbox.git("merge-tree", "--write-tree", "main", commit);
  } catch {
    return undefined;
  }
};

describe("REBASE of a branch with merge commits", () => {
  it("lands what a merge commit adds by itself: a file that the author added while following a rename on the trunk", async () => {
    const fork = sandbox.intrude({ "old.ts": lines({}) });
    const [start] = sandbox.commits("refs/heads/feature", [{ files: { "old.ts": lines({ 3: "mine" }) } }], fork);
    const news = sandbox.commit("refs/heads/main", { files: { "old.ts": null, "new.ts": lines({}) }, message: "move" });
    const merge = { "old.ts": null, "new.ts": lines({ 3: "mine" }), "added.ts": "added\n" };
    const uri = sandbox.branch(
      "feature",
      [
        { files: merge, merges: news, message: "Merge main into feature" },
        { files: { more: "m\n" }, message: "more" },
      ],
      start,
    );
    sandbox.intrude({ elsewhere: "e\n" });
    const expected = gitMerges(uri.slice(-40));
    const outcome = await runway.landAlone(unit(1, [uri]));
    expect(outcome).toMatchObject({ kind: "landed" });
    expect(files()).toEqual(["README.md", "added.ts", "elsewhere", "more", "new.ts"]);
    expect(sandbox.show("new.ts")).toBe(lines({ 3: "mine" }).trim());
    expect(sandbox.tree("main")).toBe(expected);
    expect(sandbox.log().slice(-2)).toEqual(["Merge main into feature", "more"]);
    expect(sandbox.git("log", "--merges", "--format=%s", "main")).toBe("");
  });

  it("refuses a merge that resolved a conflict in the branch's favour and more, and names it and the strategies that keep it", async () => {
    const [start] = sandbox.commits("refs/heads/feature", [{ files: { f: "mine\n" }, message: "f" }], sandbox.base);
    const news = sandbox.intrude({ f: "theirs\n" });
    const resolution = { files: { f: "both\n" }, merges: news, message: "Merge main, by hand" };
    const uri = sandbox.branch("feature", [resolution], start);
    sandbox.intrude({ more: "m\n" });
    const reason = reasonOf(await runway.check(unit(1, [uri])));
    expect(reason).toMatchObject({ code: "merge.conflict", message: expect.stringContaining(uri.slice(-40, -28)) });
    expect(reason?.message).toMatch(/Merge main, by hand.*SQUASH_REBASE or MERGE/s);
    for (const [n, strategy] of (["SQUASH_REBASE", "MERGE"] as const).entries()) {
      const trunk = sandbox.trunk;
      expect(await runway.landAlone(unit(n + 2, [uri], strategy))).toMatchObject({ kind: "landed" });
      expect(sandbox.show("f")).toBe("both");
      sandbox.point("refs/heads/main", trunk);
    }
  });

  it("refuses when a merge that resolved a conflict of two side branches also added something", async () => {
    const [one] = sandbox.commits("refs/heads/one", [{ files: { f: "one\n" } }], sandbox.base);
    const [two] = sandbox.commits("refs/heads/two", [{ files: { f: "two\n" } }], sandbox.base);
    const uri = sandbox.branch(
      "both",
      [{ files: { f: "one and two\n", g: "g\n" }, merges: two ?? "", message: "join" }],
      one,
    );
    sandbox.intrude();
    const reason = reasonOf(await runway.check(unit(1, [uri])));
    expect(reason).toMatchObject({ code: "merge.conflict", message: expect.stringMatching(/join.*MERGE/s) });
    await runway.landAlone(unit(2, [uri], "SQUASH_REBASE"));
    expect([sandbox.show("f"), sandbox.show("g")]).toEqual(["one and two", "g"]);
  });

  it("lands a branch that merged the trunk again and again, as its commits alone", async () => {
    let at: string = sandbox.base;
    for (const n of [1, 2, 3]) {
      const own = sandbox.commit("refs/heads/feature", { files: { [`f${n}`]: `${n}\n` }, message: `f${n}` }, at);
      const news = sandbox.intrude({ [`n${n}`]: `${n}\n` });
      const theirs = Object.fromEntries([1, 2, 3].slice(0, n).map((m) => [`n${m}`, `${m}\n`]));
      at = sandbox.commit("refs/heads/feature", { files: theirs, merges: news, message: `merge ${n}` }, own);
    }
    const uri = sandbox.branch("feature", [{ files: { last: "l\n" }, message: "last" }], at);
    sandbox.intrude({ after: "a\n" });
    const expected = gitMerges(uri.slice(-40));
    expect(await runway.landAlone(unit(1, [uri]))).toMatchObject({ kind: "landed" });
    expect(sandbox.tree("main")).toBe(expected);
    expect(sandbox.log().slice(4)).toEqual(["f1", "f2", "f3", "last"]);
  });

  it("lands a branch that merged another branch, with the commits of both", async () => {
    const [side] = sandbox.commits("refs/heads/side", [{ files: { side: "s\n" }, message: "side" }], sandbox.base);
    const [own] = sandbox.commits("refs/heads/feature", [{ files: { own: "o\n" }, message: "own" }], sandbox.base);
    const uri = sandbox.branch("feature", [{ files: { side: "s\n" }, merges: side ?? "", message: "merge side" }], own);
    sandbox.intrude();
    await runway.landAlone(unit(1, [uri]));
    expect(sandbox.log()).toEqual(["pushed by hand", "own", "side"]);
    expect(files()).toEqual(expect.arrayContaining(["own", "side"]));
  });

  it("drops what a merge with `-s ours` dropped: the other side does not reach the trunk's tree", async () => {
    const [side] = sandbox.commits("refs/heads/side", [{ files: { side: "s\n" }, message: "side" }], sandbox.base);
    const [own] = sandbox.commits("refs/heads/feature", [{ files: { own: "o\n" }, message: "own" }], sandbox.base);
    const uri = sandbox.branch("feature", [{ merges: side ?? "", message: "supersede side" }], own);
    sandbox.intrude();
    const expected = gitMerges(uri.slice(-40));
    expect(await runway.landAlone(unit(1, [uri]))).toMatchObject({ kind: "landed" });
    expect(sandbox.tree("main")).toBe(expected);
    expect(files()).not.toContain("side");
  });

  it("lands the rest of a branch that the trunk and it have merged into each other", async () => {
    const part = sandbox.branch("part", [{ files: { part: "p\n" }, message: "part" }], sandbox.base);
    const news = sandbox.intrude({ n: "1\n" });
    await runway.landAlone(unit(1, [part], "MERGE"));
    const evil = { files: { n: "1\n", own: "o\n" }, merges: news, message: "merge the news" };
    const uri = sandbox.branch("feature", [evil, { files: { part: "more\n" }, message: "more" }], part.slice(-40));
    sandbox.intrude();
    const expected = gitMerges(uri.slice(-40));
    expect(await runway.landAlone(unit(2, [uri]))).toMatchObject({ kind: "landed" });
    expect(sandbox.tree("main")).toBe(expected);
    expect([sandbox.show("own"), sandbox.show("part")]).toEqual(["o", "more"]);
  });

  it("lands an octopus merge that adds something of its own", async () => {
    const sides = ["a", "b"].map((name) =>
      sandbox.commit(`refs/heads/${name}`, { files: { [name]: "1\n" } }, sandbox.base),
    );
    const [own] = sandbox.commits("refs/heads/feature", [{ files: { own: "o\n" } }], sandbox.base);
    const merge = { files: { a: "1\n", b: "1\n", extra: "e\n" }, merges: sides, message: "octopus" };
    const uri = sandbox.branch("feature", [merge], own);
    sandbox.intrude();
    expect(await runway.landAlone(unit(1, [uri]))).toMatchObject({ kind: "landed" });
    expect(files()).toEqual(expect.arrayContaining(["a", "b", "extra", "own"]));
    expect(sandbox.log().at(-1)).toBe("octopus");
  });

  it("takes two merges with content of their own in their order, and a commit that builds on the first", async () => {
    const [own] = sandbox.commits("refs/heads/feature", [{ files: { own: "o\n" } }], sandbox.base);
    const one = sandbox.intrude({ n1: "1\n" });
    const evil = sandbox.commit(
      "refs/heads/feature",
      { files: { n1: "1\n", e: lines({}) }, merges: one, message: "e" },
      own,
    );
    const built = sandbox.commit("refs/heads/feature", { files: { e: lines({ 2: "built" }) }, message: "built" }, evil);
    const two = sandbox.intrude({ n2: "2\n" });
    const last = { files: { n2: "2\n", e: lines({ 2: "built", 20: "last" }) }, merges: two, message: "last" };
    const uri = sandbox.branch("feature", [last], built);
    sandbox.intrude();
    await runway.landAlone(unit(1, [uri]));
    expect(sandbox.show("e")).toBe(lines({ 2: "built", 20: "last" }).trim());
    expect(sandbox.log().slice(-3)).toEqual(["e", "built", "last"]);
  });

  it("is stacked on by a change that is measured from the merge with content of its own", async () => {
    const [own] = sandbox.commits("refs/heads/lower", [{ files: { own: "o\n" } }], sandbox.base);
    const news = sandbox.intrude({ n: "1\n" });
    const lower = sandbox.branch("lower", [{ files: { n: "1\n", e: "e\n" }, merges: news, message: "e" }], own);
    const upper = sandbox.branch("upper", [{ files: { e: "upper\n" }, message: "upper" }], lower.slice(-40));
    sandbox.intrude();
    await runway.landAlone(unit(1, [lower, upper]));
    expect(sandbox.show("e")).toBe("upper");
  });
});

describe("REBASE, held against the merge of the whole", () => {
  it("lands a change and its revert on the branch, as they are", async () => {
    const steps = [{ files: { f: "1\n" } }, { files: { f: null } }, { files: { g: "g\n" } }];
    const uri = sandbox.branch("back", steps);
    sandbox.intrude();
    await runway.landAlone(unit(1, [uri]));
    expect(files()).toEqual(["README.md", "g", "intruder"]);
    expect(sandbox.log()).toHaveLength(4);
  });

  it("does not take back from the trunk what the branch added and took back, when the trunk has added the same", async () => {
    const steps = [{ files: { f: "1\n" } }, { files: { f: null } }, { files: { g: "g\n" } }];
    const uri = sandbox.branch("back", steps);
    sandbox.intrude({ f: "1\n" });
    const reason = reasonOf(await runway.check(unit(1, [uri])));
    expect(reason).toMatchObject({
      code: "merge.invalid",
      message: expect.stringMatching(/in f:.*SQUASH_REBASE or MERGE/s),
    });
    await runway.landAlone(unit(2, [uri], "SQUASH_REBASE"));
    expect(files()).toEqual(["README.md", "f", "g"]);
  });

  it("lands nothing when the trunk holds the whole, though its commits by themselves would conflict", async () => {
    const uri = sandbox.branch("whole", [{ files: { f: "1\n" } }, { files: { f: "2\n" } }]);
    const trunk = sandbox.intrude({ f: "2\n" });
    expect(await runway.landAlone(unit(1, [uri]))).toMatchObject({ kind: "landed", commit: trunk, commits: [] });
  });

  it("lands commits that fit by themselves though the whole does not: a rename, then more edits than a rename survives", async () => {
    sandbox.intrude({ x: lines({}) });
    const rewritten = lines(Object.fromEntries(Array.from({ length: 24 }, (_, n) => [n, `new ${n}`])));
    const uri = sandbox.branch("moved", [{ files: { x: null, y: lines({}) } }, { files: { y: rewritten } }]);
    sandbox.intrude({ x: lines({ 29: "trunk" }) });
    expect(gitMerges(uri.slice(-40))).toBeUndefined();
    await runway.landAlone(unit(1, [uri]));
    expect(sandbox.show("y")).toBe(`${rewritten.trim().replace("line 29", "trunk")}`);
    expect(files()).not.toContain("x");
  });

  it("says which strategies would do when a commit conflicts that a later one settles", async () => {
    const uri = sandbox.branch("settled", [
      { files: { f: "1\n" }, message: "first" },
      { files: { f: "2\n", g: "g\n" } },
    ]);
    sandbox.intrude({ f: "2\n" });
    const reason = reasonOf(await runway.check(unit(1, [uri])));
    expect(reason).toMatchObject({
      code: "merge.conflict",
      message: expect.stringMatching(/first.*SQUASH_REBASE or MERGE/s),
    });
    expect(await runway.check(unit(1, [uri], "SQUASH_REBASE"))).toMatchObject({ kind: "ok" });
  });
});

/** Two edits of one file, far apart: they merge, unless an attribute says otherwise. */
const farApart = (
  attributes: { trunk?: Record<string, string>; change?: Record<string, string>; both?: Record<string, string> },
  path = "f",
): MergeUnit["steps"][number]["changes"][number] => {
  sandbox.intrude({ [path]: lines({}), ...attributes.both });
  const uri = sandbox.branch("edit", [{ files: { [path]: lines({ 2: "change" }), ...attributes.change } }]);
  sandbox.intrude({ [path]: lines({ 27: "trunk" }), ...attributes.trunk });
  return uri;
};

describe(".gitattributes", () => {
  const STRATEGIES: readonly MergeStrategy[] = ["REBASE", "SQUASH_REBASE", "MERGE"];
  it.each(STRATEGIES)("%s: two edits of a file with -merge are a conflict, as for git", async (strategy) => {
    const uri = farApart({ both: { ".gitattributes": "f -merge\n" } });
    const reason = reasonOf(await runway.check(unit(1, [uri], strategy)));
    expect(reason).toMatchObject({ code: "merge.conflict", message: expect.stringMatching(/ in f\./) });
  });

  it.each<[string, Parameters<typeof farApart>[0], string?]>([
    ["binary", { both: { ".gitattributes": "*.lock binary\n" } }, "a.lock"],
    ["a macro", { both: { ".gitattributes": "[attr]generated -merge -diff\n*.lock generated\n" } }, "a.lock"],
    ["a file of a folder", { both: { "deep/down/.gitattributes": "*.lock -merge\n" } }, "deep/down/below/a.lock"],
    [
      "a folder's exception from the root's rule",
      { both: { ".gitattributes": "f merge\n", "d/.gitattributes": "f -merge\n" } },
      "d/f",
    ],
    ["the trunk alone", { trunk: { ".gitattributes": "f -merge\n" } }],
    ["the change alone", { change: { ".gitattributes": "f -merge\n" } }],
    ["a driver that runway does not have", { both: { ".gitattributes": "f merge=npm-lock\n" } }],
    ["merge=ours", { both: { ".gitattributes": "f merge=ours\n" } }],
    ["a folder whose name is not ASCII", { both: { "ü mlaut/.gitattributes": "f -merge\n" } }, "ü mlaut/f"],
  ])("holds what is said by %s", async (_, attributes, path = "f") => {
    const uri = farApart(attributes, path);
    for (const strategy of STRATEGIES)
      expect(reasonOf(await runway.check(unit(1, [uri], strategy)))).toMatchObject({ code: "merge.conflict" });
  });

  it("lets files merge that no attribute is about, beside one that merges on one side alone", async () => {
    const both = { ".gitattributes": "*.lock -merge\n", "a.lock": "1\n" };
    const uri = farApart({ both, change: { "a.lock": "2\n" } });
    await runway.landAlone(unit(1, [uri]));
    expect(sandbox.show("f")).toBe(lines({ 2: "change", 27: "trunk" }).trim());
    expect(sandbox.show("a.lock")).toBe("2");
  });

  it("merge=union takes the lines of both, where a merge of text would conflict", async () => {
    sandbox.intrude({ ".gitattributes": "NEWS merge=union\n", NEWS: "old\n" });
    const uri = sandbox.branch("news", [{ files: { NEWS: "change\nold\n" } }]);
    sandbox.intrude({ NEWS: "trunk\nold\n" });
    expect(await runway.landAlone(unit(1, [uri]))).toMatchObject({ kind: "landed" });
    expect(sandbox.show("NEWS").split("\n").toSorted()).toEqual(["change", "old", "trunk"]);
  });

  it("an attribute that a later commit of the change brings holds for its earlier commits too", async () => {
    sandbox.intrude({ f: lines({}) });
    const uri = sandbox.branch("late", [
      { files: { f: lines({ 2: "c" }) } },
      { files: { ".gitattributes": "f -merge\n" } },
    ]);
    sandbox.intrude({ f: lines({ 27: "t" }) });
    for (const strategy of STRATEGIES)
      expect(reasonOf(await runway.check(unit(1, [uri], strategy)))).toMatchObject({ code: "merge.conflict" });
  });

  it("leaves nothing behind in the repository's directory", async () => {
    const uri = farApart({ both: { ".gitattributes": "f -merge\n" } });
    await runway.check(unit(1, [uri]));
    expect(readdirSync(runway.repository.directory).filter((name) => name.startsWith("attributes-"))).toEqual([]);
  });
});
