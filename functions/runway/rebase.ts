import { type Commit, subjectOf } from "../adapters/git/commits.ts";
import { differingPaths, type Merged } from "../adapters/git/merge.ts";
import { refusals } from "../adapters/git/refusals.ts";
import type { GitSha } from "../contracts/ids.ts";
import { cut } from "../contracts/text.ts";
import { type Applied, conflicting } from "./applied.ts";
import type { Composer, PlacedChange } from "./composer.ts";
import { mergeWhole } from "./merge-whole.ts";
import { contentOf, type MergeContent, type Picked, pickAll, pickOf } from "./picks.ts";
import type { Tip } from "./tip.ts";

/** The most commits of a change that REBASE picks: each costs two git processes, unless it can be taken over as it is. */
const MAX_REBASED = 1_000;

/**
 * Picks each commit of a change, and compares the result with the merge of the whole change:
 *
 * - Merge commits are left out, as `git rebase` does, when the result is the same without them. Otherwise the edits that a merge commit
 *   contains beyond the merge of its parents are picked as well, as a commit with its message. Example: while merging the trunk the author
 *   also added a file `n`; then a landed commit adds `n`.
 * - A result that still differs is refused. So is a change with a merge commit that resolved a conflict, when the commits, picked by
 *   themselves, have that conflict again.
 * - When the whole conflicts, and every commit of the change can be picked, the picks land: they hold more information than the whole.
 * - When the whole adds nothing to the tip, and the picks would, nothing is added: the tip has all of the change's content.
 *
 * Costs the git processes of `mergeTrees` for each pick that can't be taken over as it is, and for the whole. When the result differs without
 * the merge commits, twice more for each merge commit.
 */
export async function rebase(composer: Composer, tip: Tip, change: PlacedChange): Promise<Applied> {
  const commits = change.range.commits.map((sha) => composer.commit(sha));
  if (commits.length > MAX_REBASED)
    return { kind: "refused", reason: refusals.tooLong(change, commits.length, MAX_REBASED) };
  const plain = commits.filter((commit) => !isMerge(commit)).map((commit) => pickOf(composer, commit));
  const picked = await pickAll(composer, tip, change, plain);
  // With a single commit, the pick and the merge of the whole are the same.
  if (commits.length === 1 && plain.length === 1) return judged(composer, tip, change, { picked, whole: undefined });
  const whole = await mergeWhole(composer, tip, change);
  if (isWhole(picked, whole)) return judged(composer, tip, change, { picked, whole });
  if (whole.kind === "clean" && whole.tree === tip.tree) return { kind: "applied", tip, commits: [] };
  const bothConflict = picked.kind === "conflict" && whole.kind === "conflict";
  if (plain.length === commits.length || bothConflict) return judged(composer, tip, change, { picked, whole });
  return withMerges(composer, tip, change, { commits, picked, whole });
}

const isMerge = ({ parents }: Commit): boolean => parents.length > 1;
const isWhole = (picked: Picked, whole: Merged): boolean =>
  picked.kind === "picked" && whole.kind === "clean" && picked.tip.tree === whole.tree;

/** The picks as an answer, when no merge commit is at issue. */
async function judged(
  composer: Composer,
  tip: Tip,
  change: PlacedChange,
  { picked, whole }: { picked: Picked; whole: Merged | undefined },
): Promise<Applied> {
  if (picked.kind === "conflict") {
    const conflict = { what: named("Commit", picked.commit), branch: composer.branch, paths: picked.paths };
    const tell = whole?.kind === "clean" ? refusals.onlyInPart : refusals.conflict;
    return conflicting(picked.paths, isAhead(composer, tip), (ahead) => tell(change, { ...conflict, ahead }));
  }
  if (whole?.kind === "clean" && !isWhole(picked, whole)) {
    const paths = await differingPaths(composer.repository, picked.tip.tree, whole.tree);
    return { kind: "refused", reason: refusals.differs(change, { branch: composer.branch, paths }) };
  }
  return { kind: "applied", tip: picked.tip, commits: picked.commits };
}

/** Without the merge commits, the picks differ from the whole: so the edits that the merge commits contain are picked too. */
async function withMerges(
  composer: Composer,
  tip: Tip,
  change: PlacedChange,
  { commits, picked, whole }: { commits: readonly Commit[]; picked: Picked; whole: Merged },
): Promise<Applied> {
  const contents = new Map<GitSha, MergeContent>();
  for (const commit of commits.filter(isMerge)) contents.set(commit.sha, await contentOf(composer, commit));
  const kinds = new Set([...contents.values()].map(({ kind }) => kind));
  if (!kinds.has("own") && !kinds.has("resolved")) return judged(composer, tip, change, { picked, whole });
  const picks = commits.flatMap((commit) => {
    const content = contents.get(commit.sha);
    if (content === undefined) return [pickOf(composer, commit)];
    return content.kind === "own" ? [content.pick] : [];
  });
  const again = kinds.has("own") ? await pickAll(composer, tip, change, picks) : picked;
  const isEverything = isWhole(again, whole) || (whole.kind === "conflict" && !kinds.has("resolved"));
  if (again.kind === "picked" && isEverything) return judged(composer, tip, change, { picked: again, whole });
  if (whole.kind === "conflict") {
    const conflict = { what: "The whole", branch: composer.branch, paths: whole.paths };
    return conflicting(whole.paths, isAhead(composer, tip), (ahead) =>
      refusals.conflict(change, { ...conflict, ahead }),
    );
  }
  const holds = (kind: MergeContent["kind"]) => commits.find(({ sha }) => contents.get(sha)?.kind === kind);
  const merge = holds("resolved") ?? holds("own");
  const what = merge === undefined ? "A merge commit" : named("Merge commit", merge);
  const place = { what, branch: composer.branch };
  if (again.kind === "conflict") {
    const conflict = { ...place, paths: again.paths };
    return conflicting(again.paths, isAhead(composer, tip), (ahead) =>
      refusals.mergeResolves(change, { ...conflict, ahead }),
    );
  }
  const paths = await differingPaths(composer.repository, again.tip.tree, whole.tree);
  return { kind: "refused", reason: refusals.mergeHolds(change, { ...place, paths }) };
}

const isAhead = ({ trunk }: Composer, tip: Tip): boolean => tip.sha !== trunk.sha;
const named = (kind: string, commit: Commit): string =>
  `${kind} ${commit.sha.slice(0, 12)} (${cut(subjectOf(commit), 200)})`;
