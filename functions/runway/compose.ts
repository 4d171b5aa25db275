import { refusals } from "../adapters/git/refusals.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { ChangeUri } from "../contracts/change-uri.ts";
import type { BatchId } from "../contracts/ids.ts";
import type { MergeUnit } from "../contracts/messages/merge-unit.ts";
import type { CheckResult, CheckTask, ComposeResult, ComposeTask } from "../contracts/messages/runway-tasks.ts";
import { namedPaths } from "../contracts/questions.ts";
import type { QueueConfig } from "../contracts/queues.ts";
import type { EpochMs } from "../contracts/time.ts";
import type { AppliedUnit } from "./applied.ts";
import { applyUnit } from "./apply.ts";
import { composeTrunk, isOfTrunk } from "./compose-trunk.ts";
import { type Composer, composerFor } from "./composer.ts";
import { landedSteps, reasonNaming, type Step } from "./named-conflicts.ts";
import { pushPath, type Tips } from "./push-path.ts";
import { type RemoteSnapshot, readSnapshot, unusable } from "./remote-snapshot.ts";
import type { Tip } from "./tip.ts";
import { unsafeIn } from "./unsafe-trees.ts";

/**
 * Checks whether the request applies to the trunk as it is now. Writes nothing to the remote. Three git processes (one of them a fetch), and
 * those of `applyUnit`.
 */
export async function check(repository: Repository, config: QueueConfig, { step }: CheckTask): Promise<CheckResult> {
  // The trial merge is for no batch, so any id will do.
  const unit: MergeUnit = { batchId: `${config.name}/batch/1` as BatchId, steps: [step] };
  const snapshot = await readSnapshot(repository, { units: [unit] });
  const reason = unusable(snapshot, unit, config);
  if (reason) return { kind: "refused", reason };
  const composer = await composerFor(repository, config, snapshot, { landed: [], units: [unit] });
  const changes = composer.changesOf(unit);
  const unsafe = await unsafeIn(
    repository,
    snapshot.graph,
    changes.flatMap(({ range }) => range.commits),
  );
  const culprit = changes.find(({ range }) => unsafe && range.commits.includes(unsafe.commit));
  if (unsafe && culprit) return { kind: "refused", reason: refusals.unsafe(culprit, unsafe) };
  const applied = await applyUnit(composer, composer.trunk, unit);
  if (applied.kind === "refused") return bounded(applied);
  // Written so that a composition on the same trunk can use the placements of the cache.
  await composer.flush();
  return { kind: "ok", trunk: snapshot.trunk };
}

const bounded = ({ kind, reason, conflicts }: Extract<AppliedUnit, { kind: "refused" }>): CheckResult => ({
  kind,
  reason,
  ...(conflicts === undefined ? {} : { conflicts: namedPaths(conflicts) }),
});

/**
 * Makes the commit that a path's build tests, trunk + base + head (or takes the trunk itself: `composeTrunk`), and pushes it under its path
 * ref. Batches of the base that have landed are left out. A repeat overwrites the ref of the first call. When the host declines the commit,
 * the first batch whose commits it declines is refused. Four git processes (one fetch, one push), and those of `applyUnit`. Throws
 * repository.unavailable; repository.refused when the host declines every push.
 */
export async function compose(
  repository: Repository,
  config: QueueConfig,
  task: ComposeTask,
  now: EpochMs,
): Promise<ComposeResult> {
  if (isOfTrunk(task)) return composeTrunk(repository, config, task, now);
  const keeper = { branch: config.repository.branch, installation: task.installation, now };
  const snapshot = await readSnapshot(repository, { units: [...task.base, task.head], batches: task.without, keeper });
  const contradiction = task.without.find((batchId) => snapshot.landed.has(batchId));
  if (contradiction !== undefined) return { kind: "refuted", batchId: contradiction };
  const composition = await applyOpen(repository, config, snapshot, task);
  if (composition.kind === "refused") return composition;
  const { under, tip, landed } = composition;
  const pushed = await pushPath(repository, config, task, { ...composition, now });
  if (pushed.kind === "refused") return pushed;
  return {
    kind: "composed",
    composed: { commit: tip.sha, tree: tip.tree, trunk: snapshot.trunk },
    under: under.sha,
    ref: pushed.ref,
    landed,
  };
}

type Composition =
  | {
      kind: "composed";
      composer: Composer;
      base: Tip;
      under: Tip;
      tip: Tip;
      tips: Tips;
      landed: BatchId[];
      idle: readonly ChangeUri[];
    }
  | Extract<ComposeResult, { kind: "refused" }>;

/**
 * Applies the batches that have not landed, the head last. `base` is the tip under the head, `under` the tip under the first batch of the
 * build's bundle, and `idle` names the head's changes that added no commit.
 */
async function applyOpen(
  repository: Repository,
  config: QueueConfig,
  snapshot: RemoteSnapshot,
  task: ComposeTask,
): Promise<Composition> {
  const [landed, open] = [true, false].map((has) =>
    [...task.base, task.head].filter(({ batchId }) => snapshot.landed.has(batchId) === has),
  ) as [MergeUnit[], MergeUnit[]];
  for (const unit of open) {
    const reason = unusable(snapshot, unit, config);
    if (reason) return { kind: "refused", batchId: unit.batchId, reason };
  }
  const composer = await composerFor(repository, config, snapshot, { landed, units: open });
  let tip = composer.trunk;
  let base = tip;
  let under: Tip | undefined;
  const ahead: Step[] = [];
  const tips: { batchId: BatchId; tip: Tip }[] = [];
  let idle: readonly ChangeUri[] = [];
  for (const unit of open) {
    if (unit === task.head) base = tip;
    if (unit.steps.some(({ sqid }) => task.sqids.includes(sqid))) under ??= tip;
    const applied = await applyUnit(composer, tip, unit);
    if (applied.kind === "refused") {
      const met = { ahead, landed: landedSteps(landed, snapshot.landed) };
      return { kind: "refused", batchId: unit.batchId, reason: await reasonNaming(repository, applied, met) };
    }
    ahead.push({ unit, before: tip.tree, after: applied.tip.tree });
    ({ tip, idle } = applied);
    tips.push({ batchId: unit.batchId, tip });
  }
  const before = landed.filter((unit) => unit !== task.head).map(({ batchId }) => batchId);
  return { kind: "composed", composer, base, under: under ?? composer.trunk, tip, tips, landed: before, idle };
}
