import { lineOf } from "../adapters/git/commit-graph.ts";
import type { HostWords } from "../adapters/git/host-words.ts";
import { type Pushed, push, type RefUpdate } from "../adapters/git/push.ts";
import { recordsRef } from "../adapters/git/refs.ts";
import { refusals } from "../adapters/git/refusals.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { HeadBranches } from "../adapters/github/head-branches.ts";
import type { ChangeUri } from "../contracts/change-uri.ts";
import { CodedError } from "../contracts/errors.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { LandBatch, LandOutcome } from "../contracts/messages.ts";
import type { QueueConfig } from "../contracts/queues.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import type { AppliedUnit } from "./applied.ts";
import { applyUnit } from "./apply.ts";
import { type Composer, composerFor } from "./composer.ts";
import { earlierAnswer, type HeadMoveNow, type LandingHistory, readHistory, spentRefs } from "./landing-history.ts";
import {
  type Answered,
  answerEntry,
  declinedEntry,
  fingerprintOf,
  identity,
  landedEntry,
  type Stamp,
} from "./landing-records.ts";
import {
  finished,
  type HeadsMoved,
  type Landing,
  landingsOf,
  moveHeads,
  settled,
  type Unmoved,
  undoMoves,
} from "./move-heads.ts";
import { Narrowing } from "./narrowing.ts";
import { nothingNew } from "./nothing-new.ts";
import { type Entry, type Keeper, withEntries } from "./records-tree.ts";
import { unusable } from "./remote-snapshot.ts";
import type { Tip } from "./tip.ts";

type Batch = LandBatch["batches"][number];

/** The batches that must not land, and why. */
export type Obstacles = ReadonlyMap<Batch["batchId"], Reason>;
/** The commits that a landing has moved the head branches of changes to. */
export type MovedTo = ReadonlyMap<ChangeUri, GitSha>;

export interface LandOptions {
  readonly now: EpochMs;
  /** Why batches must not land though they have passed, such as a review that was withdrawn. Asked right before each push. */
  readonly obstacles?: (batches: readonly Batch[], moved: MovedTo) => Promise<Obstacles>;
  /** The head branches of pull requests, which are moved to what lands. Undefined: they are not moved. */
  readonly heads?: HeadBranches | undefined;
  /** How many pushes are tried when the trunk moves each time before the push arrives. */
  readonly attempts?: number;
  /** Called when everything is ready to be pushed. Tests move the trunk here. */
  readonly beforePush?: (attempt: number) => Promise<void>;
}

export type LandAnswer =
  | {
      readonly kind: "answered";
      readonly results: readonly Answered[];
      /** Refs of this queue that are not needed any more. */
      readonly spent: readonly string[];
      /** The changes whose head branches were to be moved and were not, and why. */
      readonly unmoved: Unmoved;
    }
  /** The host refuses every push of the queue. `landed`: the batches that the host accepted before. Nothing is recorded: try again later. */
  | { readonly kind: "held"; readonly reason: Reason; readonly landed: readonly Answered[] };

/**
 * Lands the batches of a message in order, in one atomic push of the trunk and the records ref. The batches of a bundle land all or none:
 * when one is refused, the others are skipped; only the tree after the last one is compared with the tested tree. A repeat of the message
 * finds the recorded answer, and gives it again.
 *
 * When the host declines the push, fewer and fewer bundles are pushed, until the host declines a single one (`Narrowing`). The bundles ahead
 * of it land, it is refused, and the bundles behind it are skipped.
 *
 * At most five git processes (one fetch, one push), and those of `applyUnit` for each batch that does not land as the very commit that was
 * tested. Throws repository.unavailable and repository.refused; then nothing was landed.
 */
export async function land(
  repository: Repository,
  config: QueueConfig,
  message: LandBatch,
  { now, obstacles = async () => new Map(), heads, attempts = 10, beforePush = async () => {} }: LandOptions,
): Promise<LandAnswer> {
  const { branch } = config.repository;
  const keeper: Keeper = { branch, installation: message.installation, now };
  const stamp = { committer: config.committer, now };
  const narrowing = new Narrowing<Batch>();
  const unmoved = new Map<ChangeUri, string>();
  let last: { facts: string; error: CodedError } | undefined;
  for (let attempt = 1; ; ) {
    const history = await readHistory(repository, message, keeper);
    const before = earlierAnswer(history, message);
    if (before) return { kind: "answered", results: before, spent: spentRefs(history, before), unmoved };
    // The remote has not changed since the push failed, so the push would fail again.
    if (last?.facts === history.facts) throw last.error;
    if (attempt > attempts)
      throw new CodedError("repository.unavailable", `${branch} moved under ${attempts} pushes in a row`);
    const attempted = await allowed(repository, config, message, history, { narrowing, obstacles });
    const words = narrowing.found?.words;
    const pushed = await pushAttempt(repository, message, history, attempted, { heads, stamp, words, unmoved }, () =>
      beforePush(attempt),
    );
    last = pushed.kind === "failed" ? { facts: history.facts, error: pushed.error } : undefined;
    if (pushed.kind === "failed") attempt += 1;
    else if (pushed.kind === "pushed") {
      narrowing.accepted(attempted.placed.length);
      const { results } = attempted;
      if (!attempted.isCut) return { kind: "answered", results, spent: spentRefs(history, results), unmoved };
    } else if (narrowing.isAboutQueue(attempted.placed, pushed.words, history, repository.trunkRef)) {
      // A branch that can't be put back now is put back, or lands, with the next landing of its batch.
      await undoMoves(repository, heads, pushed.moves).catch(() => undefined);
      return held(history, message, refusals.refusesQueue(branch, pushed.words.text));
    } else narrowing.declined(attempted.placed, pushed.words);
  }
}

/**
 * Applies the batches without those that must not land. They are asked about when everything else is ready to be pushed, so that what a
 * person does meanwhile is seen as late as it can be.
 */
async function allowed(
  repository: Repository,
  config: QueueConfig,
  message: LandBatch,
  history: LandingHistory,
  { narrowing, obstacles }: { narrowing: Narrowing<Batch>; obstacles: NonNullable<LandOptions["obstacles"]> },
): Promise<Attempted> {
  const attempted = await applyInOrder(repository, config, message, history, { narrowing, obstacles: new Map() });
  if (attempted.placed.length === 0) return attempted;
  const moved = new Map(history.moves.flatMap(({ uri, to, at }) => (at === to ? [[uri, to] as const] : [])));
  const found = await obstacles(attempted.placed.flat(), moved);
  if (found.size === 0) return attempted;
  return applyInOrder(repository, config, message, history, { narrowing, obstacles: found });
}

/** Moves head branches, undoes the moves of batches that do not land, and pushes the trunk with the records. */
async function pushAttempt(
  repository: Repository,
  message: LandBatch,
  history: LandingHistory,
  attempted: Attempted,
  options: Pick<LandOptions, "heads"> & { stamp: Stamp; words: HostWords | undefined; unmoved: Map<ChangeUri, string> },
  beforePush: () => Promise<void>,
): Promise<Pushed & { readonly moves: readonly HeadMoveNow[] }> {
  const { heads, stamp, words, unmoved } = options;
  const { composer, placed, isCut, landings } = attempted;
  const moved: HeadsMoved =
    heads === undefined
      ? { kind: "moved", moves: history.moves, unmoved: new Map() }
      : await moveHeads({ repository, composer, history, heads, stamp }, landings);
  if (moved.kind === "failed") return { ...moved, moves: history.moves };
  for (const [uri, why] of [...attempted.unmoved, ...moved.unmoved]) unmoved.set(uri, why);
  const landing = new Set([...history.snapshot.landed.keys(), ...placed.flat().map(({ batchId }) => batchId)]);
  const { over, undone } = settled(moved, (batchId) => (landing.has(batchId) ? "lands" : isCut ? "open" : "stays"));
  await undoMoves(repository, heads, undone);
  const updates = await written(message, history, attempted, stamp, words);
  await beforePush();
  return { ...(await push(repository, [...updates, ...finished(over)])), moves: moved.moves };
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
async function applyInOrder(
  repository: Repository,
  config: QueueConfig,
  { batches }: LandBatch,
  history: LandingHistory,
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
    for (const batch of group) {
      const fault = faults[open.indexOf(batch)];
      const applied: AppliedUnit = fault
        ? { kind: "refused", reason: fault }
        : await fitted(composer, at, batch, history);
      if (applied.kind === "refused")
        return { kind: "not-landed", outcomes: new Map([[batch, { kind: "refused", reason: applied.reason }]]) };
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

/** Writes the objects to push to the repository, and answers the updates of refs to push. */
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
 * The answer to a message whose landing failed for good because of an error in runway. It follows from the remote: a batch that the trunk
 * holds has landed, the first other batch is refused with the error, and the rest is skipped. The answer is recorded if the host accepts the
 * record, so that a repeat of the message does not land a batch that was given up.
 */
export async function giveUp(
  repository: Repository,
  config: QueueConfig,
  message: LandBatch,
  { why, now, heads }: { why: string; now: EpochMs; heads?: HeadBranches | undefined },
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
  const moves = history.moves.filter(({ batchId }) => !snapshot.landed.has(batchId));
  // What can't be put back stays as it is: the batch has to end.
  await undoMoves(repository, heads, moves).catch(() => undefined);
  await push(
    repository,
    await written(message, history, { composer, tip: composer.trunk, results, isCut: false }, stamp),
  );
  return results;
}
