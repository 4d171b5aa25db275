import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { changesOf } from "../../../client/cli/changes.ts";

const branches = (...names: readonly string[]) => changesOf({ changes: names, branches: [], pulls: [] });

describe("the change of a branch", () => {
  const home = mkdtempSync(join(tmpdir(), "changes-"));
  const [remote, checkout] = [join(home, "shop.git"), join(home, "checkout")];
  const run = (directory: string, ...args: readonly string[]): string =>
    execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.invalid", ...args], {
      cwd: directory,
      encoding: "utf8",
    }).trim();
  let tip = "";
  beforeAll(() => {
    run(home, "init", "--quiet", "--bare", "--initial-branch=main", remote);
    run(home, "clone", "--quiet", remote, checkout);
    for (const message of ["old", "new"]) run(checkout, "commit", "--quiet", "--allow-empty", "-m", message);
    tip = run(checkout, "rev-parse", "HEAD");
    run(checkout, "push", "--quiet", "origin", "HEAD:refs/heads/hello", "HEAD~1:refs/backup/refs/heads/hello");
    run(checkout, "branch", "--quiet", "--no-track", "hello");
  });
  // The command line reads the repository of its directory, which this process shares with other tests.
  beforeEach(() => vi.stubEnv("GIT_DIR", join(checkout, ".git")));
  afterAll(() => rmSync(home, { recursive: true }));

  it("is that of the ref of this very name, where another ref of the remote only ends like it", async () => {
    expect(await branches("hello")).toEqual([`git://localhost/shop/refs%2Fheads%2Fhello/${tip}`]);
  });

  it("is read from an address that the branch names in place of a remote, as after `gh pr checkout`", async () => {
    run(checkout, "remote", "remove", "origin");
    await expect(branches("hello")).rejects.toThrow("There is no remote origin here");
    run(checkout, "config", "branch.hello.remote", remote);
    expect(await branches("hello")).toEqual([`git://localhost/shop/refs%2Fheads%2Fhello/${tip}`]);
  });
});
