import type { HostWords } from "../adapters/git/host-words.ts";
import { type Pushed, push, type RefUpdate } from "../adapters/git/push.ts";
import { recordsRef } from "../adapters/git/refs.ts";
import { refusals } from "../adapters/git/refusals.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { HeadBranches } from "../adapters/github/head-branches.ts";
import type { ChangeUri } from "../contracts/change-uri.ts";
import { CodedError } from "../contracts/errors.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { LandBatch, LandOutcome } from "../contracts/messages/landing-messages.ts";
import type { QueueConfig } from "../contracts/queues.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";
import { type Attempt, type Attempted, applyInOrder, type Batch, type Obstacles } from "./apply-batches.ts";
import { composerFor } from "./composer.ts";
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
import { finished, type HeadsMoved, moveHeads, settled, type Unmoved, undoMoves } from "./move-heads.ts";
import { Narrowing } from "./narrowing.ts";
import { type Entry, type Keeper, withEntries } from "./records-tree.ts";

/** The commits that a landing has moved the head branches of changes to. */
type MovedTo = ReadonlyMap<ChangeUri, GitSha>;

/** What a landing goes by, beside its message. */
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

/** answered: how the landing ended for each batch, which is also recorded. held: the host takes no push of the queue. */
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
    const one: Attempt = { repository, config, message, history };
    const attempted = await allowed(one, { narrowing, obstacles });
    const words = narrowing.found?.words;
    const pushed = await pushAttempt(one, attempted, {
      heads,
      stamp,
      words,
      unmoved,
      beforePush: () => beforePush(attempt),
    });
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
  attempt: Attempt,
  { narrowing, obstacles }: { narrowing: Narrowing<Batch>; obstacles: NonNullable<LandOptions["obstacles"]> },
): Promise<Attempted> {
  const { moves } = attempt.history;
  const attempted = await applyInOrder(attempt, { narrowing, obstacles: new Map() });
  if (attempted.placed.length === 0) return attempted;
  const moved = new Map(moves.flatMap(({ uri, to, at }) => (at === to ? [[uri, to] as const] : [])));
  const found = await obstacles(attempted.placed.flat(), moved);
  if (found.size === 0) return attempted;
  return applyInOrder(attempt, { narrowing, obstacles: found });
}

interface PushOptions extends Pick<LandOptions, "heads"> {
  readonly stamp: Stamp;
  /** What the host said when it declined the bundle that is refused now. */
  readonly words: HostWords | undefined;
  readonly unmoved: Map<ChangeUri, string>;
  readonly beforePush: () => Promise<void>;
}

/** Moves head branches, undoes the moves of batches that do not land, and pushes the trunk with the records. */
async function pushAttempt(
  { repository, message, history }: Attempt,
  attempted: Attempted,
  { heads, stamp, words, unmoved, beforePush }: PushOptions,
): Promise<Pushed & { readonly moves: readonly HeadMoveNow[] }> {
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
  const updates = await written({ message, history }, attempted, stamp, words);
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

/** Writes the objects to push to the repository, and answers the updates of refs to push. */
async function written(
  { message, history: { keeper, snapshot } }: Pick<Attempt, "message" | "history">,
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
    await written({ message, history }, { composer, tip: composer.trunk, results, isCut: false }, stamp),
  );
  return results;
}
