import type { HostWords } from "../adapters/git/host-words.ts";
import { push, type RefUpdate } from "../adapters/git/push.ts";
import { composedRef } from "../adapters/git/refs.ts";
import { refusals } from "../adapters/git/refusals.ts";
import type { Repository } from "../adapters/git/repository.ts";
import { buildsBranches } from "../contracts/build-refs.ts";
import type { ChangeUri } from "../contracts/change-uri.ts";
import { CodedError } from "../contracts/errors.ts";
import type { BatchId } from "../contracts/ids.ts";
import type { ComposeResult, ComposeTask } from "../contracts/messages/runway-tasks.ts";
import type { QueueConfig } from "../contracts/queues.ts";
import { type EpochMs, epochMs } from "../contracts/time.ts";
import type { Composer } from "./composer.ts";
import { composedRecord, refOf } from "./landing-records.ts";
import type { Tip } from "./tip.ts";

/** A build has ended for certain this long after its time-out has passed: it may be started late, and stopped late. */
const MARGIN_MS = 2 * 3_600_000;

/** The batches in order, each with the tip after it was applied. */
export type Tips = readonly { readonly batchId: BatchId; readonly tip: Tip }[];

/** A composition that is to be pushed for a build. */
export interface ToPush {
  readonly composer: Composer;
  /** The tip below the head's own commits. */
  readonly base: Tip;
  readonly tip: Tip;
  readonly tips: Tips;
  /** The changes of the head that added no commit. */
  readonly idle: readonly ChangeUri[];
  readonly now: EpochMs;
}

/**
 * Pushes a composed commit and its record: under its path ref, or to a branch when the build runner builds branches. Throws
 * repository.unavailable, and repository.refused when the host declines even the trunk's own commit there.
 */
export async function pushPath(
  repository: Repository,
  config: QueueConfig,
  task: ComposeTask,
  { composer, base, tip, tips, idle, now }: ToPush,
): Promise<{ readonly kind: "pushed"; readonly ref: string } | Extract<ComposeResult, { kind: "refused" }>> {
  const { buildKey, head } = task;
  const onBranch = buildsBranches(config) ? { branchOf: config.name } : {};
  const ref = refOf({ buildKey, ...onBranch });
  const until = epochMs(now + config.buildRunner.timeoutSeconds * 1000 + MARGIN_MS);
  const made = { buildKey, ...onBranch, commit: tip.sha, base: base.sha, until, idle: [...idle] };
  const record = composedRecord(made, { ...config, now });
  composer.add(record);
  await composer.flush();
  const composed = composedRef(head.batchId, buildKey);
  const pushed = await declinedBy(repository, [
    { ref, to: tip.sha, mode: "always" },
    { ref: composed, to: record.sha, mode: "always" },
  ]);
  if (pushed === undefined) return { kind: "pushed", ref };
  const found = pushed.about === "queue" ? undefined : await firstDeclined(repository, ref, composer.trunk, tips);
  // The ref that was tried is not needed.
  if (pushed.about !== "queue") await push(repository, [{ ref, to: undefined, mode: "always" }]);
  const { branch } = config.repository;
  if (found === undefined)
    throw new CodedError("repository.refused", refusals.refusesQueue(branch, pushed.text).message);
  return { kind: "refused", batchId: found.batchId, reason: refusals.declined(branch, found.words.text, []) };
}

/** What the host said when it declined the push. Undefined when the host accepted the push. */
async function declinedBy(repository: Repository, updates: readonly RefUpdate[]): Promise<HostWords | undefined> {
  const pushed = await push(repository, updates);
  if (pushed.kind === "failed") throw pushed.error;
  return pushed.kind === "declined" ? pushed.words : undefined;
}

/**
 * The first batch whose commits the host declines. Found by a binary search that pushes, under the path ref, the composition of the first
 * batches. Undefined when the host declines the trunk's own commit too. Some log2(batches) + 2 pushes.
 */
async function firstDeclined(
  repository: Repository,
  ref: string,
  trunk: Tip,
  tips: Tips,
): Promise<{ readonly batchId: BatchId; readonly words: HostWords } | undefined> {
  const tryAt = ({ sha }: Tip) => declinedBy(repository, [{ ref, to: sha, mode: "always" }]);
  if (await tryAt(trunk)) return undefined;
  // The host accepts the compositions that end before `low`, and declines the one that ends with `high`.
  let [low, high] = [0, tips.length - 1];
  let words: HostWords | undefined;
  while (low < high || words === undefined) {
    const middle = Math.floor((low + high) / 2);
    const at = tips[middle];
    if (at === undefined) return undefined;
    const declined = await tryAt(at.tip);
    if (declined) [high, words] = [middle, declined];
    else if (low === high) return undefined;
    else low = middle + 1;
  }
  const culprit = tips[high];
  return culprit && { batchId: culprit.batchId, words };
}
