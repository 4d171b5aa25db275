import type { BatchId } from "../../contracts/ids.ts";
import { happeningEvent } from "../../contracts/log-event.ts";
import type { EpochMs } from "../../contracts/time.ts";
import {
  type Batch,
  batchHasEnded,
  compareLandingOrder,
  type Landing,
  mergeUnitOf,
  outcomeOf,
  type Path,
  pathIsActive,
} from "../batch.ts";
import { isRefuted } from "../evidence.ts";
import type { QueueIndex } from "../queue-index.ts";
import { noteBlockers } from "./blockers.ts";
import { bounded } from "./bounded.ts";
import { commandFailed } from "./command-failed.ts";
import { announce, Draft, queueIndexOf } from "./draft.ts";
import { fold } from "./fold.ts";
import type { Command, Plan, Planner } from "./plan.ts";
import { propose } from "./propose.ts";
import { settle } from "./settle.ts";

/** A landing that has not been answered for so long is sent again; runway recognises it. */
export const RESEND_AFTER_MS = 120_000;

export const plan: Planner = (config, snapshot, news, now) => {
  const draft = new Draft(config, snapshot, now);
  fold(
    draft,
    news.filter((told) => told.kind !== "command-failed"),
  );
  for (const told of news) if (told.kind === "command-failed") commandFailed(draft, told);
  settle(draft);
  propose(draft);
  noteWaiting(draft);
  noteBlockers(draft);
  return emit(draft);
};

/** Says of each passed guess, once, that it waits for the batches ahead; and of one that had passed, that reality went another way. */
function noteWaiting(draft: Draft): void {
  let before: QueueIndex | undefined;
  const wasRefuted = (batch: Batch, path: Path): boolean => {
    before ??= queueIndexOf(draft.config, draft.snapshot.batches, draft.snapshot.queue);
    return refuted(before, batch, path);
  };
  const refuted = (index: QueueIndex, batch: Batch, path: Path): boolean => {
    const i = index.indexOf(batch.id);
    return i !== undefined && (index.isOutdated(path) || isRefuted(index, i, index.treeOf(path)));
  };
  for (const batch of draft.batches()) {
    if (batch.state !== "speculating") continue;
    const was = draft.lookupBefore(batch.id);
    const events = batch.paths.flatMap((path) => {
      if (path.state !== "passed") return [];
      const hadPassed =
        was?.paths.some((other) => other.buildKey === path.buildKey && other.state === "passed") ?? false;
      const isOver = refuted(draft.index, batch, path);
      const news = isOver ? !(hadPassed && wasRefuted(batch, path)) : !hadPassed;
      if (!news) return [];
      const details = { occurrence: path.buildKey, metadata: { batch_id: batch.id, build_key: path.buildKey } };
      return batch.members.map(({ sqid }) =>
        happeningEvent(sqid, isOver ? "invalidated" : "waiting", draft.now, details),
      );
    });
    draft.put(announce(batch, events));
  }
}

/** Step 5: what has changed, and the commands that the state as a whole asks for. */
function emit(draft: Draft): Plan {
  const { snapshot } = draft;
  const writes = inWritingOrder(draft).flatMap((batch) => {
    const before = draft.lookupBefore(batch.id);
    if (batch === before) return [];
    const next = { ...bounded(batch), version: (before?.version ?? 0) + 1 };
    draft.put(next);
    return [before ? { before, next } : { next }];
  });
  const commands = commandsFor(draft);
  const acknowledged = draft.batches().flatMap((batch) => {
    const next = acknowledge(batch, draft.now);
    if (next === batch) return [];
    draft.put(next);
    return [next];
  });
  const archived = archivable(draft);
  return {
    ...(draft.queue === snapshot.queue ? {} : { queue: { ...draft.queue, version: snapshot.queue.version + 1 } }),
    writes,
    commands,
    acknowledged,
    archived,
  };
}

/**
 * Batches are written one after the other, which may be cut off in between; so nothing is written before what it names. What begins no build
 * goes first, for it may free the slot of one that does; and all in landing order: a build names those under it, and of a train that is cut off, each that
 * is left lands behind what it was tested on.
 */
function inWritingOrder(draft: Draft): Batch[] {
  const turn = ({ id, buildCount: built }: Batch): number =>
    built > (draft.lookupBefore(id)?.buildCount ?? 0) ? 1 : 0;
  return draft.batches().sort((a, b) => turn(a) - turn(b) || compareLandingOrder(a, b));
}

const landIsDue = (batch: Batch, now: EpochMs): boolean =>
  batch.state === "landing" && (batch.landing?.sentAt === undefined || now - batch.landing.sentAt >= RESEND_AFTER_MS);

function commandsFor(draft: Draft): Command[] {
  const commands: Command[] = [];
  const sent = new Set<string>();
  for (const batch of draft.batches()) {
    for (const path of batch.paths) {
      if (!pathIsActive(path) || path.dispatched) continue;
      commands.push(buildCommand(draft, path));
    }
    if (batch.landing && landIsDue(batch, draft.now) && !sent.has(batch.landing.landId)) {
      sent.add(batch.landing.landId);
      commands.push(landCommand(draft, batch.landing));
    }
    const outcome = outcomeOf(batch);
    if (outcome === undefined || batch.concluded) continue;
    const reason = batch.reason && outcome !== "landed" ? { reason: batch.reason } : {};
    for (const { sqid } of batch.members)
      commands.push({ kind: "end-request", sqid, outcome, batchId: batch.id, ...reason });
  }
  for (const event of draft.loose) {
    if (event.reason)
      commands.push({ kind: "end-request", sqid: event.sqid, outcome: "cancelled", reason: event.reason });
  }
  const events = [...draft.batches().flatMap((batch) => batch.outbox), ...draft.loose];
  if (events.length > 0) commands.push({ kind: "announce", events });
  return commands;
}

/** A bundle is composed like any chain: its last head on all the others. */
function buildCommand(draft: Draft, path: Path): Command {
  const found = (ids: readonly BatchId[]) => ids.flatMap((id) => draft.lookup(id) ?? []);
  const heads = found(path.heads);
  const head = heads.at(-1);
  if (!head) throw new Error(`${path.buildKey} has no head`);
  return {
    kind: "start-build",
    installation: draft.queue.installation,
    batchId: heads[0]?.id ?? head.id,
    buildKey: path.buildKey,
    attempt: path.attempt,
    base: [...found(path.base), ...heads.slice(0, -1)].map(mergeUnitOf),
    head: mergeUnitOf(head),
    sqids: heads.flatMap((batch) => batch.members.map((member) => member.sqid)),
    without: path.without,
  };
}

function landCommand(draft: Draft, landing: NonNullable<Batch["landing"]>): Command {
  const exact = draft.config.conflictAnalyzer.type === "all";
  const batches = landing.landedTogether.flatMap((id) => {
    const batch = draft.lookup(id);
    // One whose answer has come already needs no second one.
    return batch?.landing?.landId === landing.landId && batch.state === "landing"
      ? [{ ...mergeUnitOf(batch), tested: batch.landing.tested, exact, ...bundleLabel(batch.landing) }]
      : [];
  });
  return {
    kind: "land",
    message: {
      v: 1,
      kind: "land-batch",
      id: landing.landId,
      queue: draft.config.name,
      installation: draft.queue.installation,
      batches,
    },
    nonce: landing.sentAt === undefined ? "first" : String(draft.now),
  };
}

const bundleLabel = ({ bundle }: Landing): { bundle?: string } => (bundle?.[0] ? { bundle: bundle[0] } : {});

/** The batch as it is once its commands have been carried out. */
function acknowledge(batch: Batch, now: EpochMs): Batch {
  const undispatched = batch.paths.some((path) => pathIsActive(path) && !path.dispatched);
  const due = landIsDue(batch, now);
  const unconcluded = batchHasEnded(batch) && !batch.concluded;
  if (!undispatched && !due && !unconcluded && batch.outbox.length === 0) return batch;
  return {
    ...batch,
    outbox: [],
    paths: undispatched
      ? batch.paths.map((path) => (pathIsActive(path) ? { ...path, dispatched: true } : path))
      : batch.paths,
    ...(due && batch.landing ? { landing: { ...batch.landing, sentAt: now } } : {}),
    concluded: batch.concluded || unconcluded,
    version: batch.version + 1,
  };
}

/**
 * The batches that have ended, with their builds stopped and their requests ended, and that are of no more use as evidence. A batch is of use
 * while an unfinished batch conflicts with it; and while a failure, or a build that may still fail, of a tree with an unfinished batch
 * - holds the batch: it may be the cause, or has to be cleared of being it, or
 * - lacks the batch under one of its conflicts: that conflict may have failed for want of it.
 */
function archivable(draft: Draft): Batch[] {
  const { index } = draft;
  const needed = index.emptySet();
  const unfinished = index.emptySet();
  /** What was built together with an unfinished batch, and did not pass. */
  const built = index.emptySet();
  index.batches.forEach((batch, i) => {
    if (batchHasEnded(batch)) return;
    unfinished.add(i);
    needed.addAll(index.conflictsOf(i));
  });
  for (const path of index.batches.flatMap((batch) => batch.paths)) {
    const tree = index.treeOf(path);
    if (!tree.meets(unfinished, tree)) continue;
    needed.addCommon(tree, index.neverLanding);
    if (path.state === "passed") continue;
    built.addAll(index.tests === "everything" ? index.bitsOf(path.base, path.heads) : index.bitsOf(path.heads));
  }
  needed.addAll(built);
  for (const i of built) needed.addAll(index.conflictsOf(i));
  return index.batches.filter(
    (batch, i) => batchHasEnded(batch) && batch.concluded && !batch.paths.some(pathIsActive) && !needed.has(i),
  );
}
