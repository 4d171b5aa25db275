import { expect, it } from "vitest";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { landing, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";

withRunway();

/** A change of some files, which conflicts with every other change of one of them. */
const change = (n: number, files: readonly string[], strategy: MergeStrategy = "REBASE") =>
  unit(
    n,
    [sandbox.branch(`c${n}`, [{ files: Object.fromEntries(files.map((file) => [file, `${n}\n`])) }], sandbox.base)],
    strategy,
  );

it.each<[MergeStrategy, RegExp]>([
  [
    "REBASE",
    /^Commit \w+ \(.*\) of refs\/heads\/c4 conflicts with main, as q\/1 and q\/3, which are ahead of it, leave it, in a, b\. /,
  ],
  [
    "SQUASH_REBASE",
    /^The whole of refs\/heads\/c4 conflicts with main, as q\/1 and q\/3, which are ahead of it, leave it, in a, b\. /,
  ],
  [
    "MERGE",
    /^The whole of refs\/heads\/c4 conflicts with main, as q\/1 and q\/3, which are ahead of it, leave it, in a, b\. /,
  ],
])("a conflict with requests ahead names those that change the paths in conflict (%s)", async (strategy, says) => {
  const ahead = [change(1, ["a"]), change(2, ["other"]), change(3, ["b", "c"])];
  const result = await runway.compose(change(4, ["a", "b"], strategy), { base: ahead });
  expect(result).toMatchObject({ kind: "refused", batchId: "q/batch/4", reason: { code: "merge.conflict" } });
  const { message = "" } = result.kind === "refused" ? result.reason : {};
  expect(message).toMatch(says);
  expect(message).toContain("Rebase it onto main once q/1 and q/3 have landed, then request it again.");
});

it("a conflict of a base batch names the one ahead of that batch", async () => {
  const base = [change(1, ["a"]), change(2, ["a"])];
  const result = await runway.compose(change(3, ["b"]), { base });
  expect(result).toMatchObject({
    batchId: "q/batch/2",
    reason: {
      message: expect.stringMatching(
        /as q\/1, which is ahead of it, leaves it, in a\. Rebase it onto main once q\/1 has/,
      ),
    },
  });
});

it("a conflict with a request that has landed since names that request", async () => {
  const [one, two] = [change(1, ["a"]), change(2, ["a"])];
  await runway.landAlone(one);
  const result = await runway.compose(two, { base: [one] });
  const { message = "" } = result.kind === "refused" ? result.reason : {};
  expect(message).toMatch(
    /conflicts with main, as q\/1, which has landed, leaves it, in a\. Rebase it onto main, then/,
  );
});

it("a conflict with the trunk's own commits names no request", async () => {
  const one = change(1, ["a"]);
  sandbox.intrude({ a: "by hand\n" });
  const result = await runway.compose(one, { base: [change(2, ["b"])] });
  const { message = "" } = result.kind === "refused" ? result.reason : {};
  expect(message).toMatch(/conflicts with main, as the changes ahead of it leave it, in a\./);
  expect(message).not.toMatch(/q\/\d/);
});

it("a conflict that only the landing meets is told in the same words", async () => {
  const [one, two] = [change(1, ["a"]), change(2, ["a"])];
  const apart = [one, two].map(async (each) => ({ unit: each, tested: await runway.tested(each), exact: false }));
  const outcomes = await runway.land(landing("l1", await Promise.all(apart)));
  expect(outcomes).toMatchObject([
    { kind: "landed" },
    { kind: "refused", reason: { message: expect.stringMatching(/as q\/1, which is ahead of it, leaves it, in a\./) } },
  ]);
});
