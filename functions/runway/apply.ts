import { type Commit, keepsAuthor } from "../adapters/git/commits.ts";
import { refusals } from "../adapters/git/refusals.ts";
import type { ChangeUri } from "../contracts/change-uri.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { MergeUnit } from "../contracts/messages/merge-unit.ts";
import { type Applied, type AppliedUnit, conflicting } from "./applied.ts";
import { merged as mergeText, squashed as squashText } from "./commit-messages.ts";
import type { Composer, PlacedChange } from "./composer.ts";
import { committedBy } from "./identities.ts";
import { withoutLanded } from "./landed-parts.ts";
import { mergeWhole } from "./merge-whole.ts";
import { rebase } from "./rebase.ts";
import type { Tip } from "./tip.ts";

/**
 * Applies the changes of a unit to a tip, in order. Makes git objects only, no ref and no worktree. Deterministic: the same tip and unit give
 * the same commits, bit for bit, at any time and on any machine.
 */
export async function applyUnit(composer: Composer, tip: Tip, unit: MergeUnit): Promise<AppliedUnit> {
  let at = tip;
  const commits: GitSha[] = [];
  const idle: ChangeUri[] = [];
  const ends = new Map<ChangeUri, GitSha>();
  for (const change of composer.changesOf(unit)) {
    const before = composer.recall(at, change);
    const applied: Applied = before ? { kind: "applied", ...before } : await applyChange(composer, at, change);
    if (applied.kind === "refused") return applied;
    const { tip: next, commits: added } = applied;
    if (!before) composer.remember(at, change, { tip: next, commits: added });
    at = next;
    commits.push(...added);
    if (added.length === 0) idle.push(change.uri);
    else ends.set(change.uri, at.sha);
  }
  return { kind: "applied", tip: at, commits, idle, ends };
}

async function applyChange(composer: Composer, tip: Tip, change: PlacedChange): Promise<Applied> {
  const { commits, boundary } = change.range;
  if (commits.length === 0) return { kind: "applied", tip, commits: [] };
  if (boundary.size === 0) return { kind: "refused", reason: refusals.unrelated(change, composer.branch) };
  return byStrategy(composer, tip, (await withoutLanded(composer, tip, change)) ?? change);
}

async function byStrategy(composer: Composer, tip: Tip, change: PlacedChange): Promise<Applied> {
  const nameless = change.strategy === "PROMOTE" ? undefined : authorless(composer, change);
  if (nameless) return { kind: "refused", reason: refusals.authorless(change, nameless) };
  switch (change.strategy) {
    case "REBASE":
      return rebase(composer, tip, change);
    case "SQUASH_REBASE":
      return squash(composer, tip, change);
    case "MERGE":
      return merge(composer, tip, change);
    case "PROMOTE":
      if (!change.range.boundary.has(tip.sha))
        return { kind: "refused", reason: refusals.notFastForward(change, composer.branch) };
      return { kind: "applied", tip: composer.tipAt(change.sha), commits: composer.line(change.sha, tip.sha) };
  }
}

/**
 * The first commit of the change whose author would be lost: its strategy makes new commits from it, and its author's line can't be taken
 * over.
 */
function authorless(composer: Composer, { strategy, sha, range: { commits } }: PlacedChange): Commit | undefined {
  const credited = strategy === "MERGE" ? [sha] : commits;
  return credited.map((one) => composer.commit(one)).find((commit) => !keepsAuthor(commit));
}

async function squash(composer: Composer, tip: Tip, change: PlacedChange): Promise<Applied> {
  const merged = await mergeWhole(composer, tip, change);
  if (merged.kind === "conflict") return conflicted(composer, tip, change, { what: "The whole", ...merged });
  if (merged.tree === tip.tree) return { kind: "applied", tip, commits: [] };
  const told = squashText(
    change,
    change.range.commits.map((sha) => composer.commit(sha)),
  );
  if (told.kind === "untold") return { kind: "refused", reason: refusals.unreadable(change, told.commit) };
  const committer = committedBy(composer.committer, composer.commit(change.sha));
  const next = await composer.commitOn([tip], { ...told.text, committer, tree: merged.tree });
  return { kind: "applied", tip: next, commits: [next.sha] };
}

async function merge(composer: Composer, tip: Tip, change: PlacedChange): Promise<Applied> {
  const merged = await mergeWhole(composer, tip, change);
  if (merged.kind === "conflict") return conflicted(composer, tip, change, { what: "The whole", ...merged });
  const head = composer.commit(change.sha);
  const told = mergeText(change, head, composer.branch);
  if (told.kind === "untold") return { kind: "refused", reason: refusals.unreadable(change, told.commit) };
  const committer = committedBy(composer.committer, head);
  const next = await composer.commitOn([tip, composer.tipAt(change.sha)], {
    ...told.text,
    committer,
    tree: merged.tree,
  });
  return { kind: "applied", tip: next, commits: [next.sha] };
}

const conflicted = (
  composer: Composer,
  tip: Tip,
  change: PlacedChange,
  { what, paths }: { what: string; paths: readonly string[] },
): Applied =>
  conflicting(paths, tip.sha !== composer.trunk.sha, (ahead) =>
    refusals.conflict(change, { what, paths, branch: composer.branch, ahead }),
  );
