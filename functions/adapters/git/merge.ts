import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import { type Attributes, attributesOf, guidedBy, sameAttributes } from "./attributes.ts";
import { complaint, type GitAnswer } from "./process.ts";
import type { Repository } from "./repository.ts";

/** The result of a merge: the merged tree, or the files in conflict. */
export type Merged =
  | { readonly kind: "clean"; readonly tree: GitSha }
  /** Paths of the files that do not merge, sorted. */
  | { readonly kind: "conflict"; readonly paths: readonly string[] };

/**
 * Merges commit `theirs` into commit `ours`, with their best common ancestor as the base, and answers the merged tree, or the paths in
 * conflict. Neither index nor worktree is touched. The .gitattributes of both sides apply: a conflict by the attributes of either side is a
 * conflict. `attributes` is the commit whose attributes count for the side of `theirs`: the last commit of a change when `theirs` is an
 * earlier one.
 *
 * One git process. When both sides have edited one file, one more to read attributes, and one or two more when these files have attributes.
 */
export async function mergeTrees(
  repository: Repository,
  ours: GitSha,
  theirs: GitSha,
  attributes: GitSha = theirs,
): Promise<Merged> {
  const args = ["merge-tree", ...FLAGS, ours, theirs];
  const { merged, edited } = read(await repository.git(args, { env: VERBOSE }));
  if (edited.length === 0) return merged;
  const [onOurs, onTheirs] = await attributesOf(repository, [ours, attributes], edited);
  const sides = [onOurs, onTheirs].filter((side): side is Attributes => side !== undefined);
  if (sides.every((side) => side.size === 0)) return merged;
  const [first, second] = sides;
  const told = first && second && sameAttributes(first, second) ? [first] : sides;
  const guided = await Promise.all(
    told.map((side) =>
      guidedBy(
        repository,
        side,
        async ({ flags, env }) => read(await repository.git([...flags, ...args], { env })).merged,
      ),
    ),
  );
  return guided.find(({ kind }) => kind === "conflict") ?? guided[0] ?? merged;
}

const FLAGS = ["--write-tree", "-z", "--name-only", "--messages", "--allow-unrelated-histories"];
/** Makes git print the files that it merges, also those merged for a base that git makes of several common ancestors. */
const VERBOSE = { GIT_MERGE_VERBOSITY: "5" };

/** The answer of merge-tree, parsed. `edited`: the paths, as latin1, of the files that both sides have edited. */
function read({ exitCode, stdout, stderr }: GitAnswer): { merged: Merged; edited: readonly string[] } {
  if (exitCode !== 0 && exitCode !== 1)
    throw new CodedError("repository.failed", `git merge-tree failed (${exitCode}): ${complaint(stderr)}`);
  const [tree = "", ...fields] = stdout.toString("latin1").split("\0");
  const end = fields.indexOf("");
  const inConflict = [...new Set(end < 0 ? fields : fields.slice(0, end))];
  const edited = [...new Set([...inConflict, ...pathsOfMessages(end < 0 ? [] : fields.slice(end + 1))])];
  if (exitCode === 0) return { merged: { kind: "clean", tree: tree as GitSha }, edited };
  const paths = inConflict.map((path) => Buffer.from(path, "latin1").toString("utf8")).sort();
  return { merged: { kind: "conflict", paths }, edited };
}

/**
 * The paths that merge-tree's messages name. A message is the number of its paths, the paths, its kind and its text, as fields of their own.
 */
function pathsOfMessages(fields: readonly string[]): string[] {
  const paths: string[] = [];
  for (let at = 0; /^\d+$/.test(fields[at] ?? ""); ) {
    const count = Number(fields[at]);
    paths.push(...fields.slice(at + 1, at + 1 + count));
    at += count + 3;
  }
  return paths;
}

/** The commits of `theirs` whose difference `ours` has already, in a commit of its own. One git process. */
export async function equivalents(repository: Repository, ours: GitSha, theirs: GitSha): Promise<ReadonlySet<string>> {
  const range = `${ours}...${theirs}`;
  const marked = await repository.run(["rev-list", "--cherry-mark", "--right-only", "--no-merges", range]);
  return new Set(marked.split("\n").flatMap((line) => (line.startsWith("=") ? [line.slice(1)] : [])));
}

/** The paths that differ between two trees, sorted. One git process. */
export async function differingPaths(repository: Repository, one: GitSha, other: GitSha): Promise<readonly string[]> {
  const listed = await repository.run(["diff-tree", "-r", "-z", "--name-only", one, other]);
  return listed
    .split("\0")
    .filter((path) => path !== "")
    .sort();
}
