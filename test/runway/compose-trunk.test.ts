import { describe, expect, it } from "vitest";
import { type GitSha, trunkIdOf } from "../../functions/contracts/ids.ts";
import { compose } from "../../functions/runway/compose.ts";
import { buildKey, INSTALLATION, landing, NOW, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";

withRunway();

const ofTrunk = (unless: readonly GitSha[] = [], since?: GitSha) =>
  compose(
    runway.repository,
    runway.config,
    {
      queue: runway.config.name,
      installation: INSTALLATION,
      buildKey: buildKey(0),
      base: [],
      head: {
        batchId: trunkIdOf(runway.config.name),
        steps: [],
        unless: [...unless],
        ...(since === undefined ? {} : { since }),
      },
      sqids: [],
      without: [],
    },
    NOW,
  );

describe("a build of the trunk itself", () => {
  it("gets the trunk's own commit under the path's ref, and the name of its author", async () => {
    const trunk = sandbox.intrude();
    const ref = `refs/submitqueue/paths/${buildKey(0)}`;
    const [author] = sandbox.log("%an", trunk).slice(-1);
    expect(await ofTrunk()).toEqual({
      kind: "composed",
      composed: { commit: trunk, tree: sandbox.tree(ref), trunk, author },
      under: trunk,
      ref,
      landed: [],
    });
    expect(sandbox.at(ref)).toBe(trunk);
  });

  it.each([
    ["Jörg Çelik", "Jörg Çelik"],
    ["山田 太郎", "山田 太郎"],
    ["Ann \u001b[2J", "Ann \\u001b[2J"],
  ])("names an author in any script: %s", async (name, shown) => {
    sandbox.commit("refs/heads/main", { files: { x: "1\n" }, message: "x", author: `${name} <a@example.test>` });
    expect(await ofTrunk()).toMatchObject({ composed: { author: shown } });
  });

  it("makes no commit, and a repeat takes the trunk as it is then", async () => {
    await ofTrunk();
    const trunk = sandbox.intrude();
    expect(await ofTrunk()).toMatchObject({ composed: { commit: trunk } });
  });

  it("is not made of a commit that needs none, and no ref is pushed", async () => {
    const trunk = sandbox.intrude();
    expect(await ofTrunk([sandbox.base, trunk])).toEqual({ kind: "unchanged", trunk });
    expect(sandbox.refs("refs/submitqueue/paths")).toEqual([]);
  });

  it("is about what was added since a commit of the trunk's history, and about nothing known otherwise", async () => {
    const trunk = sandbox.intrude();
    expect(await ofTrunk([], sandbox.base)).toMatchObject({ under: sandbox.base });
    const uri = sandbox.branch("elsewhere", [{ files: { elsewhere: "1\n" }, message: "elsewhere" }]);
    expect(await ofTrunk([], uri.slice(-40) as GitSha)).toMatchObject({ under: trunk });
    expect(await ofTrunk([], "d".repeat(40) as GitSha)).toMatchObject({ under: trunk });
  });
});

it("a landing says where the trunk was", async () => {
  const units = [1, 2].map((n) =>
    unit(n, [sandbox.branch(`b${n}`, [{ files: { [`f${n}`]: "1\n" }, message: `b${n}` }])]),
  );
  const trunk = sandbox.intrude();
  const tested = await Promise.all(units.map((one, n) => runway.tested(one, units.slice(0, n))));
  const outcomes = await runway.land(
    landing(
      "l1",
      units.flatMap((one, n) => (tested[n] ? [{ unit: one, tested: tested[n] }] : [])),
    ),
  );
  expect(outcomes).toMatchObject([{ onto: trunk }, { onto: trunk }]);
});
