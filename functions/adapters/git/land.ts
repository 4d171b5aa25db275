import { CodedError } from "../../contracts/errors.ts";
import type { LandBatch, LandOutcome } from "../../contracts/messages.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { AppliedUnit } from "./applied.ts";
import { applyUnit } from "./apply.ts";
import { type Bench, setBench } from "./bench.ts";
import { lineOf } from "./history.ts";
import { nothingNew } from "./notes.ts";
import { type Past, recall, recallAnswer, spentRefs } from "./past.ts";
import { push, type RefUpdate } from "./push.ts";
import { type Answered, answerRecord, fingerprintOf, landedRecord, type Stamp } from "./records.ts";
import { answerRef, landedRef } from "./refs.ts";
import { refusals } from "./refusals.ts";
import type { Repository } from "./repository.ts";
import type { Tip } from "./tip.ts";
import { unusable } from "./world.ts";

type Batch = LandBatch["batches"][number];

export interface LandOptions {
  readonly now: EpochMs;
  /** How often the trunk may move under the push before it is given up. */
  readonly attempts?: number;
  /** Called when everything is ready to be pushed. Tests move the trunk here. */
  readonly beforePush?: (attempt: number) => Promise<void>;
}

export interface LandAnswer {
  readonly results: readonly Answered[];
  /** Refs of ours that are of no use any more. */
  readonly spent: readonly string[];
}

/**
 * Lands batches in order, in one atomic push of the trunk, the landed ref of each and the answer. Of a bundle all land or none: one that
 * is refused has the others skipped, and only the tree that the last one leaves is held against the tested one. A repeat finds its answer, and
 * gives it again. Nine git processes (one fetch, one push), and those of applyUnit for each batch whose tested commit the trunk can't
 * simply move to. Throws repository.unavailable, and repository.failed when the remote declines the push; then nothing was landed.
 */
export async function land(
  repository: Repository,
  config: QueueConfig,
  message: LandBatch,
  { now, attempts = 10, beforePush = async () => {} }: LandOptions,
): Promise<LandAnswer> {
  const stamp = { committer: config.committer, now };
  let last: { facts: string; error: CodedError } | undefined;
  for (let attempt = 1; ; attempt++) {
    const past = await recall(repository, message);
    const before = recallAnswer(past, message);
    if (before) return { results: before, spent: spentRefs(past, before) };
    // The remote is as it was when it refused: it will refuse again.
    if (last?.facts === past.facts) throw last.error;
    if (attempt > attempts)
      throw new CodedError(
        "repository.unavailable",
        `${config.repository.branch} moved under ${attempts} pushes in a row`,
      );
    const attempted = await applyInOrder(repository, config, message, past);
    const updates = await written(message, past, attempted, stamp);
    await beforePush(attempt);
    const pushed = await push(repository, updates);
    if (pushed.kind === "pushed") return { results: attempted.results, spent: spentRefs(past, attempted.results) };
    last = { facts: past.facts, error: pushed.error };
  }
}

interface Attempted {
  readonly bench: Bench;
  readonly tip: Tip;
  readonly results: readonly Answered[];
}

/** Puts the batches onto the trunk one after the other, as far as they go: the first that does not fit, with its bundle, ends it. */
async function applyInOrder(
  repository: Repository,
  config: QueueConfig,
  { batches }: LandBatch,
  past: Past,
): Promise<Attempted> {
  const { world } = past;
  const { landed } = world;
  const open = batches.filter(({ batchId }) => !landed.has(batchId));
  const faults = open.map((batch) => unusable(world, batch, config));
  const firstFault = faults.findIndex((fault) => fault !== undefined);
  const bench = await setBench(repository, config, world, {
    landed: batches.filter(({ batchId }) => landed.has(batchId)),
    units: firstFault < 0 ? open : open.slice(0, firstFault),
  });
  let tip = bench.trunk;
  let blocked = false;
  const outcomes = new Map<Batch, LandOutcome>();
  for (const group of bundlesOf(open)) {
    const placed = blocked ? undefined : await place(group);
    if (placed?.kind === "landed") tip = placed.tip;
    else blocked = true;
    for (const batch of group) outcomes.set(batch, placed?.outcomes.get(batch) ?? { kind: "skipped" });
  }
  const results = batches.map((batch): Answered => {
    const outcome = landed.get(batch.batchId)?.outcome ?? outcomes.get(batch) ?? { kind: "skipped" };
    return { batchId: batch.batchId, unit: fingerprintOf(batch), outcome };
  });
  return { bench, tip, results };

  /** All of the group, or none. */
  async function place(group: readonly Batch[]): Promise<Placed> {
    let at = tip;
    const done = new Map<Batch, LandOutcome>();
    for (const batch of group) {
      const fault = faults[open.indexOf(batch)];
      const applied: AppliedUnit = fault ? { kind: "refused", reason: fault } : await fitted(bench, at, batch, past);
      if (applied.kind === "refused") return { kind: "grounded", outcomes: new Map([[batch, applied]]) };
      done.set(batch, landedAs(batch, applied, config.repository.branch));
      at = applied.tip;
    }
    const last = group.at(-1);
    if (!last?.exact || last.tested.tree === at.tree) return { kind: "landed", tip: at, outcomes: done };
    return {
      kind: "grounded",
      outcomes: new Map(group.map((batch) => [batch, { kind: "stale", trunk: world.trunk }])),
    };
  }
}

/** What came of putting a bundle onto a tip. A batch without an outcome was skipped for another's sake. */
type Placed =
  | { readonly kind: "landed"; readonly tip: Tip; readonly outcomes: ReadonlyMap<Batch, LandOutcome> }
  | { readonly kind: "grounded"; readonly outcomes: ReadonlyMap<Batch, LandOutcome> };

/** Consecutive batches of one label are a bundle; one without a label is on its own. */
function bundlesOf(batches: readonly Batch[]): readonly (readonly Batch[])[] {
  const bundles: Batch[][] = [];
  for (const batch of batches) {
    const last = bundles.at(-1);
    if (last && batch.bundle !== undefined && last[0]?.bundle === batch.bundle) last.push(batch);
    else bundles.push([batch]);
  }
  return bundles;
}

/** Moves to the commit that was tested, when that was made on this very tip; else applies the batch anew. */
async function fitted(bench: Bench, tip: Tip, batch: Batch, { composed, world }: Past): Promise<AppliedUnit> {
  const { batchId, tested } = batch;
  const same = composed.find((one) => one.batchId === batchId && one.commit === tested.commit && one.base === tip.sha);
  if (!same) return applyUnit(bench, tip, batch);
  const { commit, base, idle } = same;
  return { kind: "applied", tip: bench.tipAt(commit), commits: lineOf(world.graph, commit, base), idle };
}

/** A message holds so many commits of a batch: the newest. PROMOTE may bring more. */
const MAX_LISTED = 1_000;

function landedAs(batch: Batch, applied: Extract<AppliedUnit, { kind: "applied" }>, branch: string): LandOutcome {
  const { tip, commits } = applied;
  const note = nothingNew(applied, branch);
  return {
    kind: "landed",
    commit: tip.sha,
    tree: tip.tree,
    testedTree: batch.tested.tree,
    commits: commits.slice(-MAX_LISTED),
    ...(note === undefined ? {} : { note }),
  };
}

/** Writes what there is to push, and says which refs it is for. */
async function written(message: LandBatch, { world }: Past, attempted: Attempted, stamp: Stamp): Promise<RefUpdate[]> {
  const { bench, tip, results } = attempted;
  const was = (ref: string) => ({ ref, mode: { was: world.seen.get(ref)?.sha } });
  const fresh = results.flatMap(({ batchId, unit, outcome }) =>
    outcome.kind === "landed" && !world.landed.has(batchId)
      ? [{ ...was(landedRef(batchId)), to: bench.add(landedRecord(unit, outcome, stamp)) }]
      : [],
  );
  const answer = bench.add(answerRecord(tip.sha, message.id, results, stamp));
  await bench.flush();
  return [
    ...(tip.sha === world.trunk ? [] : [{ ref: bench.trunkRef, to: tip.sha, mode: "forward" as const }]),
    ...fresh,
    { ...was(answerRef(message.queue, message.id)), to: answer },
  ];
}

/**
 * The answer to a message whose landing failed for good, with what the remote tells: what has landed has landed, the first that has not
 * is refused with the error, and the rest was not tried. Recorded where that is possible, so that a repeat does not land what was given up.
 */
export async function giveUp(
  repository: Repository,
  config: QueueConfig,
  message: LandBatch,
  { why, now }: { why: string; now: EpochMs },
): Promise<readonly Answered[]> {
  const past = await recall(repository, message);
  const before = recallAnswer(past, message);
  if (before) return before;
  const { world } = past;
  const first = message.batches.find(({ batchId }) => !world.landed.has(batchId));
  const results = message.batches.map((batch): Answered => {
    const refused = { kind: "refused" as const, reason: refusals.declined(config.repository.branch, why) };
    const otherwise: LandOutcome = batch === first ? refused : { kind: "skipped" };
    const outcome = world.landed.get(batch.batchId)?.outcome ?? otherwise;
    return { batchId: batch.batchId, unit: fingerprintOf(batch), outcome };
  });
  const bench = await setBench(repository, config, world, { landed: [], units: [] });
  const stamp = { committer: config.committer, now };
  await push(repository, await written(message, past, { bench, tip: bench.trunk, results }, stamp));
  return results;
}
