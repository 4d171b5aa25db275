import { describe, expect, it } from "vitest";
import { gitProcessesStarted } from "../../functions/adapters/git/process.ts";
import type { Composed, MergeUnit } from "../../functions/contracts/messages/merge-unit.ts";
import { landing, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";
import { Runway } from "./runway.ts";

withRunway();

const change = (name: string, file = `${name}.txt`, text = name) =>
  sandbox.branch(name, [{ files: { [file]: `${text}\n` }, message: name }]);
const landedAt = (n: number) => sandbox.records().get(`q/batch/${n}`);

/** Three changes that were built together, once. */
async function built(units = [1, 2, 3].map((n) => unit(n, [change(`c${n}`)]))) {
  const head = units.at(-1) as MergeUnit;
  return { units, tested: await runway.tested(head, units.slice(0, -1)) };
}

const bundled = (units: readonly MergeUnit[], tested: Composed, more: { exact?: boolean; bundle?: string } = {}) =>
  units.map((one) => ({ unit: one, tested, bundle: "1", ...more }));

describe("a bundle", () => {
  it("lands on the commit that was tested, with a record for each of its batches", async () => {
    const { units, tested } = await built();
    const onto = sandbox.trunk;
    const outcomes = await runway.land(landing("b", bundled(units, tested)));
    expect(sandbox.trunk).toBe(tested.commit);
    const line = sandbox.log("%H");
    expect(outcomes).toEqual(
      line.map((commit) => ({
        ...{ kind: "landed", commit, tree: sandbox.tree(commit) },
        ...{ testedTree: tested.tree, commits: [commit], onto },
      })),
    );
    expect([1, 2, 3].map(landedAt)).toEqual(line);
  });

  it("moves to the tested commit without merging anything, when this process has composed it", async () => {
    const { units, tested } = await built();
    const before = gitProcessesStarted();
    await runway.land(landing("b", bundled(units, tested)));
    expect(gitProcessesStarted() - before).toBe(4);
  });

  it("lands on the tested commit also from a machine that has composed nothing", async () => {
    const { units, tested } = await built();
    const other = new Runway(sandbox, await sandbox.open(`${sandbox.directory}/other`));
    await other.land(landing("b", bundled(units, tested)));
    expect(sandbox.trunk).toBe(tested.commit);
  });

  it.each([0, 1, 2])("lands nothing when its batch %i is refused, which alone is told why", async (culprit) => {
    const { units, tested } = await built();
    const name = `c${culprit + 1}`;
    const trunk = sandbox.intrude({ [`${name}.txt`]: "in the way\n" });
    const outcomes = await runway.land(landing("b", bundled(units, tested, { exact: false })));
    const expected = units.map((_, n) =>
      n === culprit ? { kind: "refused", reason: { code: "merge.conflict" } } : { kind: "skipped" },
    );
    expect(outcomes).toMatchObject(expected);
    expect(sandbox.trunk).toBe(trunk);
    for (const n of [1, 2, 3]) expect(landedAt(n)).toBeUndefined();
  });

  it("lands nothing when the branch of one of its changes has moved", async () => {
    const { units, tested } = await built();
    sandbox.commit("refs/heads/c2", { files: { more: "m\n" } });
    expect(await runway.land(landing("b", bundled(units, tested)))).toMatchObject([
      { kind: "skipped" },
      { kind: "refused", reason: { code: "change.stale" } },
      { kind: "skipped" },
    ]);
    expect(sandbox.trunk).toBe(sandbox.base);
  });

  it("is stale as a whole when the trunk has moved and nothing but the tested tree may land", async () => {
    const { units, tested } = await built();
    const trunk = sandbox.intrude();
    const outcomes = await runway.land(landing("b", bundled(units, tested)));
    expect(outcomes).toEqual(units.map(() => ({ kind: "stale", trunk })));
    expect(sandbox.trunk).toBe(trunk);
  });

  it("is applied again on a trunk that has moved, and both trees are told", async () => {
    const { units, tested } = await built();
    sandbox.intrude();
    const outcomes = await runway.land(landing("b", bundled(units, tested, { exact: false })));
    expect(outcomes).toMatchObject(units.map(() => ({ kind: "landed", testedTree: tested.tree })));
    expect(sandbox.log()).toEqual(["pushed by hand", "c1", "c2", "c3"]);
  });

  it("need not hold any batch to a tree but the last: what they are in between was never built", async () => {
    const { units, tested } = await built([
      unit(1, [change("a", "f", "one")]),
      unit(2, [sandbox.branch("b", [{ files: { f: "two\n" }, message: "b" }], sandbox.at("refs/heads/a"))]),
    ]);
    const outcomes = await runway.land(landing("b", bundled(units, tested)));
    expect(outcomes).toMatchObject([
      { kind: "landed", testedTree: tested.tree },
      { kind: "landed", tree: tested.tree },
    ]);
    expect(sandbox.tree(landedAt(1) ?? "")).not.toBe(tested.tree);
  });

  it("of which a part has landed before lands the rest, and is held to the tested tree at its last open batch", async () => {
    const { units, tested } = await built();
    const [first, ...rest] = units;
    const before = await runway.landAlone(first as MergeUnit);
    const outcomes = await runway.land(landing("b", bundled(units, tested)));
    expect(outcomes).toMatchObject([before, ...rest.map(() => ({ kind: "landed" }))]);
    expect(sandbox.trunk).toBe(tested.commit);
    const others = [unit(4, [change("c4")]), unit(5, [change("c5")])];
    const onTrunk = await runway.tested(others[1] as MergeUnit, others.slice(0, 1));
    await runway.landAlone(others[1] as MergeUnit);
    expect(await runway.land(landing("c", bundled(others, onTrunk, { bundle: "4" })))).toMatchObject([
      { kind: "landed", tree: onTrunk.tree },
      { kind: "landed" },
    ]);
  });

  it("gives a repeat the answer that the first message got, with every outcome", async () => {
    const { units, tested } = await built();
    const message = landing("b", bundled(units, tested));
    sandbox.intrude({ "c2.txt": "in the way\n" });
    const first = await runway.land(message);
    sandbox.intrude({ "c2.txt": null });
    expect(await new Runway(sandbox, await sandbox.open(`${sandbox.directory}/other`)).land(message)).toEqual(first);
  });
});

describe("several bundles in one push", () => {
  it("land in order, and one that does not land takes what follows with it, and not what precedes it", async () => {
    const first = await built([unit(1, [change("a")]), unit(2, [change("b")])]);
    const second = [unit(3, [change("c")]), unit(4, [change("d", "d.txt")])];
    const tested = await runway.tested(second[1] as MergeUnit, [...first.units, second[0] as MergeUnit]);
    const alone = unit(5, [change("e")]);
    const last = await runway.tested(alone, [...first.units, ...second]);
    sandbox.commit("refs/heads/d", { files: { more: "m\n" } });
    const outcomes = await runway.land(
      landing("t", [
        ...bundled(first.units, first.tested, { bundle: "1" }),
        ...bundled(second, tested, { bundle: "3" }),
        { unit: alone, tested: last },
      ]),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["landed", "landed", "skipped", "refused", "skipped"]);
    expect(sandbox.trunk).toBe(first.tested.commit);
  });

  it("that are neighbours are told apart by their labels", async () => {
    const first = await built([unit(1, [change("a")]), unit(2, [change("b")])]);
    const second = [unit(3, [change("c")]), unit(4, [change("d")])];
    const tested = await runway.tested(second[1] as MergeUnit, [...first.units, second[0] as MergeUnit]);
    const together = [
      ...bundled(first.units, first.tested, { bundle: "1" }),
      ...bundled(second, tested, { bundle: "3" }),
    ];
    expect((await runway.land(landing("t", together))).map(({ kind }) => kind)).toEqual(Array(4).fill("landed"));
    expect(sandbox.trunk).toBe(tested.commit);
  });
});
