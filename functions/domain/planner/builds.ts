import type { BatchId } from "../../contracts/ids.ts";
import { happeningEvent } from "../../contracts/log-event.ts";
import type { BuildVerdict, SignalOf } from "../../contracts/messages/signals.ts";
import { type Reason, reasonOf } from "../../contracts/reasons.ts";
import { type EpochMs, epochMs } from "../../contracts/time.ts";
import { type Batch, batchHasEnded, brokeDown, type Path, pathIsActive, sameAssumptions } from "../batch.ts";
import { buildHappened } from "../build-entries.ts";
import { learnClash, learnDuration } from "../speculation/history.ts";
import { scorerFor } from "../speculation/scorer.ts";
import { announceRetry } from "./announce-retry.ts";
import { announce, type Draft } from "./draft.ts";
import { setAside } from "./set-aside.ts";

/**
 * Records the verdict on a build: ends the path of the build, and updates the queue's history (build times, clash rate) and what is known of
 * the trunk. Does nothing when the batch has no such path, or when the path has ended already. In the last case the log is told again what it
 * was told of the verdict, if batches beside `batchId` were told: the run before may have died when only some of them were written.
 */
export function recordBuild(draft: Draft, signal: SignalOf<"build-finished">): void {
  const { batchId, buildKey, verdict, url } = signal;
  const batch = draft.lookup(batchId);
  const path = batch?.paths.find((candidate) => candidate.buildKey === buildKey);
  if (!batch || !path) return;
  if (!pathIsActive(path)) {
    if (path.heads.length > 1 || path.unappliable !== undefined) announceOutcome(draft, batchId, path, verdict);
    return;
  }
  const endedAt = endOf(path, signal, draft.now);
  const seen = { ...path, dispatched: true, endedAt, ...(url === undefined ? {} : { url }) };
  const ended = setAside(draft, endedPath(draft, batch, seen, verdict));
  if (ended.state === "passed")
    draft.queue = { ...draft.queue, history: learnDuration(draft.queue.history, endedAt - path.startedAt) };
  if (ended.composed !== undefined && ended.setAside === undefined) learnConflicts(draft, batch, ended);
  const paths = batch.paths.map((candidate) => (candidate === path ? ended : candidate));
  draft.put({ ...batch, paths });
  if (path.state === "building") announceOutcome(draft, batchId, ended, verdict);
  else announceVerdict(draft, batchId, ended, verdict);
}

/** Tells the log how the build of the path came out, and what follows for its batches. A repeat tells the same entries. */
function announceOutcome(draft: Draft, batchId: BatchId, path: Path, verdict: BuildVerdict): void {
  announceVerdict(draft, batchId, path, verdict);
  announceEnd(draft, path);
}

/**
 * When the build of a path ended: the time that the CI system names, and `now` when it names none. Never before the build was decided, or in the
 * future, as another machine's clock may have it. Example: a build that was decided at 10:00 and ended at 10:05, while nothing of the queue
 * ran, is reported at 12:00. It took five minutes.
 */
const endOf = ({ startedAt }: Path, { endedAt }: SignalOf<"build-finished">, now: EpochMs): EpochMs =>
  epochMs(Math.max(startedAt, Math.min(endedAt ?? now, now)));

/**
 * The path, ended by the verdict. When the infrastructure failed, the path ends in one of three ways:
 * - `cancelled` without a reason, when the build had been given up before. It does not count among the attempts.
 * - `cancelled` with a reason, when the build is to be repeated. It counts among the attempts and is no evidence.
 * - `failed`, when the build was repeated as often as the queue allows (`infrastructureRetries`).
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
    case "unchanged":
      return { ...path, state: "cancelled" };
  }
}

/**
 * Tells the heads of the path how their build came out. Nothing for a tree that could not be composed: the batch at which the composition was
 * refused need not be a head (`announceUnappliable`).
 */
function announceVerdict(draft: Draft, batchId: BatchId, path: Path, verdict: BuildVerdict): void {
  const event = eventOf(verdict);
  const heads = path.heads.flatMap((id) => draft.lookup(id) ?? []);
  if (event === undefined) return;
  const build = { ...path, batchId, sqids: heads.map(({ request }) => request.sqid) };
  const reason = verdict.kind !== "unappliable" && "reason" in verdict ? verdict.reason : undefined;
  const { url, endedAt } = path;
  const entries = buildHappened(build, event, draft.now, { url, reason, endedAt });
  for (const [i, head] of heads.entries()) draft.put(announce(head, entries.slice(i, i + 1)));
}

function eventOf({ kind }: BuildVerdict): "built" | "build_failed" | "build_stopped" | undefined {
  switch (kind) {
    case "passed":
      return "built";
    case "failed":
    case "infrastructure":
      return "build_failed";
    case "cancelled":
    case "refuted":
      return "build_stopped";
    case "unappliable":
    case "unchanged":
      return undefined;
  }
}

/** Tells the log that a build is to be repeated, and which batch did not apply. */
function announceEnd(draft: Draft, path: Path): void {
  if (path.unappliable !== undefined) announceUnappliable(draft, path, path.unappliable);
  else if (path.state === "cancelled" && path.reason !== undefined) announceRetry(draft, path, path.reason);
}

/**
 * Tells the log that batch `id` does not apply (`build_failed`), and for each other head of the path that the head is built again without that
 * batch (`retrying`).
 */
function announceUnappliable(draft: Draft, path: Path, id: BatchId): void {
  const refused = draft.lookup(id);
  if (refused === undefined || path.reason === undefined) return;
  const { reason } = path;
  const { sqid } = refused.request;
  const details = { occurrence: path.buildKey, reason, metadata: { batch_id: id, build_key: path.buildKey } };
  if (!batchHasEnded(refused)) draft.put(announce(refused, [happeningEvent(sqid, "build_failed", draft.now, details)]));
  const message = `Request ${sqid} does not apply, so this request is built again without it. ${reason.message}`;
  announceRetry(draft, path, reasonOf(reason.code, message), { except: id });
}

/**
 * Updates the clash rate from the first composed build of a batch, unless that build is a bundle's. Later builds teach nothing. How the batch
 * ends teaches nothing either: a rejection comes sooner than a landing, so at first there would be only rejections to learn from.
 */
function learnConflicts(draft: Draft, batch: Batch, path: Path): void {
  const { buildRunner, speculation } = draft.config;
  if (path.heads.length > 1 || batch.paths.some(({ composed }) => composed !== undefined)) return;
  const { history } = draft.queue;
  const score = scorerFor(speculation.scorer, history);
  const base = new Set(path.base);
  const isInTree = ({ id, state, endedAt }: Batch) =>
    base.has(id) || (state === "landed" && (endedAt ?? 0) <= path.startedAt);
  const tested =
    buildRunner.tests === "affected" ? [batch] : [batch, ...path.base.flatMap((id) => draft.lookup(id) ?? [])];
  const alone = tested.reduce((all, one) => all * (hasPassed(one) ? 1 : score(one).success), 1);
  const met = draft.earlierConflicts(batch).filter(isInTree).length;
  draft.queue = { ...draft.queue, history: learnClash(history, { alone, met, passed: path.state === "passed" }) };
}

/** True when the batch has landed, or a path of which it is the first head has passed. */
const hasPassed = (batch: Batch): boolean =>
  batch.state === "landed" || batch.paths.some(({ state }) => state === "passed");
