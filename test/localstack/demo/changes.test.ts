import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { changeOf } from "../../../functions/contracts/change-uri.ts";
import { makeChange } from "../../../localstack/demo/changes.ts";
import { planRequests } from "../../../localstack/demo/plan.ts";
import { proveTrunk } from "../../../localstack/demo/proof.ts";
import type { ChangePlan } from "../../../localstack/demo/request-plan.ts";
import { SLOW_AND_BEHIND } from "../../../localstack/demo/slow.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import {
  createSandbox,
  type Sandbox,
  type SandboxOptions,
  sandboxRemote,
} from "../../../localstack/sandbox/sandbox.ts";
import { scratch } from "../../adapters/build-runner/tasks.ts";

interface World extends Sandbox {
  readonly clone: string;
}

/** A sandbox, and a clone of it to check commits out in. */
async function open(options: SandboxOptions = {}): Promise<World> {
  const directory = await scratch();
  const sandbox = await createSandbox(directory, options);
  const clone = join(directory, "clone");
  await git(directory, ["clone", "--quiet", "--shared", sandbox.remote, clone]);
  return { ...sandbox, clone };
}

async function check({ clone, command }: World, commit: string, env: Readonly<Record<string, string>> = {}) {
  await git(clone, ["checkout", "--quiet", "--force", "--detach", commit]);
  const { exitCode, stdout } = await execa("/bin/sh", ["-c", command], { cwd: clone, reject: false, env });
  return { passes: exitCode === 0, stdout };
}

async function made(sandbox: Sandbox, plans: readonly ChangePlan[]): Promise<string[]> {
  const shas: string[] = [];
  for (const plan of plans) shas.push((await makeChange(sandbox, plan, 4)).slice(-40));
  return shas;
}

/** The trunk with all of the commits merged into it. */
async function merged({ clone, start }: World, shas: readonly string[]): Promise<string> {
  await git(clone, ["checkout", "--quiet", "--force", "--detach", start]);
  await git(clone, ["merge", "--quiet", "--no-ff", "-m", "Merge", ...shas]);
  return (await git(clone, ["rev-parse", "HEAD"])).trim();
}

/** An environment in which a Node.js program that would wait for a second or longer says so, and ends. */
const WITHOUT_WAITING = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (work, ms) => {
      if (ms < 1_000) return setTimeout(work, ms);
      console.log(\`would wait for \${ms} ms\`);
      process.exit(7);
    };
  `)}`,
};

const planned = (sandbox: Sandbox, stacked = false) =>
  planRequests({ count: 7, folders: sandbox.folders, seed: 4, stacked });

/** The slow change, the one that makes it quick, and those that use it. */
const slowAndBehind = (sandbox: Sandbox) =>
  planned(sandbox)
    .flatMap(({ changes }) => changes)
    .slice(0, SLOW_AND_BEHIND);

describe("the sandbox", () => {
  it("starts with a project that passes its check, in a bare repository", async () => {
    const sandbox = await open({ folders: 3 });
    expect(sandbox.folders).toEqual(["billing", "catalog", "checkout"]);
    expect(await git(sandbox.remote, ["rev-parse", "--is-bare-repository", "main"])).toBe(`true\n${sandbox.start}`);
    expect(await check(sandbox, sandbox.start)).toEqual({ passes: true, stdout: "12 checks, 0 failures" });
  });

  it("fails its check when there is nothing to check", async () => {
    const sandbox = await open({ folders: 1 });
    await rm(join(sandbox.clone, "billing"), { recursive: true });
    expect((await execa("node", ["check.js"], { cwd: sandbox.clone, reject: false })).exitCode).toBe(1);
  });

  it("is the same repository for the same seed, and is left alone when it is there", async () => {
    const directory = await scratch();
    const first = await createSandbox(directory, { seed: 9 });
    expect((await createSandbox(await scratch(), { seed: 9 })).start).toBe(first.start);
    expect((await createSandbox(await scratch(), { seed: 10 })).start).not.toBe(first.start);
    expect(await createSandbox(directory, { seed: 10, folders: 7 })).toEqual(first);
    expect(first.remote).toBe(sandboxRemote(directory));
  });

  it("may be made by two processes at once: it is made whole, and nothing is left over", async () => {
    const directory = join(await scratch(), "not there yet");
    const [one, other] = await Promise.all([createSandbox(directory), createSandbox(directory)]);
    expect(one).toEqual(other);
    expect(await readdir(directory)).toEqual(["sandbox.git"]);
  });
});

describe("the changes of the demo", () => {
  it("are branches of the remote, pinned to their last commit, with the ids that the seed gives them", async () => {
    const [one, other] = [await createSandbox(await scratch()), await createSandbox(await scratch())];
    const plan = planned(one)[0]?.changes[0];
    if (!plan) return expect.fail("nothing was planned");
    const uri = await makeChange(one, plan, 4);
    const change = changeOf(uri);
    if (change.scheme !== "git") return expect.fail("it is no git change");
    expect((await git(one.remote, ["rev-parse", change.ref])).trim()).toBe(change.sha);
    expect(await makeChange(other, plan, 4)).toBe(uri);
    expect((await git(one.remote, ["rev-list", "--count", `main..${change.sha}`])).trim()).toBe(
      `${plan.commits.length}`,
    );
  });

  it("pass the check, each alone, but for the slow change and the changes that use it", async () => {
    const sandbox = await open();
    const [slow, , ...users] = slowAndBehind(sandbox);
    const names = [slow, ...users].map((plan) => plan?.name);
    const plans = planned(sandbox)
      .flatMap(({ changes }) => changes)
      .filter(({ name }) => !names.includes(name));
    expect(plans).toHaveLength(4);
    for (const sha of await made(sandbox, plans)) expect(await check(sandbox, sha)).toMatchObject({ passes: true });
  });

  it("pass the check together, less the second half of the conflict", async () => {
    const sandbox = await open();
    const plans = planned(sandbox).filter(({ expected }) => expected === "landed");
    const all = await merged(
      sandbox,
      await made(
        sandbox,
        plans.flatMap(({ changes }) => changes),
      ),
    );
    expect(await check(sandbox, all)).toMatchObject({ passes: true });
  });

  it("hold two that merge without a conflict and fail the check together", async () => {
    const sandbox = await open();
    const second = planned(sandbox).find(({ expected }) => expected === "build.failed");
    const pair = [...(second?.after?.changes ?? []), ...(second?.changes ?? [])];
    expect(pair).toHaveLength(2);
    const { passes, stdout } = await check(sandbox, await merged(sandbox, await made(sandbox, pair)));
    expect(passes).toBe(false);
    expect(stdout).toContain("does not provide an export named 'price'");
  });

  it("hold one whose check takes long, unless it stands with the one behind it", async () => {
    const sandbox = await open();
    const [slow, quick] = slowAndBehind(sandbox);
    if (!slow || !quick) return expect.fail("nothing slow was planned");
    const shas = await made(sandbox, [slow, quick]);
    expect(await check(sandbox, shas[0] ?? "", WITHOUT_WAITING)).toEqual({
      passes: false,
      stdout: "would wait for 300010 ms",
    });
    expect(await check(sandbox, await merged(sandbox, shas), WITHOUT_WAITING)).toMatchObject({ passes: true });
  });

  it("hold two that pass with the slow one only", async () => {
    const sandbox = await open();
    const [slow, quick, ...users] = slowAndBehind(sandbox);
    if (!slow || !quick) return expect.fail("nothing slow was planned");
    expect(users).toHaveLength(2);
    const [first = "", second = "", ...rest] = await made(sandbox, [slow, quick, ...users]);
    for (const sha of rest) {
      const { passes, stdout } = await check(sandbox, await merged(sandbox, [second, sha]));
      expect(passes).toBe(false);
      expect(stdout).toContain("holds.js");
      expect(await check(sandbox, await merged(sandbox, [first, second, sha]))).toMatchObject({ passes: true });
    }
  });

  it("stand on each other in a stack, and each stage of it passes the check", async () => {
    const sandbox = await open();
    const stack = planned(sandbox, true).find(({ changes }) => changes.length > 1)?.changes ?? [];
    const shas = await made(sandbox, stack);
    for (const [i, sha] of shas.entries()) {
      expect(await check(sandbox, sha)).toMatchObject({ passes: true });
      if (i > 0) await git(sandbox.clone, ["merge-base", "--is-ancestor", shas[i - 1] ?? "", sha]);
    }
    expect(shas).toHaveLength(5);
  });
});

describe("the proof", () => {
  it("runs the check at every commit point and tells one that fails from one that passes", async () => {
    const sandbox = await open();
    const second = planned(sandbox).find(({ expected }) => expected === "build.failed");
    const [first = "", last = ""] = await made(sandbox, [
      ...(second?.after?.changes ?? []),
      ...(second?.changes ?? []),
    ]);
    const both = await merged(sandbox, [first, last]);
    await git(sandbox.clone, ["push", "--quiet", "origin", `${both}:refs/heads/main`]);
    const files: string[] = [];
    for (const [n, commit] of [first, both].entries()) {
      const content = JSON.stringify({ batchId: `demo/batch/${n + 1}`, outcome: { kind: "landed", commit } });
      const input = `${JSON.stringify({ v: 2, content, mac: "" })}\n`;
      const blob = await git(sandbox.remote, ["hash-object", "-w", "--stdin"], { input });
      files.push(`100644 blob ${blob}\trecord-${n}\n`);
    }
    const tree = await git(sandbox.remote, ["mktree"], { input: files.join("") });
    const records = await git(sandbox.remote, ["commit-tree", "-m", "records", tree]);
    await git(sandbox.remote, ["update-ref", "refs/submitqueue/records/1", records]);
    const { commits, repository, branch } = await proveTrunk(sandbox);
    expect({ repository, branch }).toEqual({ repository: sandbox.remote, branch: "main" });
    const points = commits.filter(({ point }) => point).map(({ sha, passed }) => ({ sha, passed }));
    expect(points).toEqual([
      { sha: both, passed: false },
      { sha: first, passed: true },
    ]);
    expect(commits.filter(({ point }) => !point).every(({ passed }) => passed === null)).toBe(true);
    expect(commits.map(({ sha }) => sha)).not.toContain(sandbox.start);
  });
});
