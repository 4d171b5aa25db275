import { mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../contracts/errors.ts";
import type { Repository as RepositoryConfig } from "../../contracts/queues.ts";
import { openRepository } from "../git/repository.ts";
import type { BuildTask } from "./build-runner.ts";

export interface WorktreeOptions {
  readonly workDirectory: string;
  readonly repository: RepositoryConfig;
  readonly token?: string | undefined;
}

/** Checks the commit out in a new directory below `directory`, and returns it. Throws repository.unavailable and repository.failed. */
export async function addWorktree(
  options: WorktreeOptions,
  { ref, commit }: BuildTask,
  directory: string,
): Promise<string> {
  const repository = await openRepository(options);
  const isHere = async () => (await repository.git(["cat-file", "-e", `${commit}^{commit}`])).exitCode === 0;
  if (!(await isHere())) await repository.fetch([`+${ref}:${ref}`]);
  if (!(await isHere())) throw new CodedError("repository.failed", `${ref} does not hold commit ${commit}`);
  const tree = await mkdtemp(join(directory, "tree-"));
  await repository.exclusively(() => repository.run(["worktree", "add", "--quiet", "--detach", tree, commit]));
  return tree;
}

/** Removes a worktree and what git remembers of it. Does nothing when it is gone. */
export async function removeWorktree(options: WorktreeOptions, tree: string): Promise<void> {
  if (!(await stat(tree).catch(() => undefined))) return;
  const repository = await openRepository(options);
  // Twice: also when git was killed while it was adding the worktree, and left it locked. Any failure leaves the directory to rm.
  await repository.exclusively(() => repository.git(["worktree", "remove", "--force", "--force", tree]));
  await rm(tree, { recursive: true, force: true, maxRetries: 3 });
}
