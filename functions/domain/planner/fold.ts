import { type BatchId, batchIdOf, batchLabel, type Sqid } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import type { LandOutcome, Signal, SignalOf } from "../../contracts/messages.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { type Batch, batchHasEnded, enter, type Path, pathIsActive } from "../batch.ts";
import { conflictAnalyzer } from "../conflict.ts";
import type { LandingRequest } from "../request.ts";
import { announce, type Draft } from "./draft.ts";

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
      case "tick":
        break;
    }
  }
}

/** A ready request that no batch carries becomes a batch behind all others, depending on those it conflicts with that may yet land. */
function join(draft: Draft, sqid: Sqid): void {
  const request = draft.snapshot.requests.get(sqid);
  if (request?.state !== "ready" || request.touches === undefined || draft.carrierOf(sqid)) return;
  const id = batchIdOf(sqid);
  const members = [memberOf(request, request.touches)];
  const ahead = draft.unfinished().filter((batch) => batch.state !== "cancelling");
  const dependencies = conflictAnalyzer(draft.config.conflictAnalyzer).conflictsOf({ members }, ahead);
  const details = { occurrence: id, metadata: { batch_id: id } };
  draft.put({
    queue: request.queue,
    id,
    order: draft.nextOrder,
    members,
    dependencies: dependencies.map((batch) => batch.id),
    state: "speculating",
    paths: [],
    built: 0,
    outbox: [
      statusEvent(sqid, "batching", draft.now, details),
      statusEvent(sqid, "batched", draft.now, {
        ...details,
        metadata: { batch_id: id, behind: dependencies.map((batch) => batchLabel(batch.id)).join(" ") },
      }),
      statusEvent(sqid, "speculating", draft.now, details),
    ],
    concluded: false,
    createdAt: draft.now,
    version: 0,
  });
  draft.nextOrder += 1;
}

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
  const ended = ((): Path => {
    switch (verdict.kind) {
      case "passed":
        return { ...seen, state: "passed", composed: verdict.composed };
      case "failed": {
        const { reason, composed } = verdict;
        return { ...seen, state: "failed", reason, ...(composed ? { composed } : {}) };
      }
      case "infrastructure": {
        // Nobody needs to know about a build that was given up.
        const final = path.state === "building" && path.attempt > draft.config.buildRunner.infrastructureRetries;
        return { ...seen, state: final ? "failed" : "cancelled", reason: verdict.reason };
      }
      case "cancelled":
      case "refuted":
        return { ...seen, state: "cancelled" };
    }
  })();
  draft.put({ ...batch, paths: batch.paths.map((candidate) => (candidate === path ? ended : candidate)) });
}

function recordLanding(draft: Draft, landId: string, batchId: BatchId, outcome: LandOutcome): void {
  const batch = draft.lookup(batchId);
  if (!batch || batchHasEnded(batch)) return;
  if (outcome.kind === "landed") {
    const metadata = {
      batch_id: batch.id,
      commit: outcome.commit,
      tree: outcome.tree,
      tested_tree: outcome.testedTree,
    };
    draft.put(
      announce(
        enter(batch, "landed", { landed: { commit: outcome.commit, tree: outcome.tree }, endedAt: draft.now }),
        batch.members.map(({ sqid, version }) =>
          statusEvent(sqid, "landed", draft.now, { version: version + 1, metadata }),
        ),
      ),
    );
    return;
  }
  if (batch.state !== "landing" || batch.landing?.landId !== landId) return;
  const { landing: _, ...grounded } = batch;
  if (outcome.kind === "refused") draft.put(failed(draft, grounded, outcome.reason));
  else if (outcome.kind === "skipped") draft.put(enter(grounded, "speculating"));
  else draft.put(retest(draft, grounded));
}

/** The trunk moved under the evidence: what had passed says nothing about the tree that would land now. */
function retest(draft: Draft, batch: Batch): Batch {
  const events = batch.members.map(({ sqid }) =>
    statusEvent(sqid, "speculating", draft.now, {
      occurrence: `${batch.id}/${batch.built}`,
      metadata: { batch_id: batch.id, why: "the trunk has moved: testing again" },
    }),
  );
  return announce(
    enter({ ...batch, paths: batch.paths.filter((path) => path.state !== "passed") }, "speculating"),
    events,
  );
}

/** The batch and its requests have failed, for `reason`. */
export const failed = (draft: Draft, batch: Batch, reason: Reason): Batch =>
  announce(
    enter(batch, "failed", { reason, endedAt: draft.now }),
    batch.members.map(({ sqid, version }) =>
      statusEvent(sqid, "error", draft.now, { version: version + 1, reason, metadata: { batch_id: batch.id } }),
    ),
  );
