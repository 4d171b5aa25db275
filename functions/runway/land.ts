import { lineOf } from "../adapters/git/commit-graph.ts";
import type { HostWords } from "../adapters/git/host-words.ts";
import { push, type RefUpdate } from "../adapters/git/push.ts";
import { recordsRef } from "../adapters/git/refs.ts";
import { refusals } from "../adapters/git/refusals.ts";
import type { Repository } from "../adapters/git/repository.ts";
import { CodedError } from "../contracts/errors.ts";
import type { LandBatch, LandOutcome } from "../contracts/messages.ts";
import type { QueueConfig } from "../contracts/queues.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import type { AppliedUnit } from "./applied.ts";
import { applyUnit } from "./apply.ts";
import { type Composer, composerFor } from "./composer.ts";
import { earlierAnswer, type LandingHistory, readHistory, spentRefs } from "./landing-history.ts";
import {
  type Answered,
  answerEntry,
  declinedEntry,
  fingerprintOf,
  identity,
  landedEntry,
  type Stamp,
} from "./landing-records.ts";
import { Narrowing } from "./narrowing.ts";
import { nothingNew } from "./nothing-new.ts";
import { type Entry, type Keeper, withEntries } from "./records-tree.ts";
import { unusable } from "./remote-snapshot.ts";
import type { Tip } from "./tip.ts";

type Batch = LandBatch["batches"][number];

export interface LandOptions {
  readonly now: EpochMs;
  /** How often the trunk may move under the push before it is given up. */
  readonly attempts?: number;
  /** Called when everything is ready to be pushed. Tests move the trunk here. */
  readonly beforePush?: (attempt: number) => Promise<void>;
}

export type LandAnswer =
  | {
      readonly kind: "answered";
      readonly results: readonly Answered[];
      /** Refs of ours that are of no use any more. */
      readonly spent: readonly string[];
    }
  /** The host refuses every push of the queue. `landed`: the batches that the host accepted before. Nothing is recorded: try again later. */
  | { readonly kind: "held"; readonly reason: Reason; readonly landed: readonly Answered[] };

/**
 * Lands batches in order, in one atomic push of the trunk and the records ref. Of a bundle all land or none: one that is refused has the
 * others skipped, and only the tree that the last one leaves is held against the tested one. A push that the host declines is narrowed
 * down: fewer and fewer bundles are pushed, until the first one that the host declines by itself. The bundles ahead of that bundle land, and
 * the bundles behind it are skipped. A repeat finds its answer, and gives it again. At most five git processes (one fetch, one push), and those of
 * applyUnit for each batch whose tested commit the trunk can't simply move to. Throws repository.unavailable and repository.refused;
 * nothing was landed then.
 */
export async function land(
  repository: Repository,
  config: QueueConfig,
  message: LandBatch,
  { now, attempts = 10, beforePush = async () => {} }: LandOptions,
): Promise<LandAnswer> {
  const { branch } = config.repository;
  const keeper: Keeper = { branch, installation: message.installation, now };
  const stamp = { committer: config.committer, now };
  const narrowing = new Narrowing<Batch>();
  let last: { facts: string; error: CodedError } | undefined;
  for (let attempt = 1; ; ) {
    const history = await readHistory(repository, message, keeper);
    const before = earlierAnswer(history, message);
    if (before) return { kind: "answered", results: before, spent: spentRefs(history, before) };
    // The remote is as it was when it failed: it will fail again.
    if (last?.facts === history.facts) throw last.error;
    if (attempt > attempts)
      throw new CodedError("repository.unavailable", `${branch} moved under ${attempts} pushes in a row`);
    const attempted = await applyInOrder(repository, config, message, history, narrowing);
    const updates = await written(message, history, attempted, stamp, narrowing.found?.words);
    await beforePush(attempt);
    const pushed = await push(repository, updates);
    last = pushed.kind === "failed" ? { facts: history.facts, error: pushed.error } : undefined;
    if (pushed.kind === "failed") attempt += 1;
    else if (pushed.kind === "pushed") {
      narrowing.accepted(attempted.placed.length);
      const { results } = attempted;
      if (!attempted.isCut) return { kind: "answered", results, spent: spentRefs(history, results) };
    } else if (narrowing.isAboutQueue(attempted.placed, pushed.words, history, repository.trunkRef))
      return held(history, message, refusals.refusesQueue(branch, pushed.words.text));
    else narrowing.declined(attempted.placed, pushed.words);
  }
}

const held = ({ snapshot }: LandingHistory, { batches }: LandBatch, reason: Reason): LandAnswer => ({
  kind: "held",
  reason,
  landed: batches.flatMap((batch) => {
    const outcome = snapshot.landed.get(batch.batchId)?.outcome;
    return outcome ? [{ batchId: batch.batchId, unit: fingerprintOf(batch), outcome }] : [];
  }),
});

interface Attempted {
  readonly composer: Composer;
  readonly tip: Tip;
  readonly results: readonly Answered[];
  /** The bundles that the push would land. */
  readonly placed: readonly (readonly Batch[])[];
  /** True when more bundles may land after these. The results say `skipped` of those, and are no answer. */
  readonly isCut: boolean;
}

/** Puts the batches onto the trunk one after the other, as far as they go: the first that does not fit, with its bundle, ends it. */
async function applyInOrder(
  repository: Repository,
  config: QueueConfig,
  { batches }: LandBatch,
  history: LandingHistory,
  narrowing: Narrowing<Batch>,
): Promise<Attempted> {
  const { snapshot } = history;
  const { landed } = snapshot;
  const open = batches.filter(({ batchId }) => !landed.has(batchId));
  const faults = open.map((batch) => unusable(snapshot, batch, config));
  const firstFault = faults.findIndex((fault) => fault !== undefined);
  const composer = await composerFor(repository, config, snapshot, {
    landed: batches.filter(({ batchId }) => landed.has(batchId)),
    units: firstFault < 0 ? open : open.slice(0, firstFault),
  });
  let tip = composer.trunk;
  let blocked = false;
  const landing: (readonly Batch[])[] = [];
  let isCut = false;
  const outcomes = new Map<Batch, LandOutcome>();
  for (const group of bundlesOf(open)) {
    isCut ||= !blocked && landing.length >= narrowing.most;
    const placed = blocked || isCut ? undefined : await place(group);
    if (placed?.kind === "landed") {
      tip = placed.tip;
      landing.push(group);
    } else blocked = true;
    for (const batch of group) outcomes.set(batch, placed?.outcomes.get(batch) ?? { kind: "skipped" });
  }
  const results = batches.map((batch): Answered => {
    const outcome = landed.get(batch.batchId)?.outcome ?? outcomes.get(batch) ?? { kind: "skipped" };
    return { batchId: batch.batchId, unit: fingerprintOf(batch), outcome };
  });
  return { composer, tip, results, placed: landing, isCut };

  /** All of the group, or none. */
  async function place(group: readonly Batch[]): Promise<Placed> {
    if (narrowing.found && narrowing.found.bundle[0]?.batchId === group[0]?.batchId)
      return { kind: "not-landed", outcomes: declined(config.repository.branch, group, narrowing.found.words) };
    let at = tip;
    const done = new Map<Batch, LandOutcome>();
    for (const batch of group) {
      const fault = faults[open.indexOf(batch)];
      const applied: AppliedUnit = fault
        ? { kind: "refused", reason: fault }
        : await fitted(composer, at, batch, history);
      if (applied.kind === "refused") return { kind: "not-landed", outcomes: new Map([[batch, applied]]) };
      done.set(batch, landedAs(batch, applied, config.repository.branch, composer.trunk));
      at = applied.tip;
    }
    const last = group.at(-1);
    if (!last?.exact || last.tested.tree === at.tree) return { kind: "landed", tip: at, outcomes: done };
    return {
      kind: "not-landed",
      outcomes: new Map(group.map((batch) => [batch, { kind: "stale", trunk: snapshot.trunk }])),
    };
  }
}

/** The host does not say which of a bundle it refuses, so all of the bundle are told. */
function declined(branch: string, bundle: readonly Batch[], { text }: HostWords): ReadonlyMap<Batch, LandOutcome> {
  const sqids = bundle.flatMap(({ steps }) => steps.map(({ sqid }) => sqid));
  return new Map(bundle.map((batch) => [batch, { kind: "refused", reason: refusals.declined(branch, text, sqids) }]));
}

/** What came of putting a bundle onto a tip. A batch without an outcome was skipped for another's sake. */
type Placed =
  | { readonly kind: "landed"; readonly tip: Tip; readonly outcomes: ReadonlyMap<Batch, LandOutcome> }
  | { readonly kind: "not-landed"; readonly outcomes: ReadonlyMap<Batch, LandOutcome> };

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
async function fitted(
  composer: Composer,
  tip: Tip,
  batch: Batch,
  { composed, snapshot }: LandingHistory,
): Promise<AppliedUnit> {
  const { batchId, tested } = batch;
  const same = composed.find((one) => one.batchId === batchId && one.commit === tested.commit && one.base === tip.sha);
  if (!same) return applyUnit(composer, tip, batch);
  const { commit, base, idle } = same;
  return { kind: "applied", tip: composer.tipAt(commit), commits: lineOf(snapshot.graph, commit, base), idle };
}

/** A message holds so many commits of a batch: the newest. PROMOTE may bring more. */
const MAX_LISTED = 1_000;

function landedAs(
  batch: Batch,
  applied: Extract<AppliedUnit, { kind: "applied" }>,
  branch: string,
  trunk: Tip,
): LandOutcome {
  const { tip, commits } = applied;
  const note = nothingNew(applied, branch);
  return {
    kind: "landed",
    commit: tip.sha,
    tree: tip.tree,
    testedTree: batch.tested.tree,
    commits: commits.slice(-MAX_LISTED),
    ...(note === undefined ? {} : { note }),
    onto: trunk.sha,
  };
}

/** Writes what there is to push, and says which refs it is for. */
async function written(
  message: LandBatch,
  { keeper, snapshot }: LandingHistory,
  { composer, tip, results, isCut }: Pick<Attempted, "composer" | "tip" | "results" | "isCut">,
  stamp: Stamp,
  words?: HostWords,
): Promise<RefUpdate[]> {
  const entries: Entry[] = results.flatMap(({ batchId, unit, outcome }) =>
    outcome.kind === "landed" && !snapshot.landed.has(batchId) ? [landedEntry(keeper, batchId, unit, outcome)] : [],
  );
  if (!isCut) entries.push(answerEntry(keeper, message.queue, message.id, results));
  const refused = results.find(({ outcome }) => outcome.kind === "refused");
  if (words?.about === "unknown" && refused)
    entries.push(declinedEntry(keeper, { batchId: refused.batchId, words: words.text, trunk: snapshot.trunk }));
  const made = withEntries(keeper, snapshot.seen, entries, identity(stamp));
  for (const object of made) composer.add(object);
  await composer.flush();
  const ref = recordsRef(keeper.branch);
  return [
    ...(tip.sha === snapshot.trunk ? [] : [{ ref: composer.trunkRef, to: tip.sha, mode: "forward" as const }]),
    { ref, to: made.at(-1)?.sha, mode: { was: snapshot.seen.get(ref)?.sha } },
  ];
}

/**
 * The answer to a message whose landing failed for good by a fault of ours, by the state of the remote: a batch on the trunk has landed, the
 * first batch that is not is refused with the error, and the others were not tried. Recorded where that is possible, so that a repeat does
 * not land a batch that was given up.
 */
export async function giveUp(
  repository: Repository,
  config: QueueConfig,
  message: LandBatch,
  { why, now }: { why: string; now: EpochMs },
): Promise<readonly Answered[]> {
  const keeper: Keeper = { branch: config.repository.branch, installation: message.installation, now };
  const history = await readHistory(repository, message, keeper);
  const before = earlierAnswer(history, message);
  if (before) return before;
  const { snapshot } = history;
  const first = message.batches.find(({ batchId }) => !snapshot.landed.has(batchId));
  const results = message.batches.map((batch): Answered => {
    const refused = { kind: "refused" as const, reason: refusals.failed(config.repository.branch, why) };
    const otherwise: LandOutcome = batch === first ? refused : { kind: "skipped" };
    const outcome = snapshot.landed.get(batch.batchId)?.outcome ?? otherwise;
    return { batchId: batch.batchId, unit: fingerprintOf(batch), outcome };
  });
  const composer = await composerFor(repository, config, snapshot, { landed: [], units: [] });
  const stamp = { committer: config.committer, now };
  await push(
    repository,
    await written(message, history, { composer, tip: composer.trunk, results, isCut: false }, stamp),
  );
  return results;
}
