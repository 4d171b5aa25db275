import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { MAX_PATHS } from "../../../functions/domain/request.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { changeProviderContract, touchesOf } from "./contract.ts";
import { append, gitWorld } from "./git-world.ts";

changeProviderContract("git", gitWorld);

describe("the git change provider", () => {
  it("measures a change from where it left the trunk, however far that has moved", async () => {
    const world = await gitWorld();
    const uri = await world.change(["mine"]);
    await world.push(await world.commit(() => append(world.clone, "theirs"), "main"), "refs/heads/main");
    expect((await touchesOf(world.provider, uri)).paths).toEqual(["mine"]);
  });

  it("counts all commits of a change and names their authors, each once", async () => {
    const world = await gitWorld();
    const edit = (file: string) => () => append(world.clone, file);
    const first = await world.commit(edit("a"), "main", "Ada <ada@example.invalid>");
    const second = await world.commit(edit("b"), first, "Grace <grace@example.invalid>");
    const third = await world.commit(edit("c"), second, "Ada <ada@example.invalid>");
    expect(await touchesOf(world.provider, await world.push(third))).toEqual({
      paths: ["a", "b", "c"],
      files: 3,
      additions: 3,
      deletions: 0,
      authors: ["ada@example.invalid", "grace@example.invalid"],
      title: "Change it",
    });
  });

  it("names the subject of the last commit of a stack, printable and cut", async () => {
    const world = await gitWorld();
    const commit = (file: string, onto: string, message: string) =>
      world.commit(() => append(world.clone, file), onto, undefined, message);
    const lower = await commit("a", "main", "Lower");
    const upper = await commit("b", lower, `Upper \u001b[31m ${"x".repeat(300)}\n\nThe reason.`);
    const { touches } = (await world.provider.touches([await world.push(lower), await world.push(upper)])) as {
      readonly touches: { readonly title?: string };
    };
    expect(touches.title).toMatch(/^Upper .*\[31m x+$/);
    expect(touches.title).not.toContain("\u001b");
    expect(touches.title).toHaveLength(200);
  });

  it("names both paths of a renamed file, and counts only the lines that changed", async () => {
    const world = await gitWorld();
    const edit = async () => {
      await rename(join(world.clone, "seed"), join(world.clone, "planted"));
      await append(world.clone, "planted");
    };
    const uri = await world.push(await world.commit(edit, "main"));
    expect(await touchesOf(world.provider, uri)).toMatchObject({
      paths: ["planted", "seed"],
      files: 1,
      additions: 1,
      deletions: 0,
    });
  });

  it("counts no lines of a binary file, and the lines of a deleted one", async () => {
    const world = await gitWorld();
    const edit = async () => {
      await writeFile(join(world.clone, "image"), Buffer.from([0, 1, 2, 0, 255]));
      await rm(join(world.clone, "seed"));
    };
    const uri = await world.push(await world.commit(edit, "main"));
    expect(await touchesOf(world.provider, uri)).toMatchObject({
      paths: ["image", "seed"],
      files: 2,
      additions: 0,
      deletions: 20,
    });
  });

  it("reads paths as they are, with blanks, line breaks and letters of any alphabet", async () => {
    const world = await gitWorld();
    const odd = ["a b", "tab\there", "two\nlines", "\u00e4\u4e2d"];
    expect((await touchesOf(world.provider, await world.change(odd))).paths).toEqual([...odd].sort());
  });

  it("takes changes that are not stacked on each other each from where it left the trunk", async () => {
    const world = await gitWorld();
    const one = await world.change(["one"]);
    await world.push(await world.commit(() => append(world.clone, "theirs"), "main"), "refs/heads/main");
    await git(world.clone, ["fetch", "--quiet", world.remote, "+main:main", "--update-head-ok"]);
    const other = await world.change(["other"]);
    expect((await touchesOf(world.provider, one, other)).paths).toEqual(["one", "other"]);
  });

  it("says that a change touches everything when it touches more paths than can be kept", async () => {
    const world = await gitWorld();
    const uri = await world.change(Array.from({ length: MAX_PATHS + 1 }, (_, i) => `d/${i}`));
    expect(await touchesOf(world.provider, uri)).toMatchObject({ paths: "everything", files: MAX_PATHS + 1 });
  });

  it("finds a commit by itself when its ref is gone", async () => {
    const world = await gitWorld();
    const uri = await world.change(["a"]);
    await world.change(["b"], uri);
    await git(world.remote, ["update-ref", "-d", "refs/heads/topic-1"]);
    expect((await touchesOf(world.provider, uri)).paths).toEqual(["a"]);
  });

  it.each([
    [true, "refused"],
    [false, "touches"],
  ])("with staleness checked %s, a change whose ref has moved is answered with %s", async (checkStaleness, kind) => {
    const world = await gitWorld({ checkStaleness });
    const uri = await world.change(["a"]);
    const newer = await world.change(["b"], uri);
    await world.push(newer.slice(-40), "refs/heads/topic-1");
    const result = await world.provider.touches([uri]);
    expect(result.kind).toBe(kind);
    if (result.kind === "refused") expect(result.reason.code).toBe("change.stale");
  });

  it("refuses a change that shares no history with the trunk", async () => {
    const world = await gitWorld();
    await git(world.clone, ["checkout", "--quiet", "--orphan", "island"]);
    const uri = await world.push(await world.commit(() => append(world.clone, "sand"), undefined));
    expect(await world.provider.touches([uri])).toMatchObject({ kind: "refused", reason: { code: "merge.invalid" } });
  });

  it("reads a pull request by the ref that its host keeps for it", async () => {
    const world = await gitWorld();
    const sha = (await world.change(["a"])).slice(-40);
    await world.push(sha, "refs/pull/7/head");
    const uri = ChangeUri.parse(`github://github.example.invalid/acme/shop/pull/7/${sha}`);
    expect((await touchesOf(world.provider, uri)).paths).toEqual(["a"]);
  });

  it("refuses a change that lives in no git repository", async () => {
    const { provider } = await gitWorld();
    expect(await provider.touches([ChangeUri.parse("phab://phab.example.invalid/D1/2")])).toMatchObject({
      kind: "refused",
      reason: { code: "change.unsupported" },
    });
  });

  it("throws a retryable error when the repository can't be reached", async () => {
    const { provider, missing } = await gitWorld({ repository: { remote: "/nonexistent/repository.git" } });
    await expect(provider.touches([await missing()])).rejects.toMatchObject({ code: "repository.unavailable" });
  });
});
