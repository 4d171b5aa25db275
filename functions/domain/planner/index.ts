import { happeningEvent } from "../../contracts/log-event.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { type Batch, batchHasEnded, mergeUnitOf, outcomeOf, pathIsActive } from "../batch.ts";
import { standingOf } from "../evidence.ts";
import { announce, Draft } from "./draft.ts";
import { fold } from "./fold.ts";
import type { Command, Plan, Planner } from "./plan.ts";
import { propose } from "./propose.ts";
import { settle } from "./settle.ts";

/** A landing that has not been answered for so long is sent again; runway recognises it. */
export const RESEND_AFTER_MS = 120_000;

export const plan: Planner = (config, snapshot, signals, now) => {
  const draft = new Draft(config, snapshot, now);
  fold(draft, signals);
  settle(draft);
  propose(draft);
  noteWaiting(draft);
  return emit(draft);
};

/** Says of each passed guess, once, that it waits for the batches ahead; and of one that had passed, that reality went another way. */
function noteWaiting(draft: Draft): void {
  for (const batch of draft.batches()) {
    if (batch.state !== "speculating") continue;
    const before = draft.lookupBefore(batch.id);
    const events = batch.paths.flatMap((path) => {
      if (path.state !== "passed") return [];
      const hadPassed =
        before?.paths.some((other) => other.buildKey === path.buildKey && other.state === "passed") ?? false;
      const wasRefuted = hadPassed && standingOf(path, draft.lookupBefore) === "refuted";
      const refuted = standingOf(path, draft.lookup) === "refuted";
      const event = refuted ? (wasRefuted ? undefined : "invalidated") : hadPassed ? undefined : "waiting";
      if (event === undefined) return [];
      const details = { occurrence: path.buildKey, metadata: { batch_id: batch.id, build_key: path.buildKey } };
      return batch.members.map(({ sqid }) => happeningEvent(sqid, event, draft.now, details));
    });
    draft.put(announce(batch, events));
  }
}

/** Step 5: what has changed, and the commands that the state as a whole asks for. */
function emit(draft: Draft): Plan {
  const { snapshot, nextOrder } = draft;
  const writes = draft.batches().flatMap((batch) => {
    const before = draft.lookupBefore(batch.id);
    if (batch === before) return [];
    const next = { ...batch, version: (before?.version ?? 0) + 1 };
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
  const joined = nextOrder !== snapshot.queue.nextOrder;
  return {
    ...(joined ? { queue: { ...snapshot.queue, nextOrder, version: snapshot.queue.version + 1 } } : {}),
    writes,
    commands,
    acknowledged,
    archived,
  };
}

const landIsDue = (batch: Batch, now: EpochMs): boolean =>
  batch.state === "landing" && (batch.landing?.sentAt === undefined || now - batch.landing.sentAt >= RESEND_AFTER_MS);

function commandsFor(draft: Draft): Command[] {
  const commands: Command[] = [];
  const sent = new Set<string>();
  for (const batch of draft.batches()) {
    for (const path of batch.paths) {
      if (!pathIsActive(path) || path.dispatched) continue;
      const base = path.base.flatMap((id) => draft.lookup(id) ?? []).map(mergeUnitOf);
      const { buildKey, attempt, without } = path;
      commands.push({
        kind: "start-build",
        batchId: batch.id,
        buildKey,
        attempt,
        base,
        head: mergeUnitOf(batch),
        without,
      });
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

function landCommand(draft: Draft, landing: NonNullable<Batch["landing"]>): Command {
  const exact = draft.config.conflictAnalyzer.type === "all";
  const batches = landing.train.flatMap((id) => {
    const batch = draft.lookup(id);
    // One whose answer has come already needs no second one.
    return batch?.landing?.landId === landing.landId && batch.state === "landing"
      ? [{ ...mergeUnitOf(batch), tested: batch.landing.tested, exact }]
      : [];
  });
  return {
    kind: "land",
    message: { v: 1, kind: "land-batch", id: landing.landId, queue: draft.config.name, batches },
    nonce: landing.sentAt === undefined ? "first" : String(draft.now),
  };
}

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

/** Ended, concluded, its builds stopped, and nothing unfinished refers to it any more. */
function archivable(draft: Draft): Batch[] {
  const referred = new Set(
    draft
      .unfinished()
      .flatMap((batch) => [...batch.dependencies, ...batch.paths.flatMap((path) => [...path.base, ...path.without])]),
  );
  return draft
    .batches()
    .filter(
      (batch) => batchHasEnded(batch) && batch.concluded && !batch.paths.some(pathIsActive) && !referred.has(batch.id),
    );
}
