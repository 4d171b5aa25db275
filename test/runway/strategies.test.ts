import { describe, expect, it } from "vitest";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { gitUri, pullUri, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";
import { Runway } from "./runway.ts";

withRunway();

describe("SQUASH_REBASE with the messages of pull requests", () => {
  const squash = (n: number, uris: Parameters<typeof unit>[1], messages: string[]) => {
    const one = unit(n, uris, "SQUASH_REBASE");
    return { ...one, steps: one.steps.map((step) => ({ ...step, messages })) };
  };

  it("builds and lands one commit per change, each with the message of its pull request", async () => {
    const first = sandbox.branch("s1", [{ files: { f: "1\n" }, message: "one" }]);
    const second = sandbox.branch("s2", [{ files: { f: "2\n" }, message: "two" }], first.slice(-40));
    const outcome = await runway.landAlone(squash(1, [first, second], ["First (#1)\n\nWhy.", "Second (#2)"]));
    expect(outcome).toMatchObject({ kind: "landed", commits: sandbox.log("%H") });
    expect(sandbox.log()).toEqual(["First (#1)", "Second (#2)"]);
    expect(sandbox.log("%b").slice(0, 1)).toEqual(["Why."]);
  });

  it("makes another commit of another message, and the same of the same", async () => {
    const uri = sandbox.branch("one", [{ files: { f: "1\n" } }]);
    const [one, other, again] = [
      await runway.tested(squash(1, [uri], ["One (#1)"])),
      await runway.tested(squash(1, [uri], ["Other (#1)"])),
      await runway.tested(squash(1, [uri], ["One (#1)"])),
    ];
    expect(one.commit).not.toBe(other.commit);
    expect([again.commit, other.tree]).toEqual([one.commit, one.tree]);
  });
});

describe("REBASE", () => {
  it("lands one change as a new commit that carries it", async () => {
    const uri = sandbox.branch("one", [{ files: { "a.txt": "a\n" }, message: "add a\n\nwith a body\n" }]);
    const outcome = await runway.landAlone(unit(1, [uri]));
    expect(sandbox.log("%B")).toEqual(["add a", "with a body"]);
    expect(sandbox.show("a.txt")).toBe("a");
    expect(outcome).toMatchObject({ kind: "landed", commit: sandbox.trunk, commits: [sandbox.trunk] });
    expect(sandbox.trunk).not.toBe(sandbox.at("refs/heads/one"));
  });

  it("lands a stack in its order, each change measured from the one below, and moves the trunk once", async () => {
    const first = sandbox.branch("s1", [
      { files: { f: "1\n" }, message: "one" },
      { files: { f: "2\n" }, message: "two" },
    ]);
    const second = sandbox.branch("s2", [{ files: { f: "3\n" }, message: "three" }], first.slice(-40));
    sandbox.git("config", "core.logAllRefUpdates", "always");
    sandbox.intrude();
    const moves = () =>
      sandbox.git("reflog", "show", "--format=%h", "refs/heads/main").split("\n").filter(Boolean).length;
    const before = moves();
    await runway.landAlone(unit(1, [first, second]));
    expect(sandbox.log()).toEqual(["pushed by hand", "one", "two", "three"]);
    expect(sandbox.show("f")).toBe("3");
    expect(moves() - before).toBe(1);
  });

  it("picks every commit of a change that works on one file, onto a trunk that has moved on", async () => {
    const uri = sandbox.branch(
      "many",
      [1, 2, 3, 4].map((n) => ({ files: { f: `${n}\n` }, message: `step ${n}` })),
    );
    sandbox.intrude();
    const outcome = await runway.landAlone(unit(1, [uri]));
    expect(sandbox.log()).toEqual(["pushed by hand", "step 1", "step 2", "step 3", "step 4"]);
    expect(outcome).toMatchObject({ commits: sandbox.log("%H").slice(1) });
  });

  it("merges changes to different places of one file", async () => {
    const text = (first: string, last: string) => `${first}\n${"line\n".repeat(20)}${last}\n`;
    sandbox.intrude({ f: text("a", "z") });
    const top = sandbox.branch("top", [{ files: { f: text("A", "z") } }]);
    const bottom = sandbox.branch("bottom", [{ files: { f: text("a", "Z") } }]);
    await runway.landAlone(unit(1, [top]));
    await runway.landAlone(unit(2, [bottom]));
    expect(sandbox.show("f")).toBe(text("A", "Z").trim());
  });

  it("drops commits that are empty, or become so", async () => {
    sandbox.commit("refs/heads/main", { files: { same: "x\n" } });
    const uri = sandbox.branch(
      "empty",
      [
        { message: "empty" },
        { files: { same: "x\n" }, message: "already there" },
        { files: { b: "b\n" }, message: "b" },
      ],
      sandbox.base,
    );
    await runway.landAlone(unit(1, [uri]));
    expect(sandbox.log().slice(1)).toEqual(["b"]);
  });

  it("lands the rest of a change of which a part has landed, also when its commits work on one file", async () => {
    const part = sandbox.branch("part", [
      { files: { f: "1\n" }, message: "1" },
      { files: { f: "2\n" }, message: "2" },
    ]);
    sandbox.intrude();
    await runway.landAlone(unit(1, [part]));
    const whole = sandbox.branch("whole", [{ files: { f: "3\n" }, message: "3" }], part.slice(-40));
    const outcome = await runway.landAlone(unit(2, [whole]));
    expect(sandbox.log()).toEqual(["pushed by hand", "1", "2", "3"]);
    expect(outcome).toMatchObject({ commits: [sandbox.trunk] });
  });

  it.each<MergeStrategy>(["REBASE", "SQUASH_REBASE", "MERGE", "PROMOTE"])(
    "%s: lands nothing, successfully, when the trunk holds the change",
    async (strategy) => {
      sandbox.point("refs/heads/elsewhere", sandbox.base);
      const later = sandbox.intrude();
      const outcome = await runway.landAlone(unit(1, [gitUri("refs/heads/elsewhere", sandbox.base)], strategy));
      expect(outcome).toMatchObject({ kind: "landed", commit: later, commits: [] });
      expect(sandbox.trunk).toBe(later);
    },
  );

  it("lands again what was landed and then reverted", async () => {
    const uri = sandbox.branch("again", [{ files: { f: "1\n" }, message: "do" }]);
    await runway.landAlone(unit(1, [uri]));
    sandbox.commit("refs/heads/main", { files: { f: null }, message: "undo" });
    await runway.landAlone(unit(2, [uri]));
    expect(sandbox.log()).toEqual(["do", "undo", "do"]);
  });

  it("a change that has landed lands again as nothing, also when its commits work on one file", async () => {
    const steps = [1, 2, 3].map((n) => ({ files: { f: `${n}\n` }, message: `${n}` }));
    const uri = sandbox.branch("landed", steps);
    sandbox.intrude();
    await runway.landAlone(unit(1, [uri]));
    expect(await runway.landAlone(unit(2, [uri]))).toMatchObject({ kind: "landed", commits: [] });
  });

  it("does not take for landed what was landed, reverted and then written anew: that is a conflict", async () => {
    const uri = sandbox.branch("lost", [{ files: { f: "1\n" } }, { files: { f: "2\n" } }]);
    await runway.landAlone(unit(1, [uri]));
    sandbox.commit("refs/heads/main", { files: { f: "another\n" }, message: "undo" });
    expect(await runway.check(unit(2, [uri]))).toMatchObject({ reason: { code: "merge.conflict" } });
  });

  it("leaves merge commits out and picks the rest, as git rebase does", async () => {
    const [start] = sandbox.commits("refs/heads/feature", [{ files: { f: "f\n" }, message: "f" }], sandbox.base);
    const news = sandbox.intrude({ news: "n\n" });
    const uri = sandbox.branch(
      "feature",
      [
        { files: { news: "n\n" }, merges: news, message: "merge main" },
        { files: { g: "g\n" }, message: "g" },
      ],
      start,
    );
    sandbox.intrude({ more: "m\n" });
    await runway.landAlone(unit(1, [uri]));
    expect(sandbox.log()).toEqual(["pushed by hand", "pushed by hand", "f", "g"]);
  });

  it("names the conflicting files and says what to do, and the repository stays usable", async () => {
    const mine = sandbox.branch("mine", [{ files: { "src/f.ts": "mine\n", other: "o\n" }, message: "mine" }]);
    sandbox.intrude({ "src/f.ts": "theirs\n" });
    const result = await runway.compose(unit(1, [mine]));
    expect(result).toMatchObject({ kind: "refused", batchId: "q/batch/1", reason: { code: "merge.conflict" } });
    expect(result.kind === "refused" && result.reason.message).toMatch(/src\/f\.ts\. Rebase/);
    expect(result.kind === "refused" && result.reason.message).not.toContain("other");
    const next = sandbox.branch("next", [{ files: { ok: "ok\n" }, message: "fine" }]);
    expect(await runway.landAlone(unit(2, [next]))).toMatchObject({ kind: "landed" });
  });

  it.each([
    ["UTF-8", undefined],
    ["ISO-8859-1", "latin1" as const],
  ])("keeps a message and a name that are written in %s", async (encoding, bytes) => {
    const header = bytes ? `encoding ${encoding}\n` : "";
    const who = "Jörg <j@example.test> 1700000000 +0100";
    const tree = sandbox.tree(sandbox.commit("refs/heads/umlaut", { files: { u: "u\n" } }, sandbox.base));
    const text = `tree ${tree}\nparent ${sandbox.base}\nauthor ${who}\ncommitter ${who}\n${header}\ngrößer\n`;
    const sha = sandbox.store("commit", Buffer.from(text, bytes ?? "utf8"));
    sandbox.point("refs/heads/umlaut", sha);
    sandbox.intrude();
    await runway.landAlone(unit(1, [gitUri("refs/heads/umlaut", sha)]));
    expect(sandbox.log("%an: %s (%e)").at(-1)).toBe(`Jörg: größer (${bytes ? encoding : ""})`);
  });
});

describe("SQUASH_REBASE", () => {
  it("makes one commit per change, and none for a change that changes nothing", async () => {
    const first = sandbox.branch("s1", [
      { files: { f: "1\n" }, message: "one" },
      { files: { f: "2\n" }, message: "two" },
    ]);
    const second = sandbox.branch("s2", [{ files: { f: "3\n" }, message: "three" }], first.slice(-40));
    const third = sandbox.branch("s3", [{ files: { f: "4\n" } }, { files: { f: "3\n" } }], second.slice(-40));
    sandbox.intrude();
    const outcome = await runway.landAlone(unit(7, [first, second, third], "SQUASH_REBASE"));
    expect(sandbox.log()).toEqual(["pushed by hand", "one", "three"]);
    expect(sandbox.show("f")).toBe("3");
    expect(outcome).toMatchObject({ commits: sandbox.log("%H").slice(1) });
    const message = sandbox.git("log", "-1", "--skip=1", "--format=%B", "main");
    expect(message).toBe(`one\n\n* one\n* two\n\nSubmitqueue-Request: q/7\nSubmitqueue-Change: ${first}`);
  });

  it("squashes a branch that has merged the trunk into itself, with what the merges resolved", async () => {
    const [start] = sandbox.commits("refs/heads/feature", [{ files: { f: "mine\n" } }], sandbox.base);
    const news = sandbox.intrude({ f: "theirs\n" });
    const uri = sandbox.branch("feature", [{ files: { f: "both\n" }, merges: news }], start);
    sandbox.intrude({ more: "m\n" });
    expect(await runway.check(unit(1, [uri], "REBASE"))).toMatchObject({ reason: { code: "merge.conflict" } });
    expect(await runway.landAlone(unit(1, [uri], "SQUASH_REBASE"))).toMatchObject({ kind: "landed" });
    expect(sandbox.show("f")).toBe("both");
  });
});

describe("MERGE", () => {
  it("makes one merge commit per change, whose second parent is the change itself", async () => {
    const first = sandbox.branch("s1", [
      { files: { f: "1\n" }, message: "one" },
      { files: { f: "2\n" }, message: "two" },
    ]);
    const second = sandbox.branch("s2", [{ files: { f: "3\n" }, message: "three" }], first.slice(-40));
    const outcome = await runway.landAlone(unit(1, [first, second], "MERGE"));
    expect(sandbox.git("log", "--first-parent", "--format=%s", `${sandbox.base}..main`).split("\n")).toEqual([
      "Merge s2 into main",
      "Merge s1 into main",
    ]);
    expect(sandbox.git("rev-parse", "main^2")).toBe(second.slice(-40));
    const line = sandbox.git("rev-list", "--first-parent", "--reverse", `${sandbox.base}..main`).split("\n");
    expect(outcome).toMatchObject({ commits: line });
  });

  it("leaves out a change that the trunk has reached", async () => {
    const uri = sandbox.branch("m", [{ files: { f: "1\n" } }]);
    await runway.landAlone(unit(1, [uri], "MERGE"));
    const { trunk } = sandbox;
    expect(await runway.landAlone(unit(2, [uri], "MERGE"))).toMatchObject({ kind: "landed", commits: [] });
    expect(sandbox.trunk).toBe(trunk);
  });
});

describe("PROMOTE", () => {
  it("moves the trunk to the very commit", async () => {
    const uri = sandbox.branch("release", [{ files: { v: "1\n" } }, { files: { v: "2\n" } }]);
    expect(await runway.landAlone(unit(1, [uri], "PROMOTE"))).toMatchObject({
      commit: uri.slice(-40),
      commits: sandbox.log("%H"),
    });
    expect(sandbox.trunk).toBe(uri.slice(-40));
  });

  it("refuses what the trunk can't be fast-forwarded to as a conflict", async () => {
    const uri = sandbox.branch("release", [{ files: { v: "1\n" } }]);
    sandbox.intrude();
    expect(await runway.check(unit(1, [uri], "PROMOTE"))).toMatchObject({
      kind: "refused",
      reason: { code: "merge.conflict", message: expect.stringMatching(/fast-forward/) },
    });
  });

  it("is the whole request: with a second change it is invalid", async () => {
    const one = sandbox.branch("one", [{ files: { v: "1\n" } }]);
    const two = sandbox.branch("two", [{ files: { v: "2\n" } }], one.slice(-40));
    expect(await runway.check(unit(1, [one, two], "PROMOTE"))).toMatchObject({ reason: { code: "merge.invalid" } });
  });
});

describe("authors", () => {
  const authored = [
    { files: { f: "1\n" }, author: "Ada <ada@example.test>" },
    { files: { f: "2\n" }, author: "Bob <bob@example.test>" },
  ];

  it.each<[MergeStrategy, string[]]>([
    ["REBASE", ["Ada", "Bob"]],
    ["SQUASH_REBASE", ["Bob"]],
    ["MERGE", ["Bob"]],
  ])("%s credits %j, and the queue commits", async (strategy, authors) => {
    const uri = sandbox.branch("authors", authored);
    sandbox.intrude();
    await runway.landAlone(unit(1, [uri], strategy));
    const made = sandbox.git("log", "--first-parent", "--reverse", "--format=%an|%cn <%ce>", `${sandbox.base}..main`);
    expect(made.split("\n").slice(1)).toEqual(authors.map((name) => `${name}|The Queue <queue@example.test>`));
  });

  it("the queue stands in for no author, not even for one without a name or an address", async () => {
    const uri = sandbox.branch("nobody", [{ files: { f: "1\n" }, author: " <>" }]);
    await runway.landAlone(unit(1, [uri]));
    expect(sandbox.log("(%an) (%ae)")).toEqual(["() ()"]);
  });
});

describe("unusable changes", () => {
  it.each<MergeStrategy>(["REBASE", "SQUASH_REBASE", "MERGE"])("%s refuses unrelated histories", async (strategy) => {
    const sha = sandbox.commits("refs/heads/alien", [{ files: { alien: "x\n" } }]).at(-1) ?? "";
    const result = await runway.check(unit(1, [gitUri("refs/heads/alien", sha)], strategy));
    expect(result).toMatchObject({ reason: { code: "merge.invalid", message: expect.stringMatching(/no history/) } });
  });

  it("refuses a change whose branch has moved on, and says where to", async () => {
    const uri = sandbox.branch("moving", [{ files: { f: "1\n" } }]);
    sandbox.commit("refs/heads/moving", { files: { f: "2\n" } });
    expect(await runway.check(unit(1, [uri]))).toMatchObject({ reason: { code: "change.stale" } });
  });

  it("takes a change whose branch is gone, as long as its commit can be had", async () => {
    const uri = sandbox.branch("gone", [{ files: { f: "1\n" } }]);
    sandbox.point("refs/keep/it", uri.slice(-40));
    sandbox.delete("refs/heads/gone");
    expect(await runway.check(unit(1, [uri]))).toMatchObject({ kind: "ok" });
  });

  it("forgets a branch that has been deleted since it was last seen", async () => {
    const uri = sandbox.branch("gone", [{ files: { f: "1\n" } }]);
    sandbox.commit("refs/heads/gone", { files: { f: "2\n" } });
    expect(await runway.check(unit(1, [uri]))).toMatchObject({ reason: { code: "change.stale" } });
    sandbox.delete("refs/heads/gone");
    expect(await runway.check(unit(1, [uri]))).toMatchObject({ kind: "ok" });
  });

  it("a branch may give way to a folder of branches", async () => {
    const one = sandbox.branch("team", [{ files: { f: "1\n" } }]);
    expect(await runway.check(unit(1, [one]))).toMatchObject({ kind: "ok" });
    sandbox.delete("refs/heads/team");
    const two = sandbox.branch("team/new", [{ files: { g: "1\n" } }]);
    expect(await runway.check(unit(2, [two]))).toMatchObject({ kind: "ok" });
  });

  it("refuses a commit that is nowhere, as not found and not as a conflict", async () => {
    const uri = gitUri("refs/heads/nowhere", "1234567890123456789012345678901234567890");
    const there = sandbox.branch("there", [{ files: { f: "1\n" } }]);
    const result = await runway.check(unit(1, [there, uri]));
    expect(result).toMatchObject({ reason: { code: "change.not_found", message: expect.stringMatching(/Push it/) } });
  });

  it("fetches a commit that only a pull request's ref reaches", async () => {
    const sha = sandbox.commit("refs/pull/12/head", { files: { pr: "1\n" } }, sandbox.base);
    sandbox.commit("refs/pull/123/head", { files: { pr: "2\n" } }, sandbox.base);
    expect(await runway.landAlone(unit(1, [pullUri(12, sha)]))).toMatchObject({ kind: "landed" });
    expect(sandbox.show("pr")).toBe("1");
  });

  it("refuses a kind of change that git does not hold", async () => {
    const uri = "phab://phab.example.test/D1/2" as ReturnType<typeof pullUri>;
    expect(await runway.check(unit(1, [uri]))).toMatchObject({ reason: { code: "change.unsupported" } });
  });

  it("an unreachable remote is no verdict: the error is worth a retry", async () => {
    const uri = sandbox.branch("one", [{ files: { f: "1\n" } }]);
    sandbox.remove();
    await expect(
      sandbox.open().then(async (repository) => new Runway(sandbox, repository).check(unit(1, [uri]))),
    ).rejects.toMatchObject({
      code: "repository.unavailable",
    });
  });
});

it("a trial leaves every ref of the remote as it was", async () => {
  const uri = sandbox.branch("trial", [{ files: { f: "1\n" } }, { files: { f: "2\n" } }]);
  sandbox.intrude();
  const before = sandbox.refs();
  expect(await runway.check(unit(1, [uri]))).toMatchObject({ kind: "ok" });
  expect(sandbox.refs()).toEqual(before);
});
