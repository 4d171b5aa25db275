import type { Commit } from "../adapters/git/commits.ts";
import { readable } from "../adapters/git/encodings.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { TrunkUnit } from "../contracts/messages/merge-unit.ts";
import type { ComposeResult, ComposeTask } from "../contracts/messages/runway-tasks.ts";
import type { QueueConfig } from "../contracts/queues.ts";
import { printable } from "../contracts/text.ts";
import type { EpochMs } from "../contracts/time.ts";
import { composerFor } from "./composer.ts";
import { pushPath } from "./push-path.ts";
import { readSnapshot } from "./remote-snapshot.ts";

type TrunkTask = ComposeTask & { readonly head: TrunkUnit };

/** True when the trunk itself is to be built. */
export const isOfTrunk = (task: ComposeTask): task is TrunkTask => "unless" in task.head;

/**
 * Has the trunk's own commit built: pushes it as what a path is built as, and makes no commit. Answers `unchanged` when the trunk is at one of
 * the commits that need no build. `under` is the commit that `since` names, as long as the trunk's history holds the commit. Four git
 * processes (one fetch, one push). Throws repository.unavailable, and repository.refused.
 */
export async function composeTrunk(
  repository: Repository,
  config: QueueConfig,
  task: TrunkTask,
  now: EpochMs,
): Promise<ComposeResult> {
  const { unless, since } = task.head;
  const snapshot = await readSnapshot(repository, { units: [], commits: since === undefined ? [] : [since] });
  const { trunk, seen, graph } = snapshot;
  if (unless.includes(trunk)) return { kind: "unchanged", trunk };
  const composer = await composerFor(repository, config, snapshot, { landed: [], units: [] });
  const tip = composer.trunk;
  const pushed = await pushPath(repository, config, task, { composer, base: tip, tip, tips: [], idle: [], now });
  if (pushed.kind === "refused") return pushed;
  const isInHistory = since !== undefined && seen.has(since) && !graph.has(since);
  return {
    kind: "composed",
    composed: { commit: trunk, tree: tip.tree, trunk, author: authorOf(composer.commit(trunk)) },
    under: isInHistory ? since : trunk,
    ref: pushed.ref,
    landed: [],
  };
}

/** The name of a commit's author, for people. Example: `Ann Lee <ann@example.com> 1700000000 +0100` is by Ann Lee. */
const authorOf = ({ author, encoding }: Commit): string =>
  printable(readable(author.slice(0, Math.max(0, author.lastIndexOf("<"))), encoding).trim());
