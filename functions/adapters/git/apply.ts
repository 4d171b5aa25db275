import type { GitSha } from "../../contracts/ids.ts";
import type { MergeUnit } from "../../contracts/messages.ts";
import type { Reason } from "../../contracts/reasons.ts";
import type { Bench, PlacedChange, Tip } from "./bench.ts";
import { type Commit, keepsAuthor, subjectOf } from "./commits.ts";
import { committedBy } from "./identities.ts";
import { equivalents, type Merged, mergeTrees } from "./merge.ts";
import { merged as mergeText, squashed as squashText } from "./messages.ts";
import { refusals } from "./refusals.ts";

/** `commits` are those on the line from the old tip to the new, oldest first: of a merge, the merge commit alone. */
export type Applied =
  | { readonly kind: "applied"; readonly tip: Tip; readonly commits: readonly GitSha[] }
  | { readonly kind: "refused"; readonly reason: Reason };

/** With REBASE, a change costs two git processes for each of its commits that can't be taken over as it is. */
export const MAX_REBASED = 1_000;

/**
 * Puts a unit onto a tip, in memory and in the object store alone: no ref and no worktree is touched. The same tip and unit give the same
 * commits, bit for bit, whenever and wherever it is done.
 */
export async function applyUnit(bench: Bench, tip: Tip, unit: MergeUnit): Promise<Applied> {
  let at = tip;
  const commits: GitSha[] = [];
  for (const change of bench.changesOf(unit)) {
    const before = bench.recall(at, change);
    const applied: Applied = before ? { kind: "applied", ...before } : await applyChange(bench, at, change);
    if (applied.kind === "refused") return applied;
    if (!before) bench.remember(at, change, { tip: applied.tip, commits: applied.commits });
    at = applied.tip;
    commits.push(...applied.commits);
  }
  return { kind: "applied", tip: at, commits };
}

async function applyChange(bench: Bench, tip: Tip, change: PlacedChange): Promise<Applied> {
  const { commits, boundary } = change.range;
  if (commits.length === 0) return { kind: "applied", tip, commits: [] };
  if (boundary.size === 0) return { kind: "refused", reason: refusals.unrelated(change, bench.branch) };
  const nameless = change.strategy === "PROMOTE" ? undefined : authorless(bench, change);
  if (nameless) return { kind: "refused", reason: refusals.authorless(change, nameless) };
  switch (change.strategy) {
    case "REBASE":
      return rebase(bench, tip, change);
    case "SQUASH_REBASE":
      return squash(bench, tip, change);
    case "MERGE":
      return merge(bench, tip, change);
    case "PROMOTE":
      if (!boundary.has(tip.sha)) return { kind: "refused", reason: refusals.notFastForward(change, bench.branch) };
      return {
        kind: "applied",
        tip: { sha: change.sha, tree: bench.commit(change.sha).tree },
        commits: bench.line(change.sha, tip.sha),
      };
  }
}

/**
 * Picks each commit, merges left out, as `git rebase` does. What becomes empty is dropped. So is a commit that conflicts and that the
 * trunk holds already with the same difference, if a later one of the change then fits: it met what had been landed on top of it. When
 * none fits, the trunk has taken the change back since, and to drop it would be to lose it.
 */
async function rebase(bench: Bench, tip: Tip, change: PlacedChange): Promise<Applied> {
  const picks = change.range.commits.map((sha) => bench.commit(sha)).filter(({ parents }) => parents.length < 2);
  if (picks.length > MAX_REBASED)
    return { kind: "refused", reason: refusals.tooLong(change, picks.length, MAX_REBASED) };
  let at = tip;
  const commits: GitSha[] = [];
  let landedAlready: ReadonlySet<string> | undefined;
  let dropped: Applied | undefined;
  for (const commit of picks) {
    const picked = await pick(bench, at, commit);
    if (picked.kind === "conflict") {
      const what = `Commit ${commit.sha.slice(0, 12)} (${subjectOf(commit).slice(0, 200)})`;
      dropped ??= conflicted(bench, at, change, { what, ...picked });
      landedAlready ??= await equivalents(bench.repository, at.sha, change.sha);
      if (!landedAlready.has(commit.sha)) return dropped;
      continue;
    }
    dropped = undefined;
    if (picked.tree === at.tree) continue;
    at = bench.commitOn([at.sha], { ...rewritten(bench, commit), tree: picked.tree });
    commits.push(at.sha);
  }
  return dropped ?? { kind: "applied", tip: at, commits };
}

/**
 * The tree of the tip with the difference between a commit and its parent. merge-tree takes the common ancestor for its base: so the tip's
 * tree is given a commit whose only parent is the picked commit's, unless that parent is the common ancestor anyway.
 */
async function pick(bench: Bench, tip: Tip, commit: Commit): Promise<Merged> {
  const [parent] = commit.parents;
  if (parent !== undefined && bench.commit(parent).tree === tip.tree) return { kind: "clean", tree: commit.tree };
  const isAncestor = parent !== undefined && !bench.isAboveTrunk(parent);
  const ours = isAncestor ? tip.sha : bench.scaffold(tip.tree, parent === undefined ? [] : [parent]);
  await bench.flush();
  return mergeTrees(bench.repository, ours, commit.sha);
}

/** A commit whose author would be lost: one that is rewritten, or credited by a merge commit, and whose author line can't go on. */
function authorless(bench: Bench, { strategy, sha, range: { commits } }: PlacedChange): Commit | undefined {
  const credited = strategy === "MERGE" ? [sha] : commits;
  return credited.map((one) => bench.commit(one)).find((commit) => !keepsAuthor(commit));
}

async function squash(bench: Bench, tip: Tip, change: PlacedChange): Promise<Applied> {
  const merged = await mergeWhole(bench, tip, change);
  if (merged.kind === "conflict") return conflicted(bench, tip, change, { what: "The whole", ...merged });
  if (merged.tree === tip.tree) return { kind: "applied", tip, commits: [] };
  const told = squashText(
    change,
    change.range.commits.map((sha) => bench.commit(sha)),
  );
  if (told.kind === "untold") return { kind: "refused", reason: refusals.unreadable(change, told.commit) };
  const committer = committedBy(bench.committer, bench.commit(change.sha));
  const next = bench.commitOn([tip.sha], { ...told.text, committer, tree: merged.tree });
  return { kind: "applied", tip: next, commits: [next.sha] };
}

async function merge(bench: Bench, tip: Tip, change: PlacedChange): Promise<Applied> {
  const merged = await mergeWhole(bench, tip, change);
  if (merged.kind === "conflict") return conflicted(bench, tip, change, { what: "The whole", ...merged });
  const head = bench.commit(change.sha);
  const told = mergeText(change, head, bench.branch);
  if (told.kind === "untold") return { kind: "refused", reason: refusals.unreadable(change, told.commit) };
  const committer = committedBy(bench.committer, head);
  const next = bench.commitOn([tip.sha, change.sha], { ...told.text, committer, tree: merged.tree });
  return { kind: "applied", tip: next, commits: [next.sha] };
}

/** Merges a change in one go. The base is where it left the trunk or, when it is stacked, the change below it. */
async function mergeWhole(
  bench: Bench,
  tip: Tip,
  { sha, range: { boundary, stacked } }: PlacedChange,
): Promise<Merged> {
  const [left] = boundary;
  if (boundary.size === 1 && left !== undefined && bench.commit(left).tree === tip.tree)
    return { kind: "clean", tree: bench.commit(sha).tree };
  const ours = stacked ? bench.scaffold(tip.tree, [tip.sha, ...boundary]) : tip.sha;
  await bench.flush();
  return mergeTrees(bench.repository, ours, sha);
}

const rewritten = ({ committer }: Bench, source: Commit) => ({
  author: source.author,
  committer: committedBy(committer, source),
  encoding: source.encoding,
  message: source.message,
});

const conflicted = (
  bench: Bench,
  tip: Tip,
  change: PlacedChange,
  { what, paths }: { what: string; paths: readonly string[] },
): Applied => ({
  kind: "refused",
  reason: refusals.conflict(change, { what, paths, branch: bench.branch, ahead: tip.sha !== bench.trunk.sha }),
});
