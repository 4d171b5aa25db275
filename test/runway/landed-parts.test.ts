import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { GitSha } from "../../functions/contracts/ids.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { unit } from "../adapters/git/sandbox.ts";
import { close, open, runway, sandbox, withRunway } from "./each-runway.ts";

const STRATEGIES: readonly MergeStrategy[] = ["REBASE", "SQUASH_REBASE", "MERGE"];
/** Ten lines apart, so that edits of two of them merge. */
const text = (first: string, last: string) => `${first}\n${"line\n".repeat(10)}${last}\n`;

let lower: ChangeUri;
let upper: ChangeUri;
/** Two commits on one line of one file, and a change on top that edits the line again: what conflicts with its own lower part. */
const stack = () => {
  lower = sandbox.branch("lower", [
    { files: { f: text("a 1", "z") }, message: "lower 1" },
    { files: { f: text("a 2", "z") }, message: "lower 2" },
  ]);
  upper = sandbox.branch("upper", [{ files: { f: text("b", "z"), g: "g\n" }, message: "upper" }], lower.slice(-40));
};
const unrelated = (n: number) => sandbox.intrude({ [`other${n}`]: "o\n" });

describe("an upper change whose lower part was landed by another request", () => {
  describe.each(STRATEGIES)("by %s:", (below) => {
    let trunk: GitSha;
    beforeAll(async () => {
      await open();
      stack();
      await runway.landAlone(unit(1, [lower], below));
      const other = sandbox.branch("other1", [{ files: { other1: "o\n" } }]);
      await runway.landAlone(unit(51, [other]));
      trunk = sandbox.trunk;
    });
    afterAll(close);

    it.each(STRATEGIES)("lands by %s, with something unrelated landed in between", async (above) => {
      sandbox.point("refs/heads/main", trunk);
      const one = unit(2 + STRATEGIES.indexOf(above), [upper], above);
      expect(await runway.check(one)).toMatchObject({ kind: "ok" });
      expect(await runway.landAlone(one)).toMatchObject({ kind: "landed", commits: [sandbox.trunk] });
      expect([sandbox.show("f"), sandbox.show("g"), sandbox.show("other1")]).toEqual([text("b", "z").trim(), "g", "o"]);
      expect(sandbox.git("log", "-1", "--format=%B", "main")).not.toContain("lower");
    });
  });
});

describe("an upper change whose lower part was landed by another request", () => {
  withRunway();

  it("lands the tree that it lands without anything in between", async () => {
    stack();
    await runway.landAlone(unit(1, [lower], "SQUASH_REBASE"));
    const { trunk } = sandbox;
    await runway.landAlone(unit(2, [upper], "SQUASH_REBASE"));
    const alone = sandbox.git("rev-parse", "main:f");
    sandbox.point("refs/heads/main", trunk);
    unrelated(1);
    unrelated(2);
    await runway.landAlone(unit(3, [upper], "SQUASH_REBASE"));
    expect(sandbox.git("rev-parse", "main:f")).toBe(alone);
  });

  it("does not refuse a change that is composed on the upper one alone", async () => {
    stack();
    await runway.landAlone(unit(1, [lower], "SQUASH_REBASE"));
    unrelated(1);
    const c = unit(3, [sandbox.branch("c", [{ files: { c: "c\n" } }], sandbox.base)]);
    expect(await runway.compose(c, { base: [unit(2, [upper], "SQUASH_REBASE")] })).toMatchObject({ kind: "composed" });
  });

  it.each(STRATEGIES)("%s: is known though it was put next to lines that the trunk had changed", async (strategy) => {
    sandbox.intrude({ f: "1\n2\n3\n4\n5\n6\n" });
    lower = sandbox.branch("lower", [
      { files: { f: "1\n2\n3\n4\n5\nlower 1\n" } },
      { files: { f: "1\n2\n3\n4\n5\nlower 2\n" } },
    ]);
    upper = sandbox.branch("upper", [{ files: { f: "1\n2\n3\n4\n5\nupper\n" } }], lower.slice(-40));
    sandbox.intrude({ f: "one\n2\n3\n4\n5\n6\n" });
    await runway.landAlone(unit(1, [lower], strategy));
    unrelated(1);
    await runway.landAlone(unit(2, [upper], strategy));
    expect(sandbox.show("f")).toBe("one\n2\n3\n4\n5\nupper");
  });

  it("is left out part by part, when two lower parts were landed one after the other", async () => {
    stack();
    const top = sandbox.branch("top", [{ files: { f: text("c", "z") }, message: "top" }], upper.slice(-40));
    await runway.landAlone(unit(1, [lower], "SQUASH_REBASE"));
    unrelated(1);
    await runway.landAlone(unit(2, [upper], "SQUASH_REBASE"));
    unrelated(2);
    expect(await runway.landAlone(unit(3, [top], "SQUASH_REBASE"))).toMatchObject({ kind: "landed" });
    expect(sandbox.show("f")).toBe(text("c", "z").trim());
    expect(sandbox.log().at(-1)).toBe("top");
  });

  it("lands on what the trunk has since put on top of its lower part, when it does not touch that", async () => {
    stack();
    const beside = sandbox.branch("beside", [{ files: { g: "g\n" }, message: "beside" }], lower.slice(-40));
    await runway.landAlone(unit(1, [lower], "SQUASH_REBASE"));
    sandbox.intrude({ f: text("later", "z") });
    await runway.landAlone(unit(2, [beside], "SQUASH_REBASE"));
    expect([sandbox.show("f"), sandbox.show("g")]).toEqual([text("later", "z").trim(), "g"]);
  });
});

describe("nothing is left out without proof", () => {
  withRunway();

  it.each(STRATEGIES)(
    "%s: a lower part that was amended before it landed is another change, and conflicts",
    async (strategy) => {
      stack();
      const amended = sandbox.branch("amended", [{ files: { f: text("amended", "z") } }]);
      await runway.landAlone(unit(1, [amended], strategy));
      unrelated(1);
      expect(await runway.check(unit(2, [upper], strategy))).toMatchObject({ reason: { code: "merge.conflict" } });
    },
  );

  it("a lower part that was reverted is part of the change again, or a conflict; never silently missing", async () => {
    stack();
    await runway.landAlone(unit(1, [lower], "SQUASH_REBASE"));
    sandbox.intrude({ f: null, other: "o\n" });
    await runway.landAlone(unit(2, [upper], "SQUASH_REBASE"));
    expect([sandbox.show("f"), sandbox.show("g")]).toEqual([text("b", "z").trim(), "g"]);
  });

  it("a lower part of which a half was reverted is not called landed", async () => {
    lower = sandbox.branch("lower", [{ files: { f: "1\n" } }, { files: { f: "2\n", kept: "k\n" } }]);
    upper = sandbox.branch("upper", [{ files: { f: "3\n" } }], lower.slice(-40));
    await runway.landAlone(unit(1, [lower], "SQUASH_REBASE"));
    sandbox.intrude({ kept: null });
    expect(await runway.check(unit(2, [upper], "SQUASH_REBASE"))).toMatchObject({ reason: { code: "merge.conflict" } });
  });

  it.each(STRATEGIES)("%s: a trailer that names a change is no proof that it landed", async (strategy) => {
    stack();
    sandbox.commit("refs/heads/main", {
      files: { f: "forged\n" },
      message: `forged\n\nSubmitqueue-Change: ${lower}\n`,
    });
    expect(await runway.check(unit(2, [upper], strategy))).toMatchObject({ reason: { code: "merge.conflict" } });
  });
});
