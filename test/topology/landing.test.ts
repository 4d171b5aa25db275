import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { proveTrunk } from "../../localstack/demo/proof.ts";
import { git } from "../../localstack/sandbox/git.ts";
import { FAKE, startTopology, type Topology } from "../support/topology.ts";
import { untilPasses } from "../support/wait.ts";
import { aGateAt } from "./gate.ts";
import { eventually } from "./lane.ts";
import { CHECK, PROJECT } from "./project.ts";
import type { Remote } from "./remote.ts";

let topology: Topology;
const at = (queue: string) => topology.at(queue);

const REAL = { buildRunner: { type: "command", command: CHECK, pollSeconds: 1, timeoutSeconds: 600 } };
/** Builds pass once this file is there. */
const passing = join(tmpdir(), `submitqueue-passing-${process.pid}`);
const GATED = { buildRunner: { ...REAL.buildRunner, command: `until [ -e ${passing} ]; do sleep 0.1; done` } };

// Each test has a queue, and so a repository, of its own: they go side by side.
beforeAll(async () => {
  topology = await startTopology(
    {
      one: REAL,
      stack: FAKE,
      ahead: GATED,
      apart: { ...GATED, conflictAnalyzer: { type: "none" } },
      lead: FAKE,
      stale: FAKE,
      late: FAKE,
      semantic: { ...REAL, conflictAnalyzer: { type: "paths", by: "directory" } },
      squash: FAKE,
      merge: { ...FAKE, strategy: "MERGE" },
      promote: FAKE,
      diverged: FAKE,
    },
    PROJECT,
  );
});
afterAll(async () => {
  await topology.stop();
  await rm(passing, { force: true });
});

const COMMITTER = "submitqueue <submitqueue@localhost.invalid>";
const ADA = "Ada <ada@example.invalid>";
const subjects = (commits: readonly { subject: string }[]) => commits.map(({ subject }) => subject);
const tip = (uri: ChangeUri) => uri.slice(-40);
/** The refs, once the refs of builds are gone: they outlive the landing by a moment. */
const tidied = ({ refs }: Remote) =>
  eventually("spent refs are gone", refs, (found) => !/refs\/submitqueue\/(paths|composed)\//.test(found));

describe.concurrent("one change", () => {
  it("adds its commits to the trunk, by their author, and the log names the commit that landed", async () => {
    const { lane, remote } = at("one");
    const change = await remote.change("one", [{ "lib/one": "1\n" }, { "lib/one.needs": "lib/one\n" }], { by: ADA });
    const { sqid, metadata } = await lane.landed(change);
    const trunk = await remote.trunk();
    expect(trunk).toMatchObject([
      { subject: "one 1", author: ADA, committer: COMMITTER, parents: [remote.start] },
      { subject: "one 2", author: ADA, committer: COMMITTER, parents: [trunk[0]?.sha] },
    ]);
    expect(metadata).toMatchObject({ commit: trunk[1]?.sha });
    expect(metadata["tested_tree"]).toBe(metadata["tree"]);
    expect(await remote.show("main", "lib/one.needs")).toBe("lib/one");
    await lane.reaches(sqid, "built");
    await tidied(remote);
  });
});

describe.concurrent("a stack", () => {
  it("lands in its order by one move of the trunk", async () => {
    const { lane, remote } = at("stack");
    const stack = [
      await remote.change("low", { "lib/low": "1\n" }),
      await remote.change("middle", [{ "lib/low": "2\n" }, { "lib/middle": "1\n" }], { onto: "low" }),
      await remote.change("top", { "lib/top": "1\n" }, { onto: "middle" }),
    ];
    const branches = await remote.refs();
    expect(await lane.landed(stack)).toMatchObject({ status: "landed" });
    expect(subjects(await remote.trunk())).toEqual(["low 1", "middle 1", "middle 2", "top 1"]);
    expect(await remote.moves()).toBe(1);
    expect((await remote.refs()).split("\n")).toEqual(
      expect.arrayContaining(branches.split("\n").filter((line) => !line.startsWith("refs/heads/main "))),
    );
  });
});

describe.concurrent("of two changes that conflict", () => {
  it("the one behind ends in error, and leaves the trunk and its branch alone", async () => {
    // Built on each other, in order; and taken to be independent: whose build is seen to pass first lands first.
    const asked = [];
    for (const name of ["ahead", "apart"] as const) {
      const { lane, remote } = at(name);
      const left = await lane.land(await remote.change("left", { "lib/same": "left\n" }));
      await lane.reaches(left.sqid, "speculating");
      const right = await lane.land(await remote.change("right", { "lib/same": "right\n" }));
      await lane.reaches(right.sqid, "speculating");
      const branches = () => git(remote.path, ["rev-parse", "left", "right"]);
      asked.push({ name, lane, remote, left, right, branches, before: await branches() });
    }
    await writeFile(passing, "");
    for (const { name, lane, remote, left, right, branches, before } of asked) {
      const [first, second] = [await lane.end(left.sqid), await lane.end(right.sqid)];
      const isOvertaken = name === "apart" && second.status === "landed";
      const [winner, loser] = isOvertaken ? [second, first] : [first, second];
      expect(winner).toMatchObject({ status: "landed" });
      expect(loser).toMatchObject({ status: "error", reason: { code: "merge.conflict" } });
      expect(loser.reason?.message).toContain("lib/same");
      expect(subjects(await remote.trunk())).toEqual([isOvertaken ? "right 1" : "left 1"]);
      expect(await remote.moves()).toBe(1);
      expect(await branches()).toBe(before);
    }
  });

  it("without touching the same lines, the build of both together fails the second, and every landed point passes the check", async () => {
    const { lane, remote } = at("semantic");
    const renaming = await remote.change("renaming", { "lib/old": "moved\n", "lib/new": "1\n", "lib/list": "new\n" });
    const using = await remote.change("using", { "lib/user.needs": "lib/list old\n" });
    const first = await lane.land(renaming);
    await lane.reaches(first.sqid, "speculating");
    const second = await lane.landed(using);
    expect(await lane.end(first.sqid)).toMatchObject({ status: "landed" });
    expect(second).toMatchObject({ status: "error", reason: { code: "build.failed" } });
    expect(second.reason?.message).toMatch(
      /^Build [0-9a-f]{32}: .*\n(.*\n)*lib\/user\.needs: lib\/list has no line old/,
    );
    const { commits } = await proveTrunk({
      remote: remote.path,
      branch: "main",
      start: remote.start,
      folders: [],
      command: CHECK,
    });
    expect(commits).toMatchObject([{ subject: "renaming 1", point: true, passed: true }]);
  });
});

describe.concurrent("a request that has passed behind one that is landing", () => {
  it("waits for it, and lands by nothing but the other's landing", async () => {
    const { lane, remote } = at("lead");
    const gate = await aGateAt(remote);
    const lead = await lane.land(await remote.change("lead", { "lib/lead": "1\n" }));
    await gate.reached();
    const behind = await lane.land(await remote.change("behind", { "lib/behind": "1\n" }));
    await lane.reaches(behind.sqid, "waiting");
    await untilPasses(async () => {
      expect(await lane.get(behind.sqid)).toMatchObject({ status: "speculating" });
      expect(await lane.get(lead.sqid)).toMatchObject({ status: "landing" });
    });
    await gate.open();
    expect(await lane.end(lead.sqid)).toMatchObject({ status: "landed" });
    expect(await lane.end(behind.sqid)).toMatchObject({ status: "landed" });
    expect(subjects(await remote.trunk())).toEqual(["lead 1", "behind 1"]);
  });
});

describe.concurrent("a change that conflicts with the trunk", () => {
  it("is refused by the trial merge: nothing is built, and nothing pushed", async () => {
    const { lane, remote } = at("late");
    await lane.landed(await remote.change("first", { "lib/same": "first\n" }));
    const late = await remote.change("late", { "lib/same": "late\n" });
    const before = await tidied(remote);
    const refused = await lane.landed(late);
    expect(refused).toMatchObject({ status: "error", reason: { code: "merge.conflict" } });
    const trail = ["accepted", "started", "validating", "error"];
    await untilPasses(async () => expect(await lane.trail(refused.sqid)).toEqual(trail));
    expect(await remote.refs()).toBe(before);
  });
});

describe.concurrent("a change whose branch has moved since it landed", () => {
  it("is refused as stale under its old commit, and nothing is pushed", async () => {
    const { lane, remote } = at("stale");
    const original = await remote.change("one", { "lib/one": "1\n" });
    expect(await lane.landed(original)).toMatchObject({ status: "landed" });
    await remote.change("one", { "lib/one": "2\n" });
    const before = await tidied(remote);
    const again = await lane.landed(original);
    expect(again).toMatchObject({ status: "error", reason: { code: "change.stale" } });
    expect(await remote.refs()).toBe(before);
  });
});

describe.concurrent("the strategy", () => {
  const land = async (queue: string, changes: readonly ChangeUri[], strategy?: MergeStrategy) => {
    const summary = await at(queue).lane.landed(changes, strategy ? { strategy } : {});
    return { summary, trunk: await at(queue).remote.trunk() };
  };

  it("SQUASH_REBASE makes one commit of each change, by the author of its last", async () => {
    const { remote } = at("squash");
    const two = [{ "lib/two": "1\n" }, { "lib/two": "2\n" }];
    const changes = [
      await remote.change("two", two, { by: ADA }),
      await remote.change("more", { "lib/more": "1\n" }, { onto: "two" }),
    ];
    const { summary, trunk } = await land("squash", changes, "SQUASH_REBASE");
    expect(summary).toMatchObject({ status: "landed", strategy: "SQUASH_REBASE" });
    expect(trunk).toMatchObject([{ author: ADA, committer: COMMITTER }, { subject: "more 1" }]);
    expect(await remote.show(trunk[0]?.sha ?? "", "lib/two")).toBe("2");
  });

  it("MERGE, here the queue's own, keeps the change's commits below a merge commit", async () => {
    const { remote } = at("merge");
    const change = await remote.change("two", [{ "lib/two": "1\n" }, { "lib/two": "2\n" }], { by: ADA });
    const { summary, trunk } = await land("merge", [change]);
    expect(summary).toMatchObject({ status: "landed", strategy: "MERGE" });
    expect(trunk).toMatchObject([{ parents: [remote.start, tip(change)], committer: COMMITTER }]);
  });

  it("PROMOTE moves the trunk to the change itself", async () => {
    const { remote } = at("promote");
    const change = await remote.change("two", [{ "lib/two": "1\n" }, { "lib/two": "2\n" }], { by: ADA });
    const { summary, trunk } = await land("promote", [change], "PROMOTE");
    expect(summary).toMatchObject({ status: "landed", strategy: "PROMOTE" });
    expect(trunk.at(-1)).toMatchObject({ sha: tip(change), committer: ADA });
    expect(await remote.moves()).toBe(1);
  });

  it("PROMOTE refuses a change that lacks commits of the trunk", async () => {
    const { remote } = at("diverged");
    await land("diverged", [await remote.change("one", { "lib/one": "1\n" })]);
    const { summary } = await land("diverged", [await remote.change("two", { "lib/two": "1\n" })], "PROMOTE");
    expect(summary).toMatchObject({ status: "error", reason: { code: "merge.conflict" } });
    expect(await remote.moves()).toBe(1);
  });
});
