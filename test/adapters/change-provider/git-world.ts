import { appendFile, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { changeProviderFor } from "../../../functions/adapters/change-provider/index.ts";
import { type ChangeUri, changeOf } from "../../../functions/contracts/change-uri.ts";
import { changeUriOf } from "../../../localstack/demo/changes.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { GitFiles } from "../../support/git-files.ts";
import { aQueue, scratch } from "../build-runner/tasks.ts";

const shaOf = (uri: ChangeUri): string => ("sha" in changeOf(uri) ? uri.slice(-40) : "");

/** A real remote with a trunk that holds a few files, and a provider that reads it. */
export async function gitWorld(overrides: Record<string, unknown> = {}) {
  const root = await scratch();
  const [remote, clone, workDirectory] = [join(root, "remote.git"), join(root, "clone"), join(root, "work")];
  await mkdir(clone);
  await git(root, ["init", "--quiet", "--bare", "--initial-branch=main", remote]);
  await git(clone, ["init", "--quiet", "--initial-branch=main"]);
  // Both have the same objects. What is pushed is a ref of the remote.
  await rm(join(clone, ".git", "objects"), { recursive: true });
  await symlink(join(remote, "objects"), join(clone, ".git", "objects"));
  const files = new GitFiles(remote);
  let branches = 0;
  const world = {
    remote,
    clone,
    provider: changeProviderFor(aQueue({ repository: { remote }, buildRunner: { type: "fake" }, ...overrides }), {
      workDirectory,
    }),
    /** Commits what `edit` did to the clone, on the commit named; the same branch of the remote moves to it. */
    async commit(
      edit: () => Promise<unknown>,
      onto: string | undefined,
      by = "Ada <ada@example.invalid>",
      message = "Change it",
    ) {
      if (onto) await git(clone, ["checkout", "--quiet", "--force", "--detach", onto]);
      await edit();
      await git(clone, ["add", "--all"]);
      await git(clone, ["commit", "--quiet", "-m", message], { by, at: 1e9 });
      return (await git(clone, ["rev-parse", "HEAD"])).trim();
    },
    async push(sha: string, ref = `refs/heads/topic-${++branches}`): Promise<ChangeUri> {
      files.setRef(ref, sha);
      return changeUriOf(ref, sha);
    },
    async change(files: readonly string[], onto?: ChangeUri) {
      const edit = async () => {
        for (const file of files) await append(clone, file);
      };
      return world.push(await world.commit(edit, onto ? shaOf(onto) : "main"));
    },
    missing: async () => changeUriOf("refs/heads/none", "ab".repeat(20)),
  };
  await world.push(await world.commit(() => append(clone, "seed", 20), undefined), "refs/heads/main");
  return world;
}

export async function append(clone: string, file: string, lines = 1): Promise<void> {
  await mkdir(join(clone, file, ".."), { recursive: true });
  await appendFile(join(clone, file), Array.from({ length: lines }, (_, i) => `line ${i} of ${file}\n`).join(""));
}
