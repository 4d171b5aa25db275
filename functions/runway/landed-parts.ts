import { type Range, Ranges } from "../adapters/git/commit-graph.ts";
import { mergeTrees } from "../adapters/git/merge.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { Composer, PlacedChange } from "./composer.ts";
import { mergeWhole } from "./merge-whole.ts";
import type { Tip } from "./tip.ts";

/**
 * How many commits of a change, and of the trunk, are compared. A change with more commits is left as it is; older commits of the trunk are
 * not considered.
 */
const MAX_COMMITS = 1_000;
const MAX_LINE = 5_000;
/** How many pairs of commits are tried: each try is a merge. */
const MAX_TRIES = 200;

/**
 * The change without its lower part, when the trunk holds the content of that part in other commits. Undefined when it does not. Example: the
 * change is `a1 ← a2 ← b`, and another request has landed `a1 ← a2` as one squashed commit `a'`. Then `b` alone is left.
 *
 * No record is trusted, for the proof is in the history: `a'` is what putting `a` onto the parent of `a'` gives. Commits that share the date
 * of their authors, or name a commit of the change in a trailer, are tried. A part whose content can be put onto the tip once more, and
 * changes it, has been reverted since: then nothing is left out.
 *
 * One git process for a change of several commits that does not begin at the trunk's last one. When a commit has to be tried, one more, and
 * those of mergeTrees for each.
 */
export async function withoutLanded(
  composer: Composer,
  tip: Tip,
  change: PlacedChange,
): Promise<PlacedChange | undefined> {
  const { commits, boundary } = change.range;
  if (change.strategy === "PROMOTE" || commits.length < 2 || commits.length > MAX_COMMITS) return undefined;
  if (boundary.has(composer.trunk.sha)) return undefined;
  const landed: GitSha[] = [];
  for (const { source, copy } of await pairs(composer, change)) {
    if (landed.includes(source)) continue;
    if (await isCopy(composer, change, { source, copy, landed })) landed.push(source);
  }
  if (landed.length === 0) return undefined;
  for (const sha of landed) {
    const again = await mergeWhole(composer, tip, { ...change, sha });
    if (again.kind === "clean" && again.tree !== tip.tree) return undefined;
  }
  return { ...change, range: rangeOf(composer, change, change.sha, landed) };
}

/** A commit along the trunk's first parents, which the trunk got since the change left it. */
interface Copy {
  readonly sha: GitSha;
  readonly tree: GitSha;
  readonly parent: { readonly sha: GitSha; readonly tree: GitSha };
}

/**
 * The pairs to try, in the order of the trunk: a commit that the trunk got since the change left it, and a commit of the change that it may be a
 * copy of. The change's last commit is in no pair, since it ends no lower part.
 */
async function pairs(
  composer: Composer,
  { sha, range: { commits, boundary } }: PlacedChange,
): Promise<readonly { readonly source: GitSha; readonly copy: Copy }[]> {
  const sources = commits.filter((commit) => commit !== sha);
  const trailer = "%(trailers:key=Submitqueue-Change,valueonly,separator=%x20)";
  const format = `--format=%H %T %P %at ${trailer}`;
  const flags = ["--first-parent", "--no-merges", "--topo-order", "--reverse", `--max-count=${MAX_LINE}`, format];
  const log = await composer.repository.run(["log", ...flags, composer.trunk.sha, "--not", ...boundary]);
  const found = log.split("\n").flatMap((line) => {
    const [copy = "", tree = "", parent = "", authoredAt = "", ...named] = line.split(" ");
    const may = (source: GitSha) =>
      authoredAtOf(composer, source) === authoredAt || named.some((uri) => uri.endsWith(source));
    return sources.filter(may).map((source) => ({ source, copy: copy as GitSha, tree: tree as GitSha, parent }));
  });
  const tried = found.slice(0, MAX_TRIES);
  const trees = await composer.repository.opened.objects.readAll([
    ...new Set(tried.map(({ parent }) => `${parent}^{tree}`)),
  ]);
  return tried.flatMap(({ source, copy, tree, parent }) => {
    const under = trees.get(`${parent}^{tree}`)?.sha;
    const of = { sha: parent as GitSha, tree: under };
    return of.tree === undefined ? [] : [{ source, copy: { sha: copy, tree, parent: { ...of, tree: of.tree } } }];
  });
}

const authoredAtOf = (composer: Composer, sha: GitSha): string | undefined =>
  / (-?\d+) [+-]\d+$/.exec(composer.commit(sha).author)?.[1];

/** True when `copy` is the result of merging `source`, without the part that has landed, onto the parent of `copy`. */
async function isCopy(
  composer: Composer,
  change: PlacedChange,
  { source, copy, landed }: { source: GitSha; copy: Copy; landed: readonly GitSha[] },
): Promise<boolean> {
  const { boundary, commits } = rangeOf(composer, change, source, landed);
  if (commits.length === 0) return false;
  const ours = composer.scaffold(copy.parent.tree, [copy.parent.sha, ...boundary]);
  await composer.flush();
  const merged = await mergeTrees(composer.repository, ours, source);
  return merged.kind === "clean" && merged.tree === copy.tree && copy.tree !== copy.parent.tree;
}

/** The range of the change up to `tip`, without the commits that have landed. */
function rangeOf(composer: Composer, { range }: PlacedChange, tip: GitSha, landed: readonly GitSha[]): Range {
  const ranges = new Ranges(new Map(range.commits.map((sha) => [sha, composer.commit(sha).parents])));
  for (const sha of landed) ranges.take(sha);
  return { ...ranges.take(tip), stacked: range.stacked || landed.length > 0 };
}
