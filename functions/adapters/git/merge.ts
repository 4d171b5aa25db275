import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import { complaint } from "./process.ts";
import type { Repository } from "./repository.ts";

export type Merged =
  | { readonly kind: "clean"; readonly tree: GitSha }
  /** Paths of the files that do not merge, sorted. */
  | { readonly kind: "conflict"; readonly paths: readonly string[] };

/** Merges two commits into a tree, touching neither index nor worktree. Their common ancestor is the base: choose `ours` for it. One git process. */
export async function mergeTrees(repository: Repository, ours: GitSha, theirs: GitSha): Promise<Merged> {
  const flags = ["--write-tree", "-z", "--name-only", "--no-messages", "--allow-unrelated-histories"];
  const { exitCode, stdout, stderr } = await repository.git(["merge-tree", ...flags, ours, theirs]);
  const [tree = "", ...paths] = stdout.toString("utf8").split("\0");
  if (exitCode === 0) return { kind: "clean", tree: tree as GitSha };
  if (exitCode !== 1)
    throw new CodedError("repository.failed", `git merge-tree failed (${exitCode}): ${complaint(stderr)}`);
  return { kind: "conflict", paths: [...new Set(paths.filter((path) => path !== ""))].sort() };
}

/** The commits of `theirs` that `ours` holds already as commits of its own with the same difference. One git process. */
export async function equivalents(repository: Repository, ours: GitSha, theirs: GitSha): Promise<ReadonlySet<string>> {
  const range = `${ours}...${theirs}`;
  const marked = await repository.run(["rev-list", "--cherry-mark", "--right-only", "--no-merges", range]);
  return new Set(marked.split("\n").flatMap((line) => (line.startsWith("=") ? [line.slice(1)] : [])));
}
