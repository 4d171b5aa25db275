import type { GitSha } from "../../contracts/ids.ts";

/** A commit as `git log` lists it. */
export interface ListedCommit {
  readonly sha: GitSha;
  readonly parents: readonly GitSha[];
  /** The author's e-mail address. */
  readonly author: string;
  /** The first line of its message. */
  readonly subject: string;
}

/** One change of a stack: what it is measured from, and its own commits. */
export interface Measured {
  readonly sha: GitSha;
  /** The best common ancestor of the change with the trunk and the changes below it. Undefined when there is none. */
  readonly from: GitSha | undefined;
  /** The commits that neither the trunk nor a change below it holds, oldest first. */
  readonly commits: readonly ListedCommit[];
}

/**
 * Measures each change of a stack from where it left the trunk or the change below it. `listed` holds the trunk, the changes and their
 * ancestors, newest first, down to a common ancestor of all of them; a commit that is not listed is an ancestor of the trunk.
 *
 * Example: `trunk: t0 ← t1 ← t2`, `a: t0 ← a1`, `b: a1 ← b1`. Of the stack [a1, b1], a is measured from t0 and holds a1, b is measured from
 * a1 and holds b1. A change that merged t1 into itself is measured from t1, the newest part of the trunk that it holds.
 */
export function measure(listed: readonly ListedCommit[], trunk: GitSha, stack: readonly GitSha[]): Measured[] {
  const graph = new Map(listed.map((commit, place) => [commit.sha, { ...commit, place }]));
  const parentsOf = (sha: GitSha): readonly GitSha[] => graph.get(sha)?.parents ?? [];
  const below = reachable([trunk], parentsOf);
  return stack.map((sha) => {
    const isBelow = (commit: GitSha): boolean => below.has(commit) || !graph.has(commit);
    const own = isBelow(sha) ? new Set<GitSha>() : reachable([sha], parentsOf, isBelow);
    const boundary = own.size === 0 ? [sha] : [...own].flatMap((commit) => parentsOf(commit).filter(isBelow));
    for (const commit of own) below.add(commit);
    return {
      sha,
      from: newest([...new Set(boundary)], parentsOf, (commit) => graph.get(commit)?.place ?? Infinity),
      commits: listed.filter((commit) => own.has(commit.sha)).reverse(),
    };
  });
}

/** The starts and their ancestors, without what `stop` holds for and what lies behind that. */
function reachable(
  starts: readonly GitSha[],
  parentsOf: (sha: GitSha) => readonly GitSha[],
  stop: (sha: GitSha) => boolean = () => false,
): Set<GitSha> {
  const found = new Set<GitSha>();
  const open = [...starts];
  for (let sha = open.pop(); sha !== undefined; sha = open.pop()) {
    if (found.has(sha) || stop(sha)) continue;
    found.add(sha);
    open.push(...parentsOf(sha));
  }
  return found;
}

/** The commit of which no other candidate is a descendant; of several such, the one that is listed first. Undefined without candidates. */
function newest(
  candidates: readonly GitSha[],
  parentsOf: (sha: GitSha) => readonly GitSha[],
  placeOf: (sha: GitSha) => number,
): GitSha | undefined {
  if (candidates.length < 2) return candidates[0];
  const older = new Set(candidates.flatMap((sha) => [...reachable(parentsOf(sha), parentsOf)]));
  return candidates.filter((sha) => !older.has(sha)).sort((a, b) => placeOf(a) - placeOf(b))[0];
}
