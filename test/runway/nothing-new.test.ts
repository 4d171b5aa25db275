import { describe, expect, it } from "vitest";
import { Reason } from "../../functions/contracts/reasons.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { gitUri, landing, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";
import { Runway } from "./runway.ts";

withRunway();

const STRATEGIES: readonly MergeStrategy[] = ["REBASE", "SQUASH_REBASE", "MERGE", "PROMOTE"];
const NOTHING = { kind: "landed", commits: [], note: { code: "landed.nothing_new" } };

describe("a request of which nothing is new", () => {
  it.each(STRATEGIES)("%s: of a commit that the trunk has reached", async (strategy) => {
    sandbox.point("refs/heads/elsewhere", sandbox.base);
    sandbox.intrude();
    const outcome = await runway.landAlone(unit(1, [gitUri("refs/heads/elsewhere", sandbox.base)], strategy));
    expect(outcome).toMatchObject(NOTHING);
    expect(outcome.kind === "landed" && Reason.parse(outcome.note).message).toMatch(/Nothing was added to main/);
  });

  it("PROMOTE of the commit that the trunk is at", async () => {
    const tip = sandbox.intrude();
    sandbox.point("refs/heads/release", tip);
    expect(await runway.landAlone(unit(1, [gitUri("refs/heads/release", tip)], "PROMOTE"))).toMatchObject(NOTHING);
    expect(sandbox.trunk).toBe(tip);
  });

  it.each(STRATEGIES.slice(0, 2))("%s: whose content came onto the trunk by other commits", async (strategy) => {
    const uri = sandbox.branch("same", [{ files: { f: "1\n" } }, { files: { f: "2\n" } }]);
    sandbox.intrude({ f: "2\n", other: "o\n" });
    expect(await runway.landAlone(unit(1, [uri], strategy))).toMatchObject(NOTHING);
  });

  it.each(STRATEGIES.slice(0, 2))("%s: whose commits are empty", async (strategy) => {
    const uri = sandbox.branch("empty", [{ message: "nothing" }, { message: "still nothing" }]);
    sandbox.intrude();
    expect(await runway.landAlone(unit(1, [uri], strategy))).toMatchObject(NOTHING);
  });

  it.each(STRATEGIES)("%s: that landed before, by another request", async (strategy) => {
    const uri = sandbox.branch("twice", [{ files: { f: "1\n" } }, { files: { f: "2\n" } }]);
    expect((await runway.landAlone(unit(1, [uri], strategy))) as object).not.toHaveProperty("note");
    expect(await runway.landAlone(unit(2, [uri], strategy))).toMatchObject(NOTHING);
  });

  it("is told so again when its message repeats, and when another decision lands it again", async () => {
    const one = unit(1, [sandbox.branch("empty", [{ message: "nothing" }])]);
    const message = landing("l", [{ unit: one, tested: await runway.tested(one) }]);
    const first = await runway.land(message);
    expect(first).toMatchObject([NOTHING]);
    expect(await new Runway(sandbox, await sandbox.open(`${sandbox.directory}/other`)).land(message)).toEqual(first);
    sandbox.intrude();
    expect(await runway.land({ ...message, id: "another" })).toEqual(first);
  });
});

describe("a stack of which a part is not new", () => {
  const parts = () => {
    const there = sandbox.branch("there", [{ files: { f: "1\n" } }]);
    const fresh = sandbox.branch("fresh", [{ files: { g: "g\n" }, message: "g" }], there.slice(-40));
    sandbox.intrude({ f: "1\n" });
    return [there, fresh] as const;
  };
  const PARTLY = {
    code: "landed.partly_new",
    message: expect.stringMatching(/^refs\/heads\/there at \w+ added nothing/),
  };

  it.each(STRATEGIES.slice(0, 2))("%s: lands the rest, and names the part", async (strategy) => {
    const one = unit(1, [...parts()], strategy);
    expect(await runway.landAlone(one)).toMatchObject({ kind: "landed", commits: [sandbox.trunk], note: PARTLY });
    expect(sandbox.show("g")).toBe("g");
  });

  it("names it also when the trunk had to be composed anew, and from a machine that composed nothing", async () => {
    const one = unit(1, [...parts()]);
    const tested = await runway.tested(one);
    const elsewhere = new Runway(sandbox, await sandbox.open(`${sandbox.directory}/other`));
    sandbox.intrude();
    const message = landing("l", [{ unit: one, tested, exact: false }]);
    expect(await elsewhere.land(message)).toMatchObject([{ kind: "landed", note: PARTLY }]);
  });

  it("names it also when the trunk moves to the tested commit, on a machine that composed nothing", async () => {
    const one = unit(1, [...parts()]);
    const tested = await runway.tested(one);
    const elsewhere = new Runway(sandbox, await sandbox.open(`${sandbox.directory}/other`));
    expect(await elsewhere.land(landing("l", [{ unit: one, tested }]))).toMatchObject([
      { commit: tested.commit, note: PARTLY },
    ]);
  });
});

it("says nothing of a change that is all new", async () => {
  const outcome = await runway.landAlone(unit(1, [sandbox.branch("new", [{ files: { f: "1\n" } }])]));
  expect(outcome).not.toHaveProperty("note");
});
