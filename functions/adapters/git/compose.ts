import type { BatchId } from "../../contracts/ids.ts";
import type { CheckResult, CheckTask, ComposeResult, ComposeTask, MergeUnit } from "../../contracts/messages.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { applyUnit } from "./apply.ts";
import { type Bench, setBench, type Tip } from "./bench.ts";
import { push } from "./push.ts";
import { composedRecord } from "./records.ts";
import { composedRef, pathRef } from "./refs.ts";
import { refusals } from "./refusals.ts";
import type { Repository } from "./repository.ts";
import { unsafeIn } from "./unsafe-trees.ts";
import { look, unusable, type World } from "./world.ts";

/** Would the request merge onto the trunk as it stands? Writes nothing to the remote. Five git processes, and those of applyUnit. */
export async function check(repository: Repository, config: QueueConfig, { step }: CheckTask): Promise<CheckResult> {
  // A trial belongs to no batch.
  const unit: MergeUnit = { batchId: `${config.name}/batch/1` as BatchId, steps: [step] };
  const world = await look(repository, { units: [unit], recall: false });
  const reason = unusable(world, unit, config);
  if (reason) return { kind: "refused", reason };
  const bench = await setBench(repository, config, world, { landed: [], units: [unit] });
  const changes = bench.changesOf(unit);
  const unsafe = await unsafeIn(
    repository,
    world.graph,
    changes.flatMap(({ range }) => range.commits),
  );
  const culprit = changes.find(({ range }) => unsafe && range.commits.includes(unsafe.commit));
  if (unsafe && culprit) return { kind: "refused", reason: refusals.unsafe(culprit, unsafe) };
  const applied = await applyUnit(bench, bench.trunk, unit);
  return applied.kind === "refused" ? applied : { kind: "ok" };
}

/**
 * Makes the commit that a path is built as, trunk + base + head, and pushes it under its path ref. What has landed of the base is left
 * out. A repeat moves its own ref. Seven git processes (one fetch, one push), and those of applyUnit. Throws repository.unavailable.
 */
export async function compose(
  repository: Repository,
  config: QueueConfig,
  task: ComposeTask,
  now: EpochMs,
): Promise<ComposeResult> {
  const world = await look(repository, { units: [...task.base, task.head], batches: task.without });
  const contradiction = task.without.find((batchId) => world.landed.has(batchId));
  if (contradiction !== undefined) return { kind: "refuted", batchId: contradiction };
  const composition = await applyOpen(repository, config, world, task);
  if (composition.kind === "refused") return composition;
  const { bench, base, under, tip, landed } = composition;
  const { buildKey, head } = task;
  const record = composedRecord({ buildKey, commit: tip.sha, base: base.sha }, { committer: config.committer, now });
  const ref = pathRef(buildKey);
  bench.add(record);
  await bench.flush();
  const pushed = await push(repository, [
    { ref, to: tip.sha, mode: "always" },
    { ref: composedRef(head.batchId, buildKey), to: record.sha, mode: "always" },
  ]);
  if (pushed.kind === "failed") throw pushed.error;
  return {
    kind: "composed",
    composed: { commit: tip.sha, tree: tip.tree, trunk: world.trunk },
    under: under.sha,
    ref,
    landed,
  };
}

type Composition =
  | { kind: "composed"; bench: Bench; base: Tip; under: Tip; tip: Tip; landed: BatchId[] }
  | Extract<ComposeResult, { kind: "refused" }>;

/** Applies what has not landed, the head last; `base` is the tip under the head, `under` the tip under the first that the build is for. */
async function applyOpen(
  repository: Repository,
  config: QueueConfig,
  world: World,
  task: ComposeTask,
): Promise<Composition> {
  const [landed, open] = [true, false].map((has) =>
    [...task.base, task.head].filter(({ batchId }) => world.landed.has(batchId) === has),
  ) as [MergeUnit[], MergeUnit[]];
  for (const unit of open) {
    const reason = unusable(world, unit, config);
    if (reason) return { kind: "refused", batchId: unit.batchId, reason };
  }
  const bench = await setBench(repository, config, world, { landed, units: open });
  let tip = bench.trunk;
  let base = tip;
  let under: Tip | undefined;
  for (const unit of open) {
    if (unit === task.head) base = tip;
    if (unit.steps.some(({ sqid }) => task.sqids.includes(sqid))) under ??= tip;
    const applied = await applyUnit(bench, tip, unit);
    if (applied.kind === "refused") return { kind: "refused", batchId: unit.batchId, reason: applied.reason };
    tip = applied.tip;
  }
  const before = landed.filter((unit) => unit !== task.head).map(({ batchId }) => batchId);
  return { kind: "composed", bench, base, under: under ?? bench.trunk, tip, landed: before };
}
