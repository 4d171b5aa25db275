import { describe, expect, it } from "vitest";
import { gitProcessesStarted } from "../../../functions/adapters/git/process.ts";
import { type ChangeUri, changeOf } from "../../../functions/contracts/change-uri.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { touchesOf } from "./contract.ts";
import { append, gitWorld } from "./git-world.ts";

const shaOf = (uri: ChangeUri): string => ("sha" in changeOf(uri) ? uri.slice(-40) : "");

type GitWorld = Awaited<ReturnType<typeof gitWorld>>;

/** How many git processes the call starts, once the repository on this machine has been made. */
async function processesFor(world: GitWorld, changes: readonly ChangeUri[]): Promise<number> {
  await world.provider.touches(changes.slice(0, 1));
  const before = gitProcessesStarted();
  await touchesOf(world.provider, ...changes);
  return gitProcessesStarted() - before;
}

describe("what the git change provider costs", () => {
  it("starts as many git processes for a stack of twelve changes as for one change", async () => {
    const world = await gitWorld();
    const stack: ChangeUri[] = [];
    for (let n = 0; n < 12; n++) stack.push(await world.change([`file-${n}`], stack.at(-1)));
    const one = await processesFor(world, stack.slice(0, 1));
    expect(one).toBeLessThanOrEqual(5);
    expect(await processesFor(world, stack)).toBe(one);
  });

  it("starts no more git processes for changes that are not stacked, and that merged the trunk into themselves", async () => {
    const world = await gitWorld();
    const changes: ChangeUri[] = [];
    for (let n = 0; n < 4; n++) {
      const own = shaOf(await world.change([`own-${n}`]));
      await git(world.clone, ["checkout", "--quiet", "--force", "main"]);
      await world.push(await world.commit(() => append(world.clone, `trunk-${n}`), "main"), "refs/heads/main");
      await git(world.clone, ["branch", "--quiet", "--force", "main", "HEAD"]);
      await git(world.clone, ["checkout", "--quiet", "--force", "--detach", own]);
      await git(world.clone, ["merge", "--quiet", "--no-edit", "main"]);
      changes.push(await world.push((await git(world.clone, ["rev-parse", "HEAD"])).trim()));
    }
    const touches = await touchesOf(world.provider, ...changes);
    expect(touches.paths).toEqual(["own-0", "own-1", "own-2", "own-3"]);
    expect(await processesFor(world, changes)).toBe(await processesFor(world, changes.slice(0, 1)));
  });

  it("takes only what a change adds to the part of the trunk that the change holds, also after two merges of the trunk", async () => {
    const world = await gitWorld();
    let tip = shaOf(await world.change(["mine"]));
    for (let n = 0; n < 2; n++) {
      await git(world.clone, ["checkout", "--quiet", "--force", "main"]);
      await world.push(await world.commit(() => append(world.clone, `theirs-${n}`), "main"), "refs/heads/main");
      await git(world.clone, ["branch", "--quiet", "--force", "main", "HEAD"]);
      await git(world.clone, ["checkout", "--quiet", "--force", "--detach", tip]);
      await git(world.clone, ["merge", "--quiet", "--no-edit", "main"]);
      tip = (await git(world.clone, ["rev-parse", "HEAD"])).trim();
    }
    await world.push(await world.commit(() => append(world.clone, "later"), "main"), "refs/heads/main");
    const { paths, files } = await touchesOf(world.provider, await world.push(tip));
    expect([paths, files]).toEqual([["mine"], 1]);
  });
});

describe("a clock that was wrong", () => {
  it("a change whose commits are older than the trunk's first commit is measured like any other", async () => {
    const world = await gitWorld();
    for (let n = 0; n < 8; n++) {
      const next = await world.commit(() => append(world.clone, `trunk-${n}`), n === 0 ? "main" : undefined);
      await world.push(next, "refs/heads/main");
      await git(world.clone, ["update-ref", "refs/heads/main", next]);
    }
    await git(world.clone, ["checkout", "--quiet", "--force", "--detach", "main~3"]);
    await append(world.clone, "old");
    await git(world.clone, ["add", "--all"]);
    await git(world.clone, ["commit", "--quiet", "-m", "Long ago"], {
      by: "Ada <ada@example.invalid>",
      at: 200_000_000,
    });
    const uri = await world.push((await git(world.clone, ["rev-parse", "HEAD"])).trim());
    expect(await touchesOf(world.provider, uri)).toMatchObject({ paths: ["old"], authors: ["ada@example.invalid"] });
  });
});
