import { lineOf } from "../adapters/git/commit-graph.ts";
import type { HostWords } from "../adapters/git/host-words.ts";
import { refusals } from "../adapters/git/refusals.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { ChangeUri } from "../contracts/change-uri.ts";
import type { LandBatch, LandOutcome } from "../contracts/messages/landing-messages.ts";
import type { QueueConfig } from "../contracts/queues.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { AppliedUnit } from "./applied.ts";
import { applyUnit } from "./apply.ts";
import { type Composer, composerFor } from "./composer.ts";
import type { LandingHistory } from "./landing-history.ts";
import { type Answered, fingerprintOf } from "./landing-records.ts";
import { type Landing, landingsOf, type Unmoved } from "./move-heads.ts";
import { landedSteps, reasonNaming, type Step } from "./named-conflicts.ts";
import type { Narrowing } from "./narrowing.ts";
import { nothingNew } from "./nothing-new.ts";
import { unusable } from "./remote-snapshot.ts";
import type { Tip } from "./tip.ts";

/** A batch of a land message. */
export type Batch = LandBatch["batches"][number];

/** The batches that must not land, and why. */
export type Obstacles = ReadonlyMap<Batch["batchId"], Reason>;

/** One try to land the batches of a message. */
export interface Attempt {
  readonly repository: Repository;
  readonly config: QueueConfig;
  readonly message: LandBatch;
  readonly history: LandingHistory;
}

/** What came of an attempt, before anything is pushed. */
export interface Attempted {
  readonly composer: Composer;
  readonly tip: Tip;
  readonly results: readonly Answered[];
  /** The bundles that the push would land. */
  readonly placed: readonly (readonly Batch[])[];
  /**
   * True when this push leaves out bundles that a later push may land. Then `results`, which has them as skipped, is not the answer to the
   * message.
   */
  readonly isCut: boolean;
  /** The changes that the push would land, with the commits that they land as. */
  readonly landings: readonly Landing[];
  /** The changes that the push would land, and that land as no commit of their own, or as one that is not known. */
  readonly unmoved: Unmoved;
}

/**
 * Applies the batches to the trunk one after the other. Stops at the first bundle with a batch that does not apply or whose tree differs from
 * the tested one.
 */
export async function applyInOrder(
  { repository, config, message: { batches }, history }: Attempt,
  { narrowing, obstacles }: { readonly narrowing: Narrowing<Batch>; readonly obstacles: Obstacles },
): Promise<Attempted> {
  const { snapshot } = history;
  const { landed } = snapshot;
  const open = batches.filter(({ batchId }) => !landed.has(batchId));
  const faults = open.map((batch) => obstacles.get(batch.batchId) ?? unusable(snapshot, batch, config));
  const firstFault = faults.findIndex((fault) => fault !== undefined);
  const composer = await composerFor(repository, config, snapshot, {
    landed: batches.filter(({ batchId }) => landed.has(batchId)),
    units: firstFault < 0 ? open : open.slice(0, firstFault),
  });
  let tip = composer.trunk;
  let blocked = false;
  const landing: (readonly Batch[])[] = [];
  let isCut = false;
  const landings: Landing[] = [];
  const ahead: Step[] = [];
  const unmoved = new Map<ChangeUri, string>();
  const outcomes = new Map<Batch, LandOutcome>();
  for (const group of bundlesOf(open)) {
    isCut ||= !blocked && landing.length >= narrowing.most;
    const placed = blocked || isCut ? undefined : await place(group);
    if (placed?.kind === "landed") {
      tip = placed.tip;
      landing.push(group);
      landings.push(...placed.landings);
      for (const [uri, why] of placed.unmoved) unmoved.set(uri, why);
    } else blocked = true;
    for (const batch of group) outcomes.set(batch, placed?.outcomes.get(batch) ?? { kind: "skipped" });
  }
  const results = batches.map((batch): Answered => {
    const outcome = landed.get(batch.batchId)?.outcome ?? outcomes.get(batch) ?? { kind: "skipped" };
    return { batchId: batch.batchId, unit: fingerprintOf(batch), outcome };
  });
  return { composer, tip, results, placed: landing, isCut, landings, unmoved };

  /** Applies all batches of the group, or none. */
  async function place(group: readonly Batch[]): Promise<Placed> {
    if (narrowing.found && narrowing.found.bundle[0]?.batchId === group[0]?.batchId)
      return { kind: "not-landed", outcomes: declined(config.repository.branch, group, narrowing.found.words) };
    let at = tip;
    const done = new Map<Batch, LandOutcome>();
    const moving: Landing[] = [];
    const fixed = new Map<ChangeUri, string>();
    const inGroup: Step[] = [];
    for (const batch of group) {
      const fault = faults[open.indexOf(batch)];
      const applied: AppliedUnit = fault
        ? { kind: "refused", reason: fault }
        : await fitted(composer, at, batch, history);
      if (applied.kind === "refused") {
        const met = { ahead: [...ahead, ...inGroup], landed: landedSteps(batches, landed) };
        const reason = await reasonNaming(repository, applied, met);
        return { kind: "not-landed", outcomes: new Map([[batch, { kind: "refused", reason }]]) };
      }
      inGroup.push({ unit: batch, before: at.tree, after: applied.tip.tree });
      done.set(batch, landedAs(batch, applied, config.repository.branch, composer.trunk));
      if (config.markMerged === "moveHead") {
        const found = landingsOf(composer, batch, await withEnds(composer, at, batch, applied));
        moving.push(...found.landings);
        for (const [uri, why] of found.unmoved) fixed.set(uri, why);
      }
      at = applied.tip;
    }
    const last = group.at(-1);
    if (!last?.exact || last.tested.tree === at.tree) {
      ahead.push(...inGroup);
      return { kind: "landed", tip: at, outcomes: done, landings: moving, unmoved: fixed };
    }
    return {
      kind: "not-landed",
      outcomes: new Map(group.map((batch) => [batch, { kind: "stale", trunk: snapshot.trunk }])),
    };
  }
}

/** All batches of the bundle as refused: the host does not say which of them it declines. */
function declined(branch: string, bundle: readonly Batch[], { text }: HostWords): ReadonlyMap<Batch, LandOutcome> {
  const sqids = bundle.flatMap(({ steps }) => steps.map(({ sqid }) => sqid));
  return new Map(bundle.map((batch) => [batch, { kind: "refused", reason: refusals.declined(branch, text, sqids) }]));
}

/** The result of applying a bundle to a tip. A batch without an outcome was skipped, because another batch of the bundle did not apply. */
type Placed =
  | {
      readonly kind: "landed";
      readonly tip: Tip;
      readonly outcomes: ReadonlyMap<Batch, LandOutcome>;
      readonly landings: readonly Landing[];
      readonly unmoved: Unmoved;
    }
  | { readonly kind: "not-landed"; readonly outcomes: ReadonlyMap<Batch, LandOutcome> };

/** The bundles of a message: consecutive batches with the same label. A batch without a label is a bundle of its own. */
function bundlesOf(batches: readonly Batch[]): readonly (readonly Batch[])[] {
  const bundles: Batch[][] = [];
  for (const batch of batches) {
    const last = bundles.at(-1);
    if (last && batch.bundle !== undefined && last[0]?.bundle === batch.bundle) last.push(batch);
    else bundles.push([batch]);
  }
  return bundles;
}

/** The batch on the tip: the commit that was tested, when that was made on this very tip; otherwise applied again. */
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
  const commits = lineOf(snapshot.graph, commit, base);
  return { kind: "applied", tip: composer.tipAt(commit), commits, idle, ends: new Map() };
}

/** Where each change of a batch ends. The composition of a stack does not say: the stack is applied again, which gives the same commits. */
async function withEnds(composer: Composer, tip: Tip, batch: Batch, applied: Applied): Promise<Applied> {
  if (applied.ends.size > 0 || composer.changesOf(batch).length < 2) return applied;
  const again = await applyUnit(composer, tip, batch);
  return again.kind === "applied" && again.tip.sha === applied.tip.sha ? { ...applied, ends: again.ends } : applied;
}

type Applied = Extract<AppliedUnit, { kind: "applied" }>;

/** How many commits of a batch an answer lists: the newest. PROMOTE may land more. */
const MAX_LISTED = 1_000;

function landedAs(batch: Batch, applied: Applied, branch: string, trunk: Tip): LandOutcome {
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
