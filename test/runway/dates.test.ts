import { describe, expect, it } from "vitest";
import { graphAbove } from "../../functions/adapters/git/commit-graph.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { notBefore, secondsOf } from "../../functions/runway/dates.ts";
import { unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";
import { Runway } from "./runway.ts";

withRunway();

const OLD = 1_000_000_000;
const STRATEGIES: readonly MergeStrategy[] = ["REBASE", "SQUASH_REBASE", "MERGE"];
/** Commits that came onto the trunk with dates older than its root's. */
const oldTrunk = (count: number) =>
  sandbox.commits(
    "refs/heads/main",
    Array.from({ length: count }, (_, n) => ({ files: { [`old${n}`]: `${n}\n` }, committedAt: OLD + n })),
  );

describe("the commits above the trunk do not depend on dates", () => {
  it.each(STRATEGIES)("%s: a trunk whose last commits are older than its root", async (strategy) => {
    const uri = sandbox.branch("fork", [{ files: { f: "f\n" }, message: "f" }]);
    oldTrunk(9);
    expect(await runway.landAlone(unit(1, [uri], strategy))).toMatchObject({ kind: "landed" });
    expect(sandbox.git("log", "--first-parent", "--format=%H", `${sandbox.base}..main`).split("\n")).toHaveLength(10);
    expect(sandbox.show("f")).toBe("f");
  });

  it("a change that is older than the trunk's root", async () => {
    sandbox.intrude();
    const uri = sandbox.branch("old", [{ files: { f: "f\n" }, committedAt: OLD }]);
    oldTrunk(7);
    expect(await runway.landAlone(unit(1, [uri]))).toMatchObject({ kind: "landed" });
  });

  it("a stack of which one change left the trunk before its old commits, and one after", async () => {
    const first = sandbox.branch("first", [{ files: { a: "a\n" } }]);
    const old = oldTrunk(8).at(-1);
    const second = sandbox.branch("second", [{ files: { b: "b\n" } }], old);
    sandbox.intrude();
    const before = sandbox.log().length;
    expect(await runway.landAlone(unit(1, [first, second]))).toMatchObject({ kind: "landed" });
    expect(sandbox.log()).toHaveLength(before + 2);
  });

  it("a branch that left the trunk before its old commits, and merged it after", async () => {
    const [own] = sandbox.commits("refs/heads/feature", [{ files: { f: "f\n" }, message: "f" }], sandbox.base);
    const old = oldTrunk(8).at(-1) ?? "";
    const theirs = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`old${n}`, `${n}\n`]));
    const uri = sandbox.branch("feature", [{ files: theirs, merges: old, message: "merge" }], own);
    sandbox.intrude();
    expect(await runway.landAlone(unit(1, [uri]))).toMatchObject({ kind: "landed" });
    expect(sandbox.log().slice(-1)).toEqual(["f"]);
  });

  it("a batch that landed is known to have landed, however old the trunk's later commits are", async () => {
    const one = unit(1, [sandbox.branch("one", [{ files: { f: "f\n" } }])]);
    const first = await runway.landAlone(one, "first");
    oldTrunk(9);
    expect(await runway.landAlone(one, "again")).toEqual(first);
  });

  it("the graph is the same as git's list when dates are in order", async () => {
    const [own] = sandbox.commits("refs/heads/x", [{ files: { f: "1\n" } }, { files: { f: "2\n" } }], sandbox.base);
    const tip = sandbox.at("refs/heads/x") ?? "";
    oldTrunk(9);
    await runway.check(unit(1, [sandbox.branch("y", [{ files: { y: "y\n" } }], tip)]));
    const graph = await graphAbove(runway.repository, sandbox.trunk, [sandbox.at("refs/heads/y") ?? sandbox.base]);
    expect([...graph.keys()].toSorted()).toEqual([own, tip, sandbox.at("refs/heads/y")].toSorted());
  });
});

describe("a landed commit is never dated before its parent", () => {
  const datesOf = (range: string) =>
    sandbox.git("log", "--reverse", "--first-parent", "--format=%ct", range).split("\n").map(Number);

  it.each(STRATEGIES)("%s of commits that are older than the trunk", async (strategy) => {
    const steps = [
      { files: { a: "a\n" }, committedAt: OLD },
      { files: { b: "b\n" }, committedAt: OLD - 500 },
    ];
    const uri = sandbox.branch("old", steps);
    sandbox.intrude();
    await runway.landAlone(unit(1, [uri], strategy));
    const dates = datesOf("main");
    expect(dates).toEqual(dates.toSorted((a, b) => a - b));
  });

  it("gets the same commits from another machine, and from the message that repeats", async () => {
    const one = unit(1, [sandbox.branch("a", [{ files: { a: "a\n" }, committedAt: OLD }])]);
    const two = unit(2, [sandbox.branch("b", [{ files: { b: "b\n" }, committedAt: OLD + 5 }])]);
    const other = new Runway(sandbox, await sandbox.open(`${sandbox.directory}/other`));
    sandbox.intrude();
    await runway.tested(one);
    expect(await other.tested(two, [one])).toEqual(await runway.tested(two, [one]));
  });

  it("keeps its own date when that is later, and its zone in any case", async () => {
    sandbox.intrude();
    const late = sandbox.branch("late", [{ files: { a: "a\n" }, committedAt: 2_000_000_000 }]);
    const early = sandbox.branch("early", [{ files: { b: "b\n" }, committedAt: OLD }]);
    await runway.landAlone(unit(1, [late]));
    await runway.landAlone(unit(2, [early]));
    expect(sandbox.log("%ci").slice(-2)).toEqual(["2033-05-18 00:33:20 -0300", "2033-05-18 00:33:20 -0300"]);
  });

  it.each([
    ["A <a@b> 100 +0200", 150, "A <a@b> 150 +0200"],
    ["A <a@b> 150 +0200", 100, "A <a@b> 150 +0200"],
    ["A <a@b> -5 +0000", 0, "A <a@b> 0 +0000"],
    ["A 1 +0000 <a@b> 7 -0300", 9, "A 1 +0000 <a@b> 9 -0300"],
  ])("%s, not before %i, is %s", (line, seconds, expected) => {
    expect(notBefore(line, seconds)).toBe(expected);
    expect(secondsOf(expected)).toBeGreaterThanOrEqual(seconds);
  });
});
