import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gitProcessesStarted } from "../../functions/adapters/git/process.ts";
import type { BatchId } from "../../functions/contracts/ids.ts";
import type { LandOutcome } from "../../functions/contracts/messages/landing-messages.ts";
import { reasonOf } from "../../functions/contracts/reasons.ts";
import { giveUp, land } from "../../functions/runway/land.ts";
import { landing, NOW, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";
import { Runway } from "./runway.ts";

withRunway();

/** Two commits on one file: what re-picking onto their own landing would conflict with. */
const twoSteps = (name: string, file = `${name}.txt`) =>
  sandbox.branch(name, [
    { files: { [file]: `${name} 1\n` }, message: `${name} 1` },
    { files: { [file]: `${name} 2\n` }, message: `${name} 2` },
  ]);
const landedAt = (n: number) => sandbox.records().get(`q/batch/${n}`);
const isOnTrunk = (n: number) => sandbox.git("merge-base", landedAt(n) ?? "", "main") === landedAt(n);
const remoteHook = (name: string, script: string) => {
  const hook = join(sandbox.remote, "hooks", name);
  writeFileSync(hook, `#!/bin/sh\n${script}\n`);
  chmodSync(hook, 0o755);
};

it("what must not land is asked for when nothing but the push is left, also when changes have to be applied again", async () => {
  const units = [unit(1, [twoSteps("one")]), unit(2, [twoSteps("two")])];
  const tested = await Promise.all(units.map((one) => runway.tested(one)));
  sandbox.intrude();
  const message = landing(
    "l1",
    units.flatMap((one, n) => (tested[n] ? [{ unit: one, tested: tested[n], exact: false }] : [])),
  );
  let asked = 0;
  const reason = reasonOf("change.not_reviewed", "The review was withdrawn.");
  const outcomes = await runway.land(message, {
    obstacles: async (batches) => {
      expect(batches.map(({ batchId }) => batchId)).toEqual(["q/batch/1", "q/batch/2"]);
      asked = gitProcessesStarted();
      return new Map([["q/batch/2" as BatchId, reason]]);
    },
  });
  // What is applied once more without the second batch is remembered.
  expect(gitProcessesStarted() - asked).toBe(1);
  expect(outcomes).toMatchObject([{ kind: "landed" }, { kind: "refused", reason }]);
});

describe("a trunk that has not moved", () => {
  it("moves to the very commit that was tested, without applying anything again", async () => {
    const one = unit(1, [twoSteps("one")]);
    sandbox.intrude();
    const tested = await runway.tested(one);
    const before = gitProcessesStarted();
    const [outcome] = await runway.land(landing("l1", [{ unit: one, tested }]));
    expect(gitProcessesStarted() - before).toBe(5);
    expect(sandbox.trunk).toBe(tested.commit);
    expect(outcome).toEqual({
      kind: "landed",
      commit: tested.commit,
      tree: tested.tree,
      testedTree: tested.tree,
      commits: sandbox.log("%H").slice(1),
      onto: tested.trunk,
    });
  });

  it("takes several batches in one push, each to its tested commit", async () => {
    const units = [1, 2, 3].map((n) => unit(n, [twoSteps(`b${n}`)]));
    const tested = await Promise.all(units.map((head, n) => runway.tested(head, units.slice(0, n))));
    const together = units.flatMap((one, n) => (tested[n] ? [{ unit: one, tested: tested[n] }] : []));
    const pushes = join(sandbox.directory, "pushes");
    remoteHook("post-receive", `echo push >> ${pushes}`);
    const outcomes = await runway.land(landing("together", together));
    expect(sandbox.trunk).toBe(tested[2]?.commit);
    expect(outcomes.map((outcome) => outcome.kind === "landed" && outcome.commits.length)).toEqual([2, 2, 2]);
    for (const n of [1, 2, 3]) expect(isOnTrunk(n)).toBe(true);
    expect(landedAt(2)).toBe(tested[1]?.commit);
  });

  it("lands a batch that was tested on others after the others have landed by themselves", async () => {
    const [a, b] = [unit(1, [twoSteps("a")]), unit(2, [twoSteps("b")])];
    const onTop = await runway.tested(b, [a]);
    await runway.landAlone(a);
    expect(await runway.land(landing("later", [{ unit: b, tested: onTop }]))).toMatchObject([{ kind: "landed" }]);
    expect(sandbox.trunk).toBe(onTop.commit);
  });

  it("never takes along a batch that was only tested below: its commits are not the head's", async () => {
    const [a, b] = [unit(1, [twoSteps("a")]), unit(2, [twoSteps("b")])];
    const onTop = await runway.tested(b, [a]);
    const [strict] = await runway.land(landing("strict", [{ unit: b, tested: onTop }]));
    expect(strict).toMatchObject({ kind: "stale" });
    await runway.land(landing("free", [{ unit: b, tested: onTop, exact: false }]));
    expect(sandbox.log()).toEqual(["b 1", "b 2"]);
  });
});

describe("a trunk that has moved", () => {
  it("gets the batch applied again, and both trees are told", async () => {
    const one = unit(1, [twoSteps("one")]);
    const tested = await runway.tested(one);
    sandbox.intrude();
    const [outcome] = await runway.land(landing("l", [{ unit: one, tested, exact: false }]));
    expect(outcome).toMatchObject({ kind: "landed", tree: sandbox.tree("main"), testedTree: tested.tree });
    expect(sandbox.tree("main")).not.toBe(tested.tree);
    expect(sandbox.log()).toEqual(["pushed by hand", "one 1", "one 2"]);
  });

  it("gets nothing but the tested tree when that is asked for: it is stale, and what follows was not tried", async () => {
    const [one, two] = [unit(1, [twoSteps("one")]), unit(2, [twoSteps("two")])];
    const [first, second] = [await runway.tested(one), await runway.tested(two, [one])];
    const trunk = sandbox.intrude();
    const message = landing("l", [
      { unit: one, tested: first },
      { unit: two, tested: second },
    ]);
    expect(await runway.land(message)).toEqual([{ kind: "stale", trunk }, { kind: "skipped" }]);
    expect(sandbox.trunk).toBe(trunk);
  });

  it("still gets the tested tree when what moved it left the tree alone", async () => {
    const one = unit(1, [twoSteps("one")]);
    const tested = await runway.tested(one);
    sandbox.intrude({});
    expect(await runway.land(landing("l", [{ unit: one, tested }]))).toMatchObject([
      { kind: "landed", tree: tested.tree },
    ]);
  });
});

describe("batches that do not apply", () => {
  it("of two changes that conflict the loser is refused, and trunk and branch are untouched by it", async () => {
    const [winner, loser] = [unit(1, [twoSteps("w", "same")]), unit(2, [twoSteps("l", "same")])];
    const [tested, alsoTested] = [await runway.tested(winner), await runway.tested(loser)];
    await runway.land(landing("w", [{ unit: winner, tested }]));
    const [trunk, branch] = [sandbox.trunk, sandbox.at("refs/heads/l")];
    expect(await runway.land(landing("l", [{ unit: loser, tested: alsoTested }]))).toMatchObject([
      { kind: "refused", reason: { code: "merge.conflict", message: expect.stringContaining("same") } },
    ]);
    expect([sandbox.trunk, sandbox.at("refs/heads/l")]).toEqual([trunk, branch]);
  });

  it("the batches ahead of a refused batch land, and the batches behind it were not tried", async () => {
    const units = [unit(1, [twoSteps("a", "f")]), unit(2, [twoSteps("b", "f")]), unit(3, [twoSteps("c")])];
    const tested = await Promise.all(units.map((one) => runway.tested(one)));
    const together = units.flatMap((one, n) => (tested[n] ? [{ unit: one, tested: tested[n], exact: false }] : []));
    const outcomes = await runway.land(landing("together", together));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["landed", "refused", "skipped"]);
    expect(sandbox.log()).toEqual(["a 1", "a 2"]);
  });

  it("a change that was landed and whose branch then moved is stale, and nothing is pushed", async () => {
    const uri = twoSteps("one");
    await runway.landAlone(unit(1, [uri]));
    const tested = await runway.tested(unit(2, [uri]));
    sandbox.commit("refs/heads/one", { files: { more: "m\n" } });
    const { trunk } = sandbox;
    expect(await runway.land(landing("again", [{ unit: unit(2, [uri]), tested }]))).toMatchObject([
      { kind: "refused", reason: { code: "change.stale" } },
    ]);
    expect(sandbox.trunk).toBe(trunk);
  });
});

describe("a message that is delivered again", () => {
  const together = async () => {
    const [one, two] = [unit(1, [twoSteps("one")]), unit(2, [twoSteps("two")])];
    const tested = [await runway.tested(one), await runway.tested(two, [one])] as const;
    return landing("together", [
      { unit: one, tested: tested[0] },
      { unit: two, tested: tested[1] },
    ]);
  };
  /** As after a crash: nothing is left of what the first delivery had on its machine. */
  const elsewhere = async () => new Runway(sandbox, await sandbox.open(join(sandbox.directory, "elsewhere")));

  it("gets the answer it got, with the same commits and no second push", async () => {
    const message = await together();
    const first = await runway.land(message);
    const refs = sandbox.refs();
    expect(await (await elsewhere()).land(message)).toEqual(first);
    expect(sandbox.refs()).toEqual(refs);
  });

  it("gets it also when the trunk has moved on and the branches are gone", async () => {
    const message = await together();
    const first = await runway.land(message);
    sandbox.intrude({ "one.txt": "rewritten\n" });
    sandbox.delete("refs/heads/one");
    sandbox.delete("refs/heads/two");
    expect(await (await elsewhere()).land(message)).toEqual(first);
  });

  it("gets the landing of its batches also as a new decision", async () => {
    const message = await together();
    const first = await runway.land(message);
    sandbox.intrude();
    expect(await runway.land({ ...message, id: "another" })).toEqual(first);
  });

  it("gets the part of the answer that it asks for", async () => {
    const message = await together();
    const [, second] = await runway.land(message);
    expect(await runway.land({ ...message, batches: message.batches.slice(1) })).toEqual([second]);
  });

  it("is refused again although it would now apply: the answer may have been acted upon", async () => {
    const one = unit(1, [twoSteps("one", "f")]);
    const tested = await runway.tested(one);
    sandbox.intrude({ f: "in the way\n" });
    const message = landing("l", [{ unit: one, tested }]);
    const first = await runway.land(message);
    expect(first).toMatchObject([{ kind: "refused" }]);
    sandbox.intrude({ f: null });
    expect(await (await elsewhere()).land(message)).toEqual(first);
  });

  it("lands when the first delivery died right before its push", async () => {
    const message = await together();
    const dies = () => Promise.reject(new Error("killed"));
    await expect(runway.land(message, { beforePush: dies })).rejects.toThrow("killed");
    expect(sandbox.trunk).toBe(sandbox.base);
    expect(await runway.land(message)).toMatchObject([{ kind: "landed" }, { kind: "landed" }]);
  });

  it("lands once when two deliveries run at the same time", async () => {
    const message = await together();
    const other = await elsewhere();
    let overtaken: LandOutcome[] = [];
    const outcomes = await runway.land(message, {
      beforePush: async (attempt) => {
        if (attempt === 1) overtaken = await other.land(message);
      },
    });
    expect(outcomes).toEqual(overtaken);
    expect(sandbox.log()).toEqual(["one 1", "one 2", "two 1", "two 2"]);
  });
});

describe("records that the trunk belies", () => {
  it("a batch whose landing was taken back by a push lands again", async () => {
    const one = unit(1, [twoSteps("one")]);
    await runway.landAlone(one);
    sandbox.point("refs/heads/main", sandbox.base);
    expect(await runway.landAlone(one)).toMatchObject({ kind: "landed" });
    expect(isOnTrunk(1)).toBe(true);
  });

  it("a batch of an earlier deployment that bore the same id is another batch", async () => {
    await runway.landAlone(unit(1, [twoSteps("one")]));
    await runway.landAlone(unit(1, [twoSteps("two")]));
    expect(sandbox.log()).toEqual(["one 1", "one 2", "two 1", "two 2"]);
  });
});

describe("contention", () => {
  const prepared = async () => {
    const one = unit(1, [twoSteps("one")]);
    return landing("l", [{ unit: one, tested: await runway.tested(one), exact: false }]);
  };

  it("applies again and pushes when the trunk moved under the push", async () => {
    const message = await prepared();
    const attempts: number[] = [];
    const beforePush = async (attempt: number) => {
      attempts.push(attempt);
      if (attempt < 4) sandbox.intrude();
    };
    expect(await runway.land(message, { beforePush })).toMatchObject([{ kind: "landed", commit: sandbox.trunk }]);
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(sandbox.log()).toEqual([...Array(3).fill("pushed by hand"), "one 1", "one 2"]);
  });

  it("gives up after ten times, with an error that is worth a retry and no verdict", async () => {
    const message = await prepared();
    let attempts = 0;
    const beforePush = async () => {
      attempts += 1;
      sandbox.intrude();
    };
    await expect(runway.land(message, { beforePush })).rejects.toMatchObject({ code: "repository.unavailable" });
    expect(attempts).toBe(10);
    expect(landedAt(1)).toBeUndefined();
  });

  it("given up for good, the first batch ends with the reason and the others go back", async () => {
    const [one, two] = [unit(1, [twoSteps("one")]), unit(2, [twoSteps("two")])];
    const message = landing("l", [
      { unit: one, tested: await runway.tested(one) },
      { unit: two, tested: await runway.tested(two, [one]) },
    ]);
    const results = await giveUp(runway.repository, runway.config, message, { why: "policy forbids it", now: NOW });
    expect(results.map(({ outcome }) => outcome)).toMatchObject([
      { kind: "refused", reason: { code: "internal", message: expect.stringContaining("policy forbids it") } },
      { kind: "skipped" },
    ]);
    expect(await runway.land(message)).toEqual(results.map(({ outcome }) => outcome));
  });

  it("given up for good after all had landed, it is answered as landed", async () => {
    const message = await prepared();
    const first = await runway.land(message);
    const other = { ...message, id: "other" };
    const results = await giveUp(runway.repository, runway.config, other, { why: "no idea", now: NOW });
    expect(results.map(({ outcome }) => outcome)).toEqual(first);
  });
});

it("names the refs that are not needed any more: the path refs of the batches that have ended, other attempts included", async () => {
  const one = unit(1, [twoSteps("one")]);
  await runway.tested(one);
  const tested = await runway.tested(one);
  const answer = await land(runway.repository, runway.config, landing("l", [{ unit: one, tested }]), { now: NOW });
  const spent = answer.kind === "answered" ? answer.spent : [];
  const ours = sandbox.refs("refs/submitqueue").map((line) => line.split(" ")[0]);
  expect([...spent].sort()).toEqual(ours.filter((ref) => /paths|composed/.test(ref ?? "")).sort());
  expect(spent).toHaveLength(4);
});
