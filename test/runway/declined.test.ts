import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { oneLine } from "../../functions/adapters/git/host-words.ts";
import type { LandBatch } from "../../functions/contracts/messages/landing-messages.ts";
import type { MergeUnit } from "../../functions/contracts/messages/merge-unit.ts";
import { land } from "../../functions/runway/land.ts";
import { landing, NOW, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";
import { Runway } from "./runway.ts";

withRunway();

const change = (name: string, message = name) =>
  sandbox.branch(name, [{ files: { [`${name}.txt`]: `${name}\n` }, message }]);

/** A hook of the remote. `$new` and `$ref` are of one ref of the push; what it prints on stderr are the host's words. */
function hook(name: "pre-receive" | "update", perRef: string): void {
  const path = join(sandbox.remote, "hooks", name);
  const body =
    name === "update" ? `ref=$1 old=$2 new=$3\n${perRef}` : `while read old new ref; do\n${perRef}\ndone\nexit 0`;
  writeFileSync(path, `#!/bin/sh\nexec >&2\n${body}\n`);
  chmodSync(path, 0o755);
}
/** Refuses a push to the trunk that brings a commit with `word` in its message. */
const refuseMessages = (word: string, words: string, where = "refs/heads/main") =>
  hook(
    "pre-receive",
    `case $ref in ${where}) git log --format=%B $new --not refs/heads/main | grep -q '${word}' && { ${words}; exit 1; };; esac`,
  );

/** Units in order, tested by the build of the last one. */
const landBatchOf = async (units: readonly MergeUnit[]): Promise<LandBatch> =>
  landing("together", await runway.builtTogether(units));
const attempt = (message: LandBatch) => land(runway.repository, runway.config, message, { now: NOW });
const kinds = async (message: LandBatch) => (await runway.land(message)).map(({ kind }) => kind);
const COUNT = 5;

describe("a change that the host declines", () => {
  it.each(Array.from({ length: COUNT }, (_, n) => n))(
    "as number %i of five ends alone with the host's words; what is ahead of it lands, and what is behind it goes back",
    async (culprit) => {
      const units = Array.from({ length: COUNT }, (_, n) =>
        unit(n + 1, [change(`c${n}`, n === culprit ? `WIP ${n}` : `c${n}`)]),
      );
      const message = await landBatchOf(units);
      refuseMessages("WIP", "echo 'commit message says WIP'");
      const outcomes = await runway.land(message);
      expect(outcomes.map(({ kind }) => kind)).toEqual(
        units.map((_, n) => (n < culprit ? "landed" : n === culprit ? "refused" : "skipped")),
      );
      expect(outcomes[culprit]).toMatchObject({
        reason: { code: "push.declined", message: expect.stringContaining("commit message says WIP") },
      });
      expect(sandbox.log()).toEqual(units.slice(0, culprit).map((_, n) => `c${n}`));
      expect([...sandbox.records().keys()].sort()).toEqual(units.slice(0, culprit).map(({ batchId }) => batchId));
      // A repeat gets the same answer, also when the host has changed its mind.
      hook("pre-receive", ":");
      expect(await runway.land(message)).toEqual(outcomes);
    },
  );

  it.each([
    [
      "its size",
      "test $(git cat-file -s $new:big 2>/dev/null || echo 0) -gt 1000 && { echo 'big is larger than 1000 bytes'; exit 1; }",
    ],
    ["a secret", "git grep -q AKIA $new -- && { echo 'Push cannot contain secrets'; exit 1; }"],
  ])("for %s is told from a change that is not", async (_, rule) => {
    const bad = unit(2, [sandbox.branch("bad", [{ files: { big: `AKIA${"x".repeat(2_000)}\n` }, message: "bad" }])]);
    const message = await landBatchOf([unit(1, [change("good")]), bad, unit(3, [change("other")])]);
    hook("update", `test $ref = refs/heads/main || exit 0\n${rule}\nexit 0`);
    expect(await kinds(message)).toEqual(["landed", "refused", "skipped"]);
    expect(sandbox.log()).toEqual(["good"]);
  });

  it("is found although the host says nothing, when the host has just taken what is ahead of it", async () => {
    const message = await landBatchOf([unit(1, [change("good")]), unit(2, [change("bad", "WIP")])]);
    refuseMessages("WIP", ":");
    expect(await kinds(message)).toEqual(["landed", "refused"]);
  });

  it("takes the bundle that it was tested in with it, and each of the bundle is told so", async () => {
    const units = [1, 2, 3].map((n) => unit(n, [change(`c${n}`, n === 2 ? "WIP" : `c${n}`)]));
    const tested = await runway.tested(units[2] as MergeUnit, units.slice(0, 2));
    refuseMessages("WIP", "echo 'commit message says WIP'");
    const outcomes = await runway.land(
      landing(
        "b",
        units.map((one) => ({ unit: one, tested, bundle: "1" })),
      ),
    );
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({
        kind: "refused",
        reason: { code: "push.declined", message: expect.stringMatching(/q\/1, q\/2, q\/3.*WIP/) },
      });
    expect(sandbox.trunk).toBe(sandbox.base);
  });

  it("is refused in words without control characters", async () => {
    const message = await landBatchOf([unit(1, [change("bad", "WIP")])]);
    refuseMessages("WIP", "printf 'commit message\\n\\033[31mred\\a\\n'");
    const [outcome] = await runway.land(message);
    const said = outcome?.kind === "refused" ? outcome.reason.message : "";
    expect(said).toContain("commit message; \\u001b[31mred\\u0007");
    expect(said).not.toMatch(/\p{Cc}/u);
  });

  it("lands in a smaller push when the host only limits how much one push brings", async () => {
    const message = await landBatchOf([1, 2, 3, 4].map((n) => unit(n, [change(`c${n}`)])));
    hook(
      "pre-receive",
      "test $ref = refs/heads/main || continue\ntest $(git rev-list --count $old..$new) -le 2 || { echo 'push exceeds 2 commits'; exit 1; }",
    );
    expect(await kinds(message)).toEqual(Array(4).fill("landed"));
  });

  it("lands what is ahead of it once, when the process dies between two pushes", async () => {
    const units = [1, 2, 3].map((n) => unit(n, [change(`c${n}`, n === 3 ? "WIP" : `c${n}`)]));
    const message = await landBatchOf(units);
    refuseMessages("WIP", "echo 'commit message says WIP'");
    let pushes = 0;
    const dies = async () => {
      pushes += 1;
      if (pushes === 3) throw new Error("killed");
    };
    await expect(runway.land(message, { beforePush: dies })).rejects.toThrow("killed");
    expect(sandbox.log()).toEqual(["c1"]);
    const other = new Runway(sandbox, await sandbox.open(`${sandbox.directory}/other`));
    expect((await other.land(message)).map(({ kind }) => kind)).toEqual(["landed", "landed", "refused"]);
    expect(sandbox.log()).toEqual(["c1", "c2"]);
  });
});

describe("a host that refuses the queue itself", () => {
  it.each([
    "GH006: Protected branch update failed for refs/heads/main.",
    "error: GH013: Repository rule violations found for refs/heads/main. - Changes must be made through a pull request.",
    "Commits must have verified signatures.",
    "You are not allowed to push code to protected branches on this project.",
    "Write access to repository not granted: read-only deploy key",
  ])("blames no change: %s", async (words) => {
    const message = await landBatchOf([1, 2].map((n) => unit(n, [change(`c${n}`)])));
    hook("pre-receive", `test $ref != refs/heads/main || { echo '${words}'; exit 1; }`);
    expect(await attempt(message)).toMatchObject({
      kind: "held",
      reason: { code: "repository.refused", message: expect.stringContaining(words) },
      landed: [],
    });
    // Nothing is recorded: the message lands once the host allows it.
    hook("pre-receive", ":");
    expect(await kinds(message)).toEqual(["landed", "landed"]);
  });

  it.each([
    ["takes nothing at all, and does not say why", "exit 1"],
    ["takes the trunk, and not the records", "test $ref = refs/heads/main || { echo no; exit 1; }"],
  ])("blames no change when it %s", async (_, rule) => {
    const message = await landBatchOf([1, 2].map((n) => unit(n, [change(`c${n}`)])));
    hook("update", rule);
    expect(await attempt(message)).toMatchObject({ kind: "held", landed: [] });
    expect(sandbox.trunk).toBe(sandbox.base);
  });

  it("is known by saying the same of the next batch, when its words tell nothing", async () => {
    const [one, two] = [unit(1, [change("one")]), unit(2, [change("two")])];
    const [first, second] = [await runway.tested(one), await runway.tested(two)];
    hook("pre-receive", "test $ref != refs/heads/main || { echo 'not today'; exit 1; }");
    expect(await kinds(landing("1", [{ unit: one, tested: first }]))).toEqual(["refused"]);
    const next = landing("2", [{ unit: two, tested: second }]);
    expect(await attempt(next)).toMatchObject({ kind: "held" });
    hook("pre-receive", ":");
    expect(await kinds(next)).toEqual(["landed"]);
  });

  it("holds the batches that the host refuses, and tells the batches that it took before as landed", async () => {
    const message = await landBatchOf([1, 2].map((n) => unit(n, [change(`c${n}`, n === 2 ? "WIP" : "c1")])));
    refuseMessages("WIP", "echo 'push exceeds the maximum'");
    const closes = async (n: number) => {
      if (n === 1 && sandbox.log().length === 1)
        hook("pre-receive", "test $ref != refs/heads/main || { echo 'the branch is frozen'; exit 1; }");
    };
    const answer = await land(runway.repository, runway.config, message, { now: NOW, beforePush: closes });
    expect(answer).toMatchObject({ kind: "held", landed: [{ batchId: "q/batch/1", outcome: { kind: "landed" } }] });
  });
});

describe("a composition that the host declines", () => {
  const units = () => [1, 2, 3, 4].map((n) => unit(n, [change(`c${n}`, n === 3 ? "WIP" : `c${n}`)]));

  it.each([1, 2, 3, 4])("of %i changes is refused for the change at fault, if that is among them", async (count) => {
    const chosen = units().slice(0, count);
    refuseMessages("WIP", "echo 'commit message says WIP'", "refs/*");
    const result = await runway.compose(chosen.at(-1) as MergeUnit, { base: chosen.slice(0, -1) });
    if (count < 3) expect(result.kind).toBe("composed");
    else {
      expect(result).toMatchObject({ kind: "refused", batchId: "q/batch/3", reason: { code: "push.declined" } });
      expect(sandbox.refs("refs/submitqueue")).toEqual([]);
    }
  });

  it("is no change's fault when the host takes no push of the queue", async () => {
    hook("pre-receive", "echo go away; exit 1");
    await expect(runway.compose(unit(1, [change("one")]))).rejects.toMatchObject({
      code: "repository.refused",
      message: expect.stringContaining("go away"),
    });
  });
});

it.each([
  ["a\nb\r\nc", "a; b; c"],
  ["\u001b]0;title\u0007x", "\\u001b]0;title\\u0007x"],
  ["right\u202eleft", "right\\u202eleft"],
  ["lone \ud800", "lone \\ud800"],
])("foreign text %j is shown as %j", (text, shown) => {
  expect(oneLine(text)).toBe(shown);
});
