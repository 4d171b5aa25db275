import { type BatchId, type BuildKey, batchIdOf, batchLabel, type Sqid } from "../../contracts/ids.ts";
import { happeningEvent, statusEvent } from "../../contracts/log-event.ts";
import type { BuildVerdict, LandOutcome, Signal, SignalOf } from "../../contracts/messages.ts";
import { MAX_MESSAGE, type Reason } from "../../contracts/reasons.ts";
import { type Batch, batchHasEnded, brokeDown, enter, type Path, pathIsActive, sameAssumptions } from "../batch.ts";
import { conflictAnalyzer } from "../conflict.ts";
import type { LandingRequest } from "../request.ts";
import { type History, learnClash, learnDuration, learnOutcome } from "../speculation/history.ts";
import { scorerFor, usesHistory } from "../speculation/scorer.ts";
import { announce, type Draft } from "./draft.ts";
import { mustProveItself, takePosition } from "./probation.ts";

/** Step 1: signals become facts of the draft. A signal that tells nothing new changes nothing. */
export function fold(draft: Draft, signals: readonly Signal[]): void {
  for (const signal of signals) {
    switch (signal.kind) {
      case "request-ready":
        join(draft, signal.sqid);
        break;
      case "cancel-requested":
        cancel(draft, signal);
        break;
      case "build-finished":
        recordBuild(draft, signal);
        break;
      case "land-finished":
        for (const { batchId, outcome } of signal.results) recordLanding(draft, signal.landId, batchId, outcome);
        break;
      case "land-held":
        for (const { batchId, outcome } of signal.results) recordLanding(draft, signal.landId, batchId, outcome);
        for (const batchId of signal.held) recordHeld(draft, signal, batchId);
        break;
      case "queue-control":
        control(draft, signal);
        break;
      case "tick":
        break;
    }
  }
}

/** Only the newest word counts. A queue that is drained goes on landing: that nothing is added to it is the gateway's doing. */
function control(draft: Draft, { mode, note, at, version }: SignalOf<"queue-control">): void {
  const { paused: _, ...rest } = draft.queue;
  if (version <= (rest.control ?? 0)) return;
  const paused = { since: at, ...(note === undefined ? {} : { note }) };
  draft.queue = { ...rest, control: version, ...(mode === "paused" ? { paused } : {}) };
}

/**
 * A ready request that no batch carries becomes a batch. It conflicts with what the analyzer says among those that may yet land,
 * and joins the order behind them, unless it has to prove itself first.
 */
function join(draft: Draft, sqid: Sqid): void {
  const request = draft.snapshot.requests.get(sqid);
  if (request?.state !== "ready" || request.touches === undefined || draft.carrierOf(sqid)) return;
  // Cancelled in this very run.
  if (draft.loose.some((event) => event.sqid === sqid)) return;
  const id = batchIdOf(sqid);
  const members = [memberOf(request, request.touches)];
  const there = draft.unfinished().filter((batch) => batch.state !== "cancelling");
  const conflicts = conflictAnalyzer(draft.config.conflictAnalyzer).conflictsOf({ members }, there);
  const details = { occurrence: id, metadata: { batch_id: id } };
  const behind = conflicts.slice(-20).map((batch) => batchLabel(batch.id));
  const batch: Batch = {
    queue: request.queue,
    id,
    arrival: draft.queue.nextArrival,
    nextPosition: draft.queue.nextPosition,
    priority: request.priority ?? 0,
    members,
    conflicts: conflicts.map((other) => other.id),
    state: "speculating",
    paths: [],
    buildCount: 0,
    outbox: [
      statusEvent(sqid, "batching", draft.now, details),
      statusEvent(sqid, "batched", draft.now, { ...details, metadata: { batch_id: id, behind: behind.join(" ") } }),
    ],
    concluded: false,
    createdAt: draft.now,
    version: 0,
  };
  draft.queue = { ...draft.queue, nextArrival: batch.arrival + 1 };
  draft.put(mustProveItself(draft, batch) ? onProbation(draft, batch) : takePosition(draft, batch));
}

const onProbation = (draft: Draft, batch: Batch): Batch =>
  announce(
    batch,
    batch.members.map(({ sqid }) =>
      statusEvent(sqid, "speculating", draft.now, {
        occurrence: `${batch.id}/probation`,
        metadata: { batch_id: batch.id, why: "on probation: it joins the order once a build of it has passed" },
      }),
    ),
  );

const memberOf = (request: LandingRequest, touches: NonNullable<LandingRequest["touches"]>) => ({
  sqid: request.sqid,
  changes: request.changes,
  strategy: request.strategy,
  receivedAt: request.receivedAt,
  version: request.version,
  touches,
});

const cancelReason = (note: string | undefined): Reason => ({
  code: "cancelled.by_caller",
  message: note ? `Cancelled: ${note}` : "Cancelled by its caller.",
});

/** Too late once the batch is landing: the merge's outcome stands. */
function cancel(draft: Draft, { sqid, note }: SignalOf<"cancel-requested">): void {
  const batch = draft.carrierOf(sqid);
  if (batch) {
    if (batch.state === "speculating") draft.put(enter(batch, "cancelling", { reason: cancelReason(note) }));
    return;
  }
  const request = draft.snapshot.requests.get(sqid);
  // A repeat for one that is already cancelled announces it again: the first run may have died before it could.
  if (request?.state !== "ready" && request?.state !== "cancelled") return;
  const reason = request.reason ?? cancelReason(note);
  draft.loose.push(statusEvent(sqid, "cancelled", draft.now, { version: request.version + 1, reason }));
}

function recordBuild(draft: Draft, { batchId, buildKey, verdict, url }: SignalOf<"build-finished">): void {
  const batch = draft.lookup(batchId);
  const path = batch?.paths.find((candidate) => candidate.buildKey === buildKey);
  if (!batch || !path || !pathIsActive(path)) return;
  const seen = { ...path, dispatched: true, endedAt: draft.now, ...(url === undefined ? {} : { url }) };
  const ended = endedPath(draft, batch, seen, verdict);
  if (ended.state === "passed")
    draft.queue = { ...draft.queue, history: learnDuration(draft.queue.history, draft.now - path.startedAt) };
  if (ended.composed !== undefined) learnConflicts(draft, batch, ended);
  const paths = batch.paths.map((candidate) => (candidate === path ? ended : candidate));
  draft.put({ ...batch, paths });
  if (path.state === "building") sayHowItEnded(draft, ended);
}

/**
 * The path with its end. A path that broke down and is to be built again ends as cancelled, with the reason: it is evidence of nothing. One
 * that was given up and breaks down has no reason, and does not count among the attempts.
 */
function endedPath(draft: Draft, batch: Batch, path: Path, verdict: BuildVerdict): Path {
  switch (verdict.kind) {
    case "passed":
      return { ...path, state: "passed", composed: verdict.composed };
    case "failed": {
      const { reason, composed } = verdict;
      return { ...path, state: "failed", reason, ...(composed ? { composed } : {}) };
    }
    case "unappliable": {
      const { reason, batchId } = verdict;
      const isPart = path.base.includes(batchId) || path.heads.includes(batchId);
      return { ...path, state: "failed", reason, unappliable: isPart ? batchId : (path.heads.at(-1) ?? batch.id) };
    }
    case "infrastructure": {
      if (path.state !== "building") return { ...path, state: "cancelled" };
      const before = batch.paths.filter((other) => sameAssumptions(other, path) && brokeDown(other));
      const isLast = before.length >= draft.config.buildRunner.infrastructureRetries;
      const reason: Reason = { ...verdict.reason, code: "build.infrastructure" };
      return { ...path, state: isLast ? "failed" : "cancelled", reason };
    }
    case "cancelled":
    case "refuted":
      return { ...path, state: "cancelled" };
  }
}

/** Tells the log what the workflow's own report does not: that a build is to be repeated, and which batch could not be composed. */
function sayHowItEnded(draft: Draft, path: Path): void {
  if (path.unappliable !== undefined) sayUnappliable(draft, path, path.unappliable);
  else if (path.state === "cancelled" && path.reason !== undefined) sayRetrying(draft, path, path.reason);
}

/**
 * The batch that does not apply is told so. The other heads are told that they are composed again without it: a request behind another
 * that was refused reads which one that was.
 */
function sayUnappliable(draft: Draft, path: Path, id: BatchId): void {
  const refused = draft.lookup(id);
  if (refused === undefined || path.reason === undefined) return;
  const { reason } = path;
  const details = { occurrence: path.buildKey, reason, metadata: { batch_id: id, build_key: path.buildKey } };
  if (!batchHasEnded(refused))
    draft.put(
      announce(
        refused,
        refused.members.map(({ sqid }) => happeningEvent(sqid, "build_failed", draft.now, details)),
      ),
    );
  const without = refused.members.map(({ sqid }) => sqid).join(", ");
  const message = `Request ${without} does not apply, so this request is built again without it. ${reason.message}`;
  sayRetrying(draft, path, { ...reason, message: message.slice(0, MAX_MESSAGE) }, id);
}

/** Tells the heads of the path, but for `except`, that they are built again, and why. */
export function sayRetrying(draft: Draft, path: Path, reason: Reason, except?: BatchId): void {
  for (const id of path.heads) {
    const batch = draft.lookup(id);
    if (batch === undefined || id === except || batchHasEnded(batch)) continue;
    const metadata = { batch_id: id, build_key: path.buildKey, attempt: path.attempt };
    const events = batch.members.map(({ sqid }) =>
      happeningEvent(sqid, "retrying", draft.now, { occurrence: path.buildKey, reason, metadata }),
    );
    draft.put(announce(batch, events));
  }
}

function learn(draft: Draft, step: (history: History | undefined) => History): void {
  if (usesHistory(draft.config.speculation.scorer))
    draft.queue = { ...draft.queue, history: step(draft.queue.history) };
}

/**
 * The first build of a batch teaches how likely conflicts are to be real. Not its verdict: rejections come sooner than landings, and
 * for a while there would seem to be nothing else.
 */
function learnConflicts(draft: Draft, batch: Batch, path: Path): void {
  const { buildRunner, speculation } = draft.config;
  if (path.heads.length > 1 || batch.paths.some(({ composed }) => composed !== undefined)) return;
  const { history } = draft.queue;
  const score = scorerFor(speculation.scorer, history);
  const under = new Set(path.base);
  const isIn = (id: BatchId) => under.has(id) || draft.lookup(id)?.state === "landed";
  const tested =
    buildRunner.tests === "affected" ? [batch] : [batch, ...path.base.flatMap((id) => draft.lookup(id) ?? [])];
  const alone = tested.reduce((all, one) => all * (hasPassed(one) ? 1 : score(one).success), 1);
  const met = batch.conflicts.filter(isIn).length;
  draft.queue = { ...draft.queue, history: learnClash(history, { alone, met, passed: path.state === "passed" }) };
}

const hasPassed = (batch: Batch): boolean =>
  batch.state === "landed" || batch.paths.some(({ state }) => state === "passed");

function recordLanding(draft: Draft, landId: string, batchId: BatchId, outcome: LandOutcome): void {
  const batch = draft.lookup(batchId);
  if (!batch || batchHasEnded(batch)) return;
  if (outcome.kind === "landed") {
    draft.put(landed(draft, batch, outcome));
    return;
  }
  if (batch.state !== "landing" || batch.landing?.landId !== landId) return;
  const { landing: _, ...grounded } = batch;
  if (outcome.kind === "refused") draft.put(failed(draft, grounded, outcome.reason));
  else if (outcome.kind === "skipped") draft.put(enter(grounded, "speculating"));
  else draft.put(retest(draft, grounded));
}

/** How long a landing that the host refuses is tried again before its requests end. */
export const HOLD_MS = 3_600_000;

/** No change is at fault, so the batch stays in `landing` and is sent again, as any landing that goes unanswered. An hour at most. */
function recordHeld(draft: Draft, { landId, reason }: SignalOf<"land-held">, batchId: BatchId): void {
  const batch = draft.lookup(batchId);
  if (batch?.state !== "landing" || batch.landing?.landId !== landId) return;
  const { landing, ...rest } = batch;
  const since = landing.held?.since ?? draft.now;
  if (draft.now - since >= HOLD_MS) {
    draft.put(failed(draft, rest, reason));
    return;
  }
  if (landing.held?.reason.message === reason.message) return;
  const told = { occurrence: `${landId}/${draft.now}`, reason, metadata: { batch_id: batchId, blocker: "host" } };
  draft.put(
    announce(
      { ...batch, landing: { ...landing, held: { since, reason } } },
      batch.members.map(({ sqid }) => happeningEvent(sqid, "blocked", draft.now, told)),
    ),
  );
}

function landed(draft: Draft, batch: Batch, outcome: Extract<LandOutcome, { kind: "landed" }>): Batch {
  const { commit, tree, testedTree } = outcome;
  const bypassed = (batch.landing?.bypassed ?? []).filter((id) => draft.lookup(id)?.state !== "landed");
  const metadata = {
    batch_id: batch.id,
    commit,
    tree,
    tested_tree: testedTree,
    ...(batch.landing
      ? { build_key: batch.landing.buildKey, landed_together: batch.landing.landedTogether.length }
      : {}),
    ...(bypassed.length > 0 ? { bypassed: bypassed.map(batchLabel).join(" ") } : {}),
  };
  for (const member of batch.members) learn(draft, (history) => learnOutcome(history, member, true));
  return announce(
    enter(batch, "landed", { landed: { commit, tree }, endedAt: draft.now }),
    batch.members.map(({ sqid, version }) =>
      statusEvent(sqid, "landed", draft.now, { version: version + 1, metadata }),
    ),
  );
}

/** The trunk moved under the evidence: what was built before says nothing about the tree that would land now. */
function retest(draft: Draft, batch: Batch): Batch {
  draft.queue = { ...draft.queue, evidenceSince: draft.now };
  const events = batch.members.map(({ sqid }) =>
    statusEvent(sqid, "speculating", draft.now, {
      occurrence: `${batch.id}/${batch.buildCount}`,
      metadata: { batch_id: batch.id, why: "the trunk has moved: testing again" },
    }),
  );
  return announce(enter(batch, "speculating"), events);
}

/** The batch and its requests have failed, for `reason`. Only a build that failed teaches how likely changes are to pass. */
export function failed(draft: Draft, batch: Batch, reason: Reason, buildKey?: BuildKey): Batch {
  if (reason.code === "build.failed" || reason.code === "build.timed_out")
    for (const member of batch.members) learn(draft, (history) => learnOutcome(history, member, false));
  const metadata = { batch_id: batch.id, ...(buildKey ? { build_key: buildKey } : {}) };
  return announce(
    enter(batch, "failed", { reason, endedAt: draft.now }),
    batch.members.map(({ sqid, version }) =>
      statusEvent(sqid, "error", draft.now, { version: version + 1, reason, metadata }),
    ),
  );
}
