import type { Commit } from "../adapters/git/commits.ts";
import { equivalents, type Merged, mergeTrees } from "../adapters/git/merge.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { Composer, PlacedChange } from "./composer.ts";
import { committedBy } from "./identities.ts";
import type { Tip } from "./tip.ts";

/** A difference to apply to a tip, as a new commit with the author, date and message of `commit`. */
export interface Pick {
  readonly commit: Commit;
  /** The commit whose difference from its only parent is applied: `commit` itself, or a scaffold with the tree of `commit`. */
  readonly theirs: GitSha;
  /** The parent of `theirs`; undefined when it has none. */
  readonly base: { readonly sha: GitSha; readonly tree: GitSha } | undefined;
}

/** What came of picks. picked: the new tip, and the new commits, oldest first. conflict: the commit that does not apply, and the files in conflict. */
export type Picked =
  | { readonly kind: "picked"; readonly tip: Tip; readonly commits: readonly GitSha[] }
  | { readonly kind: "conflict"; readonly commit: Commit; readonly paths: readonly string[] };

/** The pick of a commit that is no merge. */
export function pickOf(composer: Composer, commit: Commit): Pick {
  const [parent] = commit.parents;
  return {
    commit,
    theirs: commit.sha,
    base: parent === undefined ? undefined : { sha: parent, tree: composer.commit(parent).tree },
  };
}

/**
 * What a merge commit contains beyond the merge of its parents. plain: nothing. own: edits of its own, as a pick. resolved: its parents
 * conflict, so edits of its own can't be told from the resolution of the conflict.
 */
export type MergeContent = { readonly kind: "plain" | "resolved" } | { readonly kind: "own"; readonly pick: Pick };

/** The git processes of mergeTrees, for each parent after the first. */
export async function contentOf(composer: Composer, commit: Commit): Promise<MergeContent> {
  const [first, ...others] = commit.parents;
  let at: { sha: GitSha; tree: GitSha } | undefined;
  for (const [n, parent] of others.entries()) {
    await composer.flush();
    const merged = await mergeTrees(composer.repository, at?.sha ?? (first as GitSha), parent, commit.sha);
    if (merged.kind === "conflict") return { kind: "resolved" };
    at = { sha: composer.scaffold(merged.tree, commit.parents.slice(0, n + 2)), tree: merged.tree };
  }
  if (at === undefined || at.tree === commit.tree) return { kind: "plain" };
  return { kind: "own", pick: { commit, theirs: composer.scaffold(commit.tree, [at.sha]), base: at } };
}

/**
 * Applies picks to a tip, one after the other. A pick that changes nothing is dropped. A pick that conflicts is dropped when the trunk has a
 * commit with the same difference, and a later pick applies: then the pick conflicts with later commits of the trunk. When no later pick
 * applies, the trunk has reverted the difference since, so dropping the pick would lose it: that is a conflict.
 */
export async function pickAll(
  composer: Composer,
  tip: Tip,
  change: PlacedChange,
  picks: readonly Pick[],
): Promise<Picked> {
  let at = tip;
  const commits: GitSha[] = [];
  let landedAlready: ReadonlySet<string> | undefined;
  let dropped: Extract<Picked, { kind: "conflict" }> | undefined;
  for (const pick of picks) {
    const merged = await mergePick(composer, at, change, pick);
    if (merged.kind === "conflict") {
      dropped ??= { kind: "conflict", commit: pick.commit, paths: merged.paths };
      landedAlready ??= await equivalents(composer.repository, at.sha, change.sha);
      if (!landedAlready.has(pick.commit.sha)) return dropped;
      continue;
    }
    dropped = undefined;
    if (merged.tree === at.tree) continue;
    at = await composer.commitOn([at], { ...rewritten(composer, pick.commit), tree: merged.tree });
    commits.push(at.sha);
  }
  return dropped ?? { kind: "picked", tip: at, commits };
}

/**
 * The tree of the tip with the difference of a pick. merge-tree takes the common ancestor for the base of the merge. So the tip's tree gets a
 * scaffold commit whose only parent is the pick's base, unless that base is the common ancestor already.
 */
async function mergePick(
  composer: Composer,
  tip: Tip,
  change: PlacedChange,
  { theirs, base, commit }: Pick,
): Promise<Merged> {
  if (base?.tree === tip.tree) return { kind: "clean", tree: commit.tree };
  const isAncestor = base !== undefined && theirs === commit.sha && !composer.isAboveTrunk(base.sha);
  const ours = isAncestor ? tip.sha : composer.scaffold(tip.tree, base === undefined ? [] : [base.sha]);
  await composer.flush();
  return mergeTrees(composer.repository, ours, theirs, change.sha);
}

/** Author, date and message of `source`, with the queue as the committer. */
const rewritten = ({ committer }: Composer, source: Commit) => ({
  author: source.author,
  committer: committedBy(committer, source),
  encoding: source.encoding,
  message: source.message,
});
