import { expect, it } from "vitest";
import { BatchId } from "../../functions/contracts/ids.ts";
import { buildKey, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";

withRunway();

const branch = (name: string, file = name) => sandbox.branch(name, [{ files: { [file]: `${name}\n` }, message: name }]);
const id = (n: number) => BatchId.parse(`q/batch/${n}`);
const names = (prefix: string) => sandbox.refs(prefix).map((line) => line.split(" ")[0]);

it("pushes trunk, base and head as one commit under the path's ref, and touches no branch", async () => {
  const [a, b] = [unit(1, [branch("a")]), unit(2, [branch("b")])];
  const heads = sandbox.refs("refs/heads");
  const result = await runway.compose(b, { base: [a], key: buildKey(2) });
  const ref = `refs/submitqueue/paths/${buildKey(2)}`;
  const commit = sandbox.at(ref);
  expect(result).toEqual({
    kind: "composed",
    composed: { commit, tree: sandbox.tree(ref), trunk: sandbox.base },
    under: sandbox.git("rev-parse", `${commit}^`),
    ref,
    landed: [],
  });
  expect(sandbox.log("%s", ref)).toEqual(["a", "b"]);
  expect(sandbox.refs("refs/heads")).toEqual(heads);
});

it("names the commit below the heads of the build, so that a build can tell which changes it is about", async () => {
  const [a, b, c] = [unit(1, [branch("a")]), unit(2, [branch("b")]), unit(3, [branch("c")])];
  const result = await runway.compose(c, { base: [a, b], bundled: [b] });
  if (result.kind !== "composed") throw new Error(JSON.stringify(result));
  const { under, composed } = result;
  expect(sandbox.log("%s", under)).toEqual(["a"]);
  expect(sandbox.git("diff", "--name-only", under, composed.commit).split("\n")).toEqual(["b", "c"]);
  await runway.landAlone(a);
  expect(await runway.compose(b, { base: [a] })).toMatchObject({ kind: "composed", under: sandbox.trunk });
});

it("composes the same again for a repeat, and moves its own ref when the trunk has moved", async () => {
  const a = unit(1, [branch("a")]);
  const first = await runway.compose(a, { key: buildKey(1) });
  expect(await runway.compose(a, { key: buildKey(1) })).toEqual(first);
  sandbox.intrude();
  const second = await runway.compose(a, { key: buildKey(1) });
  expect(second).not.toEqual(first);
  expect(sandbox.log("%s", `refs/submitqueue/paths/${buildKey(1)}`)).toEqual(["pushed by hand", "a"]);
});

it("leaves out of the base what has landed, and says so", async () => {
  const [a, b] = [unit(1, [branch("a")]), unit(2, [branch("b")])];
  const outcome = await runway.landAlone(a);
  const result = await runway.compose(b, { base: [a] });
  expect(result).toMatchObject({ kind: "composed", landed: ["q/batch/1"], composed: { trunk: sandbox.trunk } });
  expect(outcome).toMatchObject({ kind: "landed", commit: sandbox.trunk });
});

it("measures a head that is built on a landed base from that base, even when it landed as a squash", async () => {
  const below = sandbox.branch("below", [{ files: { f: "1\n" } }, { files: { f: "2\n" } }]);
  const above = sandbox.branch("above", [{ files: { f: "3\n" }, message: "above" }], below.slice(-40));
  const base = unit(1, [below], "SQUASH_REBASE");
  sandbox.intrude();
  await runway.landAlone(base);
  const { trunk } = sandbox;
  const result = await runway.compose(unit(2, [above]), { base: [base] });
  expect(result).toMatchObject({ kind: "composed" });
  expect(result.kind === "composed" && sandbox.log("%s", result.composed.commit).at(-1)).toBe("above");
  expect(result.kind === "composed" && sandbox.git("rev-parse", `${result.composed.commit}^`)).toBe(trunk);
});

it("a path on the assumption that a batch fails is refuted once that batch has landed", async () => {
  await runway.landAlone(unit(1, [branch("a")]));
  const head = unit(2, [branch("b")]);
  expect(await runway.compose(head, { without: [id(1)] })).toEqual({ kind: "refuted", batchId: "q/batch/1" });
  expect(await runway.compose(head, { without: [id(7)] })).toMatchObject({ kind: "composed" });
});

it("names the batch that does not apply: one of the base, or the head", async () => {
  const [a, b, c] = [unit(1, [branch("a", "f")]), unit(2, [branch("b", "f")]), unit(3, [branch("c")])];
  const refused = { kind: "refused", batchId: "q/batch/2", reason: { code: "merge.conflict" } };
  expect(await runway.compose(b, { base: [a] })).toMatchObject(refused);
  expect(await runway.compose(c, { base: [a, b] })).toMatchObject(refused);
  sandbox.commit("refs/heads/a", { files: { more: "m\n" } });
  expect(await runway.compose(c, { base: [a] })).toMatchObject({
    batchId: "q/batch/1",
    reason: { code: "change.stale" },
  });
  expect(names("refs/submitqueue")).toEqual([]);
});

it("takes batches of queues whose names git would refuse in a ref", async () => {
  for (const name of ["a..b", "x.lock", "dot."]) {
    const one = { ...unit(1, [branch(name.replaceAll(".", "_"))]), batchId: BatchId.parse(`${name}/batch/1`) };
    expect(await runway.landAlone(one)).toMatchObject({ kind: "landed" });
  }
  expect(sandbox.records().size).toBe(3);
});

it("several compositions at once in one directory do not disturb each other", async () => {
  const units = [1, 2, 3, 4, 5].map((n) => unit(n, [branch(`b${n}`)]));
  const results = await Promise.all(
    units.map((head, n) => runway.compose(head, { base: units.slice(0, n), key: buildKey(n + 1) })),
  );
  expect(results.map(({ kind }) => kind)).toEqual(Array(5).fill("composed"));
});
