import type { ChangeUri } from "../../contracts/change-uri.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { MergeUnit } from "../../contracts/messages.ts";
import type { Applied, AppliedUnit } from "./applied.ts";
import type { Bench, PlacedChange } from "./bench.ts";
import { type Commit, keepsAuthor } from "./commits.ts";
import { committedBy } from "./identities.ts";
import { withoutLanded } from "./landed-parts.ts";
import { merged as mergeText, squashed as squashText } from "./messages.ts";
import { rebase } from "./rebase.ts";
import { refusals } from "./refusals.ts";
import type { Tip } from "./tip.ts";
import { mergeWhole } from "./whole.ts";

/**
 * Puts a unit onto a tip, in memory and in the object store alone: no ref and no worktree is touched. The same tip and unit give the same
 * commits, bit for bit, whenever and wherever it is done.
 */
export async function applyUnit(bench: Bench, tip: Tip, unit: MergeUnit): Promise<AppliedUnit> {
  let at = tip;
  const commits: GitSha[] = [];
  const idle: ChangeUri[] = [];
  for (const change of bench.changesOf(unit)) {
    const before = bench.recall(at, change);
    const applied: Applied = before ? { kind: "applied", ...before } : await applyChange(bench, at, change);
    if (applied.kind === "refused") return applied;
    const { tip: next, commits: added } = applied;
    if (!before) bench.remember(at, change, { tip: next, commits: added });
    at = next;
    commits.push(...added);
    if (added.length === 0) idle.push(change.uri);
  }
  return { kind: "applied", tip: at, commits, idle };
}

async function applyChange(bench: Bench, tip: Tip, change: PlacedChange): Promise<Applied> {
  const { commits, boundary } = change.range;
  if (commits.length === 0) return { kind: "applied", tip, commits: [] };
  if (boundary.size === 0) return { kind: "refused", reason: refusals.unrelated(change, bench.branch) };
  return byStrategy(bench, tip, (await withoutLanded(bench, tip, change)) ?? change);
}

async function byStrategy(bench: Bench, tip: Tip, change: PlacedChange): Promise<Applied> {
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
      if (!change.range.boundary.has(tip.sha))
        return { kind: "refused", reason: refusals.notFastForward(change, bench.branch) };
      return { kind: "applied", tip: bench.tipAt(change.sha), commits: bench.line(change.sha, tip.sha) };
  }
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
  const next = bench.commitOn([tip], { ...told.text, committer, tree: merged.tree });
  return { kind: "applied", tip: next, commits: [next.sha] };
}

async function merge(bench: Bench, tip: Tip, change: PlacedChange): Promise<Applied> {
  const merged = await mergeWhole(bench, tip, change);
  if (merged.kind === "conflict") return conflicted(bench, tip, change, { what: "The whole", ...merged });
  const head = bench.commit(change.sha);
  const told = mergeText(change, head, bench.branch);
  if (told.kind === "untold") return { kind: "refused", reason: refusals.unreadable(change, told.commit) };
  const committer = committedBy(bench.committer, head);
  const next = bench.commitOn([tip, bench.tipAt(change.sha)], { ...told.text, committer, tree: merged.tree });
  return { kind: "applied", tip: next, commits: [next.sha] };
}

const conflicted = (
  bench: Bench,
  tip: Tip,
  change: PlacedChange,
  { what, paths }: { what: string; paths: readonly string[] },
): Applied => ({
  kind: "refused",
  reason: refusals.conflict(change, { what, paths, branch: bench.branch, ahead: tip.sha !== bench.trunk.sha }),
});
