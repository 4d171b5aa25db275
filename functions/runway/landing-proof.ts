import { type Graph, graphAbove } from "../adapters/git/commit-graph.ts";
import { type Commit, parseCommit } from "../adapters/git/commits.ts";
import { mergeTrees } from "../adapters/git/merge.ts";
import { type PinnedChange, pinned } from "../adapters/git/pinned-changes.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { MergeUnit } from "../contracts/messages/merge-unit.ts";
import type { MergeStrategy } from "../contracts/strategy.ts";
import type { Landed } from "./landing-records.ts";

// Users who may push can also change the ref that holds the records of landings. So a record counts only when the repository confirms it.

/** A record of a landing, and the unit that it is about. */
export interface Recorded {
  readonly landed: Landed;
  /** Undefined when only the batch's id is known. */
  readonly unit: MergeUnit | undefined;
}

/** What records are compared with. */
export interface Bearers {
  /** The commits above the trunk that the wanted tips, and the commits that records name, lead to. */
  readonly graph: Graph;
  /** The commits that records name; for changes that are rebased, also the commits of the change. */
  readonly commits: ReadonlyMap<GitSha, Commit>;
}

/**
 * What the landings of `recorded` can be proven by, for trunk commit `trunk` and the wanted tips. Costs one git process. With records, one more;
 * and when a record is of a rebased change, another one.
 */
export async function bearersOf(
  repository: Repository,
  trunk: GitSha,
  recorded: readonly Recorded[],
  tips: readonly GitSha[],
): Promise<Bearers> {
  // After a reset of the trunk, the commit that a record names may not exist in this repository.
  const named = await readCommits(
    repository,
    recorded.map(({ landed }) => landed.commit),
  );
  const graph = await graphAbove(repository, trunk, [...tips, ...named.keys()]);
  const sources = recorded.flatMap(({ unit }) =>
    placed(unit).flatMap(({ change, strategy }) => (strategy === "REBASE" ? above(graph, change.sha) : [])),
  );
  return { graph, commits: new Map([...named, ...(await readCommits(repository, sources))]) };
}

async function readCommits(repository: Repository, shas: readonly GitSha[]): Promise<ReadonlyMap<GitSha, Commit>> {
  const objects = await repository.opened.objects.readAll([...new Set(shas)]);
  return new Map(
    [...objects].flatMap(([name, object]) =>
      object.type === "commit" ? [[name as GitSha, parseCommit(object)] as const] : [],
    ),
  );
}

/** The commit, and every commit of the graph that it descends from. */
function above(graph: Graph, tip: GitSha): readonly GitSha[] {
  const found = new Set<GitSha>(graph.has(tip) ? [tip] : []);
  for (const sha of found) for (const parent of graph.get(sha) ?? []) if (graph.has(parent)) found.add(parent);
  return [...found];
}

/**
 * True when the repository confirms the record of a landing. The commit that the record names has to be on the trunk, to have the recorded
 * tree, and to contain the unit. It contains the unit when it is what the strategy makes of a change of the unit: with PROMOTE the change's
 * own commit, with MERGE a merge of it, with SQUASH_REBASE a commit that names the change, with REBASE a commit with the message of one of
 * the change's commits. When the record says that the landing added nothing, the commit has to hold the unit's content. When the change's
 * commits no longer exist, the record's signature is enough. No git process; one per change for a landing that added nothing.
 */
export async function bears(
  repository: Repository,
  { graph, commits }: Bearers,
  { landed: { outcome }, unit }: Recorded,
  isHere: (sha: GitSha) => boolean,
): Promise<boolean> {
  const commit = commits.get(outcome.commit);
  if (commit === undefined || graph.has(commit.sha) || commit.tree !== outcome.tree) return false;
  if (outcome.commits.length > 0) {
    if (outcome.commits.at(-1) !== outcome.commit) return false;
    const changes = placed(unit);
    return (
      unit === undefined || changes.some((one) => isMadeFrom(commit, one.change, one.strategy, { graph, commits }))
    );
  }
  for (const { change } of placed(unit).filter((one) => isHere(one.change.sha))) {
    const merged = await mergeTrees(repository, commit.sha, change.sha);
    if (merged.kind === "conflict" || merged.tree !== commit.tree) return false;
  }
  return true;
}

function isMadeFrom(
  commit: Commit,
  change: PinnedChange,
  strategy: MergeStrategy,
  { graph, commits }: Bearers,
): boolean {
  switch (strategy) {
    case "PROMOTE":
      return commit.sha === change.sha;
    case "MERGE":
      return commit.parents[1] === change.sha;
    case "SQUASH_REBASE":
      return commit.message.split("\n").includes(`Submitqueue-Change: ${change.uri}`);
    case "REBASE": {
      const sources = above(graph, change.sha).map((sha) => commits.get(sha));
      return sources.length === 0 || sources.some((source) => source?.message === commit.message);
    }
  }
}

const placed = (unit: MergeUnit | undefined): readonly { change: PinnedChange; strategy: MergeStrategy }[] =>
  (unit?.steps ?? []).flatMap(({ changes, strategy }) =>
    changes.flatMap((uri) => {
      const change = pinned(uri);
      return change ? [{ change, strategy }] : [];
    }),
  );
