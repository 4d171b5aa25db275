import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { BuildTask } from "../../../functions/adapters/build-runner/index.ts";
import { openRepository } from "../../../functions/adapters/git/repository.ts";
import { hashOf } from "../../../functions/contracts/hash.ts";
import { filesOfBuild, sandboxesDirectory } from "../../../localstack/command-runner/build-files.ts";
import { startOf } from "../../../localstack/command-runner/process-mark.ts";
import { removeLeftovers } from "../../../localstack/command-runner/retention.ts";
import { makeSandbox, publicAddress } from "../../../localstack/command-runner/sandbox.ts";
import { sandboxPaths } from "../../../localstack/command-runner/sandbox-directory.ts";
import { readClaim } from "../../../localstack/command-runner/verdict.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { writeBranch } from "../../../localstack/sandbox/write-branch.ts";
import { finish } from "../../adapters/build-runner/contract.ts";
import { until } from "../../support/wait.ts";
import { type CommandWorld, commandWorld } from "./command-world.ts";

/** Every file below a directory, and what it holds. */
async function contentOf(directory: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (file) => [file, hashOf(await readFile(file, "latin1"))] as const)));
}

async function build(world: CommandWorld, script: string, more: Readonly<Record<string, string>> = {}) {
  const task = await world.scripted(script, more);
  await world.open().trigger(task);
  return { task, end: await finish(world.open(), task) };
}

const outputOf = ({ workDirectory }: CommandWorld, task: BuildTask) =>
  readFile(filesOfBuild(workDirectory, task).output, "utf8");

/** Runway's repository of the world's remote, as it is beside the builds of one runtime. */
const runwayOf = ({ workDirectory, options }: CommandWorld) =>
  openRepository({ workDirectory, repository: options.repository });

const WRITES = `
set -e
git checkout --quiet -b x
git branch taken-by-a-build
git config url.file:///nowhere/.insteadOf "$(git config remote.origin.url)"
git config core.bare true; git config core.bare false
git config --global url.file:///nowhere/.insteadOf /
git config --global core.hooksPath "$HOME"
git tag v9.9.9; git update-ref refs/remotes/origin/main HEAD; git update-ref refs/heads/main HEAD
mkdir -p .git/hooks; for hook in post-checkout pre-commit reference-transaction; do
  printf '#!/bin/sh\\nexit 1\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook
done
git reflog expire --expire=now --all
git -c core.hooksPath=/dev/null gc --quiet --prune=now
for file in $(find .git/objects -type f); do chmod u+w $file; echo overwritten > $file; done
if [ -e .git/objects/info/alternates ]; then
  for store in $(cat .git/objects/info/alternates); do rm -rf "$store"; done
fi
rm -rf "$(git rev-parse --git-common-dir 2>/dev/null)"
echo done > "$HOME/.profile"
`;

describe("a build that writes wherever it is pointed to", () => {
  it("leaves runway's repository, the remote, later builds and the user's files as they were", async () => {
    const world = await commandWorld();
    const home = join(world.root, "home-of-the-user");
    await mkdir(home);
    vi.stubEnv("HOME", home);
    onTestFinished(() => void vi.unstubAllEnvs());
    const runway = await runwayOf(world);
    await runway.trunk();
    const runwayBefore = await contentOf(runway.directory);
    const remoteBefore = (await git(world.remote, ["show-ref"])).split("\n");
    const { end } = await build(world, WRITES);
    expect(end).toMatchObject({ result: "passed" });
    expect(await contentOf(runway.directory)).toEqual(runwayBefore);
    expect(await runway.trunk()).toBe(world.trunk);
    expect((await git(world.remote, ["show-ref"])).split("\n")).toEqual(expect.arrayContaining(remoteBefore));
    expect(await readdir(home)).toEqual([]);
    const checks = 'git fsck --full --strict && git checkout -q -b x && test -z "$(git tag)" && ! ls -A $HOME | grep .';
    expect((await build(world, `${checks} && git fetch --quiet origin main`)).end).toMatchObject({ result: "passed" });
  });

  it("does not reach a build that runs at the same time", async () => {
    const world = await commandWorld();
    const go = join(world.root, "go");
    const waits = `: > ${go}.begun; until [ -e ${go} ]; do sleep 0.05; done; git fsck --full --strict && git log -p > all`;
    const victim = await world.scripted(waits);
    await world.open().trigger(victim);
    await until(() => existsSync(`${go}.begun`));
    expect((await build(world, WRITES)).end).toMatchObject({ result: "passed" });
    await execa("touch", [go]);
    expect(await finish(world.open(), victim)).toMatchObject({ result: "passed" });
  });

  it("is told neither where runway works, nor a password of the remote", async () => {
    const world = await commandWorld();
    const runway = await runwayOf(world);
    const { task } = await build(
      world,
      "env; cat .git/config; cat $(find .git -type f -not -path '*/objects/*' -not -name index)",
    );
    const seen = await outputOf(world, task);
    expect(seen).toContain(world.remote);
    expect(seen).not.toContain(runway.directory);
    expect(seen).not.toContain(join(world.workDirectory, "mirror"));
    expect(publicAddress("https://me:secret@host/r.git?token=secret#secret")).toBe("https://host/r.git");
    expect(publicAddress("ssh://git:secret@host/r.git")).toBe("ssh://git@host/r.git");
  });
});

describe("the clone of a build", () => {
  it("is enough history to describe it, to compare it with the target branch and with its base", async () => {
    const world = await commandWorld();
    await git(world.remote, ["tag", "-a", "-m", "One", "v1.0.0", world.trunk]);
    await git(world.remote, ["tag", "light", world.trunk]);
    const by = "Ada <ada@example.invalid>";
    const moved = { ref: "refs/heads/main", from: world.trunk, by, at: 1e9 + 30 };
    await writeBranch(world.remote, { ...moved, commits: [{ message: "Go on", files: { "b.txt": "b\n" } }] });
    const { task, end } = await build(
      world,
      `git describe; git tag; git merge-base origin/main HEAD; git merge-base origin HEAD; git diff --name-only $SQ_BASE $SQ_COMMIT; git status --short; git rev-parse --abbrev-ref HEAD; git config remote.origin.url; git rev-list --count HEAD`,
    );
    expect(end).toMatchObject({ result: "passed" });
    expect((await outputOf(world, task)).trim().split("\n")).toEqual([
      `v1.0.0-1-g${task.commit.slice(0, 7)}`,
      ...["light", "v1.0.0", world.trunk, world.trunk, "build.sh", "HEAD", world.remote, "2"],
    ]);
  });

  it("forgets a tag that the remote has deleted", async () => {
    const world = await commandWorld();
    await git(world.remote, ["tag", "v1", world.trunk]);
    expect((await build(world, 'test "$(git tag)" = v1')).end).toMatchObject({ result: "passed" });
    await git(world.remote, ["tag", "-d", "v1"]);
    expect((await build(world, 'test -z "$(git tag)"')).end).toMatchObject({ result: "passed" });
  });

  it("holds the submodules that can be fetched, and goes on without the others", async () => {
    const world = await commandWorld();
    const library = join(world.root, "library.git");
    await git(world.root, ["init", "--quiet", "--bare", library]);
    const by = "Ada <ada@example.invalid>";
    const commits = [{ message: "Begin", files: { "lib.txt": "lib\n" } }];
    const tip = await writeBranch(library, { ref: "refs/heads/main", by, at: 1e9, commits });
    const task = await world.scripted("cat there/lib.txt; ls -A gone | wc -l");
    const named = (name: string, url: string) => `[submodule "${name}"]\n\tpath = ${name}\n\turl = ${url}\n`;
    const modules = `${named("gone", "../nowhere.git")}${named("there", "../library.git")}`;
    const commit = await withSubmodules(world, task, { modules, tip, paths: ["gone", "there"] });
    const asked = { ...task, commit };
    await world.open().trigger(asked);
    expect(await finish(world.open(), asked)).toMatchObject({ result: "passed" });
    const output = await outputOf(world, asked);
    expect(output).toMatch(/the submodule gone could not be fetched/);
    expect(output.trim().split("\n").slice(-2)).toEqual(["lib", "0"]);
  });

  it("stays the same over more fetches than it keeps packs for", async () => {
    const world = await commandWorld();
    for (let n = 0; n < 20; n++) {
      const { tree } = sandboxPaths(await makeSandbox(world.options, await world.scripted(`exit ${n}`)));
      expect(await git(tree, ["fsck", "--full", "--strict", "--no-dangling"])).toBe("");
      expect(await git(tree, ["rev-list", "--count", "HEAD"])).toBe("2");
    }
    expect((await build(world, "git fsck --full --strict; test $(git rev-list --count HEAD) = 2")).end).toMatchObject({
      result: "passed",
    });
    const [name = ""] = await readdir(join(world.workDirectory, "mirror", "git"));
    const packs = await readdir(join(world.workDirectory, "mirror", "git", name, "objects", "pack"));
    expect(packs.filter((pack) => pack.endsWith(".pack")).length).toBeLessThanOrEqual(17);
  });
});

/** The task's commit with submodules added, under the task's ref. */
async function withSubmodules(
  { remote }: CommandWorld,
  { ref, commit }: BuildTask,
  { modules, tip, paths }: { readonly modules: string; readonly tip: string; readonly paths: readonly string[] },
): Promise<BuildTask["commit"]> {
  const index = ["-c", "core.bare=false", `--git-dir=${remote}`];
  const blob = (await git(remote, ["hash-object", "-w", "--stdin"], { input: modules })).trim();
  const listed = await git(remote, ["ls-tree", commit]);
  const links = paths.map((path) => `160000 commit ${tip}\t${path}`);
  const tree = [listed.trim(), `100644 blob ${blob}\t.gitmodules`, ...links].join("\n");
  const made = (await git(remote, [...index.slice(2), "mktree", "--missing"], { input: `${tree}\n` })).trim();
  const sha = (await git(remote, ["commit-tree", "-m", "Add submodules", "-p", commit, made])).trim();
  await git(remote, ["update-ref", ref, sha]);
  return sha as BuildTask["commit"];
}

describe.runIf(process.platform === "linux")("the processes of a build", () => {
  it.each([
    ["in a session of its own", "setsid sleep 1000 &"],
    ["that ignores hang-ups", "nohup setsid sleep 1000 > /dev/null 2>&1 &"],
    ["whose parent is gone", "(setsid sh -c 'sleep 1000 & echo $! > $PID' &)"],
    ["with an empty environment, elsewhere, without open files", "(cd / && env -i setsid -f sleep 1000 <&- >&- 2>&-)"],
    ["that ignores every signal that can be ignored", "setsid sh -c \"trap '' HUP INT TERM; sleep 1000\" &"],
  ])("end with it: one %s", async (_, leave) => {
    const world = await commandWorld();
    const pids = join(world.root, "pids");
    const look = `p=\${limits%/limits}; tr '\\0' ' ' < $p/cmdline | grep -q '^sleep 1000' && echo \${p#/proc/} >> ${pids}`;
    const marked = 'grep -ls "$MARK" /proc/[0-9]*/limits';
    const note = `until [ -s ${pids} ]; do for limits in $(${marked}); do ${look}; done; done; true`;
    const mark = 'MARK=$(grep "Max file locks" /proc/self/limits); export PID=/dev/null';
    const { end } = await build(world, `${mark}; ${leave}\n${note}`);
    expect(end).toMatchObject({ result: "passed" });
    const left = (await readFile(pids, "utf8")).trim().split("\n").map(Number);
    expect(left.length).toBeGreaterThan(0);
    for (const pid of left) expect(await startOf(pid)).toBeUndefined();
  });

  it("end when the build is cancelled, and when its supervisor was killed", async () => {
    for (const how of ["cancel", "kill"] as const) {
      const world = await commandWorld();
      const hold = join(world.root, "hold");
      const task = await world.scripted(
        `env -i setsid sh -c 'echo $$ > ${hold}.draft; mv ${hold}.draft ${hold}; sleep 1000' & wait`,
      );
      await world.open().trigger(task);
      await until(() => existsSync(hold));
      const pid = Number(await readFile(hold, "utf8"));
      const claim = await readClaim(filesOfBuild(world.workDirectory, task));
      if (how === "cancel") await world.open().cancel(task);
      else process.kill(claim?.supervisor.pid ?? 0, "SIGKILL");
      const result = how === "cancel" ? "cancelled" : "infrastructure";
      expect(await finish(world.open(), task)).toMatchObject({ result });
      expect(await startOf(pid)).toBeUndefined();
    }
  });

  it("are not mistaken for processes of another build, or of the user", async () => {
    const world = await commandWorld();
    const other = await world.scripted("sleep 1000");
    await world.open().trigger(other);
    expect((await build(world, "setsid sleep 1000 & exit 0")).end).toMatchObject({ result: "passed" });
    expect(await world.open().status(other)).toEqual({ kind: "running" });
    await world.open().cancel(other);
    expect(await finish(world.open(), other)).toMatchObject({ result: "cancelled" });
  });

  it("see nothing of the runtime's environment in that of their supervisor", async () => {
    vi.stubEnv("SUBMITQUEUE_SECRET_TOKEN", "hush");
    onTestFinished(() => void vi.unstubAllEnvs());
    const world = await commandWorld();
    const { task, end } = await build(
      world,
      "tr '\\0' '\\n' < /proc/$PPID/environ; tr '\\0' '\\n' < /proc/self/environ",
    );
    expect(end).toMatchObject({ result: "passed" });
    const seen = await outputOf(world, task);
    expect(seen).toContain("PATH=");
    expect(seen).not.toContain("hush");
  });
});

describe("the leftovers of a build", () => {
  const stuck = (world: CommandWorld) => `
mkdir -p ro/deep && echo x > ro/deep/file && chmod -R a-w ro && chmod 000 ro/deep
mkdir hidden && chmod 000 hidden
if chattr +i kept 2> /dev/null; then echo yes > ${world.root}/immutable; fi`;

  it("changes no verdict, and is removed as soon as it can be", async () => {
    const world = await commandWorld();
    onTestFinished(async () => void (await execa("chattr", ["-R", "-i", world.workDirectory], { reject: false })));
    const { end, task } = await build(world, stuck(world), { kept: "kept\n" });
    expect(end).toMatchObject({ result: "passed" });
    expect(await world.open().status(task)).toMatchObject({ result: "passed" });
    const left = () => readdir(sandboxesDirectory(world.workDirectory));
    if (existsSync(join(world.root, "immutable"))) {
      await removeLeftovers(world.workDirectory);
      expect(await left()).toHaveLength(1);
      expect((await build(world, "exit 0")).end).toMatchObject({ result: "passed" });
      await execa("chattr", ["-R", "-i", world.workDirectory], { reject: false });
    }
    await until(async () => {
      await removeLeftovers(world.workDirectory);
      return (await left()).length === 0;
    });
  });

  it("is kept while its build runs, or is about to be claimed", async () => {
    const world = await commandWorld();
    const running = await world.scripted("sleep 1000");
    await world.open().trigger(running);
    const [inUse = ""] = await readdir(sandboxesDirectory(world.workDirectory));
    const [fresh, abandoned] = ["abcdef012345-fresh", "abcdef012345-old"];
    for (const name of [fresh, abandoned]) await mkdir(join(sandboxesDirectory(world.workDirectory), name));
    await utimes(join(sandboxesDirectory(world.workDirectory), abandoned), 1_000, 1_000);
    await removeLeftovers(world.workDirectory);
    expect((await readdir(sandboxesDirectory(world.workDirectory))).sort()).toEqual([inUse, fresh].sort());
    await world.open().cancel(running);
    await finish(world.open(), running);
  });
});
