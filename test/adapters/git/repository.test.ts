import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { gitIsTooOld } from "../../../functions/adapters/git/bare-repository.ts";
import { type Made, make, writeObjects } from "../../../functions/adapters/git/commits.ts";
import { exclusively } from "../../../functions/adapters/git/lock.ts";
import { ensureCommits } from "../../../functions/adapters/git/pinned-changes.ts";
import {
  FEW_BASES,
  gitProcessesStarted,
  runGit,
  settingsEnvironment,
} from "../../../functions/adapters/git/process.ts";
import { push } from "../../../functions/adapters/git/push.ts";
import { ifPresent } from "../../../functions/adapters/git/refs.ts";
import { openRepository, type Repository } from "../../../functions/adapters/git/repository.ts";
import { refSafe } from "../../../functions/contracts/build-refs.ts";
import { BatchId } from "../../../functions/contracts/ids.ts";
import { gitUri, Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});
afterEach(() => sandbox.remove());

describe("a repository", () => {
  it("is made as git makes one, by no git process once the version of git is known, and is completed when a crash left a part", async () => {
    await sandbox.open(`${sandbox.directory}/first`);
    const before = gitProcessesStarted();
    const { directory } = await sandbox.open();
    expect(gitProcessesStarted() - before).toBe(0);
    const answers = async (path: string, ...args: string[]) => {
      const end = await runGit({
        directory: path,
        args,
        env: { GIT_DIR: path, ...settingsEnvironment() },
        timeoutMs: 600_000,
      });
      return [end.exitCode, end.stdout.toString("utf8"), end.stderr];
    };
    const byGit = join(sandbox.directory, "by-git");
    await runGit({
      directory: sandbox.directory,
      args: ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", byGit],
      env: {},
      timeoutMs: 600_000,
    });
    for (const args of [
      ["config", "--local", "--list"],
      ["symbolic-ref", "HEAD"],
      ["fsck", "--strict"],
      ["for-each-ref"],
    ])
      expect(await answers(directory, ...args), args.join(" ")).toEqual(await answers(byGit, ...args));
    expect(readdirSync(join(directory, "objects")).toSorted()).toEqual(["info", "pack"]);

    const broken = join(sandbox.directory, "broken", "git", directory.split("/").at(-1) ?? "");
    mkdirSync(broken, { recursive: true });
    writeFileSync(join(broken, "HEAD.lock"), "ref: re");
    writeFileSync(join(broken, "config"), readFileSync(join(directory, "config")));
    expect(await (await sandbox.open(join(sandbox.directory, "broken"))).trunk()).toBe(sandbox.base);
  });

  it("that can't be made is told with its directory", async () => {
    writeFileSync(join(sandbox.directory, "file"), "");
    await expect(sandbox.open(join(sandbox.directory, "file"))).rejects.toThrow(/file/);
    const { directory } = await sandbox.open();
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    writeFileSync(join(directory, "objects"), "");
    await expect(sandbox.open()).rejects.toMatchObject({
      code: "repository.failed",
      message: expect.stringContaining(`no repository could be made in ${directory}: ENOTDIR`),
    });
  });

  it("sees the trunk, in one git process", async () => {
    const repository = await sandbox.open();
    expect(await repository.trunk()).toBe(sandbox.base);
    const later = sandbox.intrude();
    const before = gitProcessesStarted();
    expect(await repository.trunk()).toBe(later);
    expect(gitProcessesStarted() - before).toBe(1);
  });

  it("shares one fetch between looks that wait for each other, and gives each what it asked for", async () => {
    const repository = await sandbox.open();
    await repository.trunk();
    const names = [1, 2, 3, 4].map((n) => `refs/heads/b-${n}`);
    const shas = names.map((name, n) => sandbox.commit(name, { files: { [`f${n}`]: "x\n" } }));
    const before = gitProcessesStarted();
    const looks = await Promise.all(
      names.map((name) => repository.see([name, "refs/heads/absent"], [`${name}^{tree}`])),
    );
    expect(gitProcessesStarted() - before).toBe(1);
    looks.forEach((seen, n) => {
      expect([...seen.keys()]).toEqual([names[n]]);
      expect(seen.get(names[n] ?? "")?.sha).toBe(shas[n]);
    });
  });

  it("sees what was pushed before a look, also when an earlier look is on its way", async () => {
    const repository = await sandbox.open();
    const early = repository.trunk();
    const later = sandbox.intrude();
    expect(await repository.trunk()).toBe(later);
    expect([sandbox.base, later]).toContain(await early);
  });

  it("fails a look for its own fault alone", async () => {
    const repository = await sandbox.open();
    const [bad, good] = await Promise.allSettled([
      repository.see(["refs/heads/a..b"]),
      repository.see(["refs/heads/main"]),
    ]);
    expect(bad).toMatchObject({ status: "rejected", reason: { name: expect.stringContaining("repository") } });
    expect(good.status === "fulfilled" && good.value.get("refs/heads/main")?.sha).toBe(sandbox.base);
  });

  it("takes more refs than one fetch has room for", async () => {
    const repository = await sandbox.open();
    const refs = (n: number) => Array.from({ length: 150 }, (_, i) => `refs/heads/none-${n}-${i}`);
    const looks = await Promise.all([1, 2, 3].map((n) => repository.see([...refs(n), "refs/heads/main"])));
    for (const seen of looks) expect(seen.get("refs/heads/main")?.sha).toBe(sandbox.base);
  });

  it("brings all changes here in one fetch, in any number", async () => {
    const repository = await sandbox.open();
    const uris = [1, 2, 3].map((n) => sandbox.branch(`b-${n}`, [{ files: { [`f${n}`]: "x\n" } }]));
    const before = gitProcessesStarted();
    expect(await ensureCommits(repository, uris)).toMatchObject({ kind: "present", trunk: sandbox.base });
    expect(gitProcessesStarted() - before).toBe(2);
    expect(await repository.mergeBase(uris[0]?.slice(-40) ?? "", uris[1]?.slice(-40) ?? "")).toBe(sandbox.base);
  });

  it("is made anew when its directory has vanished, and works past locks that a killed git left", async () => {
    const first = await sandbox.open();
    await first.trunk();
    writeFileSync(join(first.directory, "packed-refs.lock"), "");
    rmSync(first.directory, { recursive: true });
    const second = await sandbox.open();
    expect(await second.trunk()).toBe(sandbox.base);
    rmSync(join(second.directory, "HEAD"));
    writeFileSync(join(second.directory, "packed-refs.lock"), "");
    await sandbox.open();
    expect(existsSync(join(second.directory, "packed-refs.lock"))).toBe(false);
  });

  it("collects garbage when it is asked to, and not with each fetch", async () => {
    const repository = await sandbox.open();
    await repository.trunk();
    // git takes all loose objects to be as many as those that begin with 17.
    await repository.run(["config", "gc.auto", "1"]);
    const blobs = Array.from({ length: 2_000 }, (_, n) => make("blob", `${n}`)).filter(({ sha }) =>
      sha.startsWith("17"),
    );
    await writeObjects(repository, blobs);
    const packs = () => readdirSync(join(repository.directory, "objects", "pack"));
    sandbox.intrude();
    await repository.trunk();
    expect(packs()).toEqual([]);
    await repository.collectGarbage();
    expect(packs()).not.toEqual([]);
    expect(await repository.trunk()).toBe(sandbox.trunk);
  });

  it("keeps an object that is made again after two weeks, when garbage is collected", async () => {
    const repository = await sandbox.open();
    await repository.run(["config", "gc.auto", "1"]);
    const blobs = Array.from({ length: 2_000 }, (_, n) => make("blob", `${n}`)).filter(({ sha }) =>
      sha.startsWith("17"),
    );
    await writeObjects(repository, blobs);
    const [old, renewed] = blobs as [Made, Made];
    const monthAgo = Date.now() / 1_000 - 30 * 86_400;
    for (const { sha } of [old, renewed])
      utimesSync(join(repository.directory, "objects", sha.slice(0, 2), sha.slice(2)), monthAgo, monthAgo);
    await writeObjects(repository, [renewed]);
    await repository.collectGarbage();
    // What is cached for an opened directory names objects that may be gone.
    expect((await sandbox.open()).opened).not.toBe(repository.opened);
    expect([...(await repository.opened.objects.readAll([old.sha, renewed.sha])).keys()]).toEqual([renewed.sha]);
  });

  it("keeps few delta bases in a fetch, but for the first one, and has a remote on this machine do so", async () => {
    const [first, again] = [await sandbox.open(), await sandbox.open()];
    const fetchedWith = async (repository: Repository) => {
      const started = vi.spyOn(repository, "git");
      await repository.trunk();
      return Object.values(started.mock.calls[0]?.[1]?.env ?? {}).filter((value) => value === LIMIT);
    };
    const [name, LIMIT] = Object.entries(FEW_BASES)[0] ?? [];
    expect(await fetchedWith(first)).toEqual([]);
    expect(await fetchedWith(again)).toEqual([LIMIT]);
    const told = join(sandbox.directory, "told");
    const hook = join(sandbox.remote, "hooks", "pre-receive");
    writeFileSync(hook, `#!/bin/sh\ngit config ${name} > ${told}\n`, { mode: 0o755 });
    const updates = [{ ref: "refs/heads/pushed", to: sandbox.base, mode: "always" }] as const;
    expect(await push(again, updates)).toEqual({ kind: "pushed" });
    expect(readFileSync(told, "utf8")).toBe(`${LIMIT}\n`);
  });

  it("says which branch is missing", async () => {
    const other = new Sandbox({ repository: { remote: sandbox.remote, branch: "trunk", tokenUser: "x" } });
    await expect((await other.open()).trunk()).rejects.toMatchObject({
      code: "repository.refused",
      message: expect.stringContaining("refs/heads/trunk"),
    });
    other.remove();
  });

  it("does not take an unrelated history for an error", async () => {
    const repository = await sandbox.open();
    const alien = gitUri("refs/heads/alien", sandbox.commit("refs/heads/alien", { files: { x: "x\n" } }));
    await ensureCommits(repository, [alien]);
    expect(await repository.mergeBase(sandbox.base, alien.slice(-40))).toBeUndefined();
  });
});

describe("a token", () => {
  it("reaches the remote's host as basic authentication, and neither a URL nor an argument nor the disk", async () => {
    const repository = await openRepository({
      workDirectory: sandbox.workDirectory,
      repository: { remote: "https://git.example.test/acme/shop.git", branch: "main", tokenUser: "x-access-token" },
      token: "s3cret",
    });
    const basic = Buffer.from("x-access-token:s3cret").toString("base64");
    const header = await repository.run(["config", "--get-urlmatch", "http.extraHeader", repository.remote]);
    expect(header.trim()).toBe(`Authorization: Basic ${basic}`);
    const elsewhere = await repository.git([
      "config",
      "--get-urlmatch",
      "http.extraHeader",
      "https://evil.example.test/",
    ]);
    expect(elsewhere.stdout.toString()).toBe("");
    expect(repository.remote).not.toContain("s3cret");
    expect(await repository.run(["config", "--file", join(repository.directory, "config"), "--list"])).not.toContain(
      "http",
    );
  });
});

describe("git's surroundings", () => {
  it("hold no configuration, hooks, credentials or prompts of the machine", async () => {
    const repository = await sandbox.open();
    process.env["GIT_AUTHOR_NAME"] = "somebody";
    process.env["GIT_CONFIG_PARAMETERS"] = "'user.name=somebody'";
    const list = await repository.run(["config", "--list", "--show-origin"]);
    delete process.env["GIT_AUTHOR_NAME"];
    delete process.env["GIT_CONFIG_PARAMETERS"];
    expect(list).not.toContain("somebody");
    expect(list.split("\n").filter((line) => !/^(file:.*config|command line:)\t/.test(line) && line !== "")).toEqual(
      [],
    );
    expect(list).toContain("core.hookspath=/dev/null");
  });

  it("allow the remote's own transport alone", async () => {
    const repository = await sandbox.open();
    const answer = await repository.git(["ls-remote", "https://git.example.test/x.git"]);
    expect(answer.stderr).toMatch(/transport 'https' not allowed/);
  });

  it("end a process that takes too long, as an error that is worth a retry", async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await new Promise((listening) => silent.once("listening", listening));
    const { port } = silent.address() as AddressInfo;
    const call = {
      directory: sandbox.directory,
      args: ["ls-remote", `http://127.0.0.1:${port}/x.git`],
      env: settingsEnvironment(),
      timeoutMs: 300,
    };
    await expect(runGit(call)).rejects.toMatchObject({ code: "repository.unavailable" });
    silent.closeAllConnections();
    silent.close();
  });

  it.each([
    ["git version 2.37.9", true],
    ["git version 2.38.0", false],
    ["git version 2.39.5 (Apple Git-154)", false],
    ["git version 3.0.1", false],
    ["nonsense", true],
  ])("%s is refused: %s", (version, refused) => {
    expect(gitIsTooOld(version) !== undefined).toBe(refused);
  });
});

describe("names of refs", () => {
  it.each([
    ["q/batch/7", "q/batch/7"],
    ["a.b/batch/71", "a.b/batch/71"],
    ["a..b/batch/7", "a%2E%2Eb/batch/7"],
    ["a.lock/batch/7", "a%2Elock/batch/7"],
  ])("of batch %s hold %s", (batch, ref) => {
    expect(refSafe(BatchId.parse(batch))).toBe(ref);
    expect(sandbox.git("check-ref-format", `refs/submitqueue/landed/${ref}`)).toBe("");
  });

  it("that need not exist become patterns, below which a whole folder stays one", () => {
    expect(ifPresent("refs/heads/main")).toMatch(
      /^\+refs\/heads\/mai\*n:refs\/seen\/[0-9a-f]{16}\/refs\/heads\/mai\*n$/,
    );
    expect(ifPresent("refs/x/")).toMatch(/^\+refs\/x\/\*:refs\/seen\/[0-9a-f]{16}\/refs\/x\/\*$/);
  });
});

it("work on one key runs one after the other, in the order of asking, also after failures", async () => {
  const seen: number[] = [];
  const runs = [1, 2, 3].map((n) =>
    exclusively("key", async () => {
      await Promise.resolve();
      seen.push(n);
      if (n === 2) throw new Error("two");
      return n;
    }),
  );
  expect(await Promise.allSettled(runs)).toMatchObject([{ value: 1 }, { status: "rejected" }, { value: 3 }]);
  expect(seen).toEqual([1, 2, 3]);
});
