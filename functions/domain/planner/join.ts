import { batchIdOf, batchLabel, type Sqid } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import type { Batch, BatchRequest } from "../batch.ts";
import { conflictAnalyzer } from "../conflict.ts";
import type { LandingRequest } from "../request.ts";
import { announce, type Draft } from "./draft.ts";
import { needsProbation, takePosition } from "./probation.ts";

/** How many of a batch's conflicts its log entry names: those that arrived last. */
const MOST_NAMED = 20;

/**
 * Makes a batch of the request and adds it to the draft. The conflict analyzer picks the conflicts of the new batch from the unfinished
 * batches that are not being cancelled. The batch gets the next position or goes on probation (`needsProbation`).
 *
 * Does nothing when the request is not ready, when it is not known what the request touches, when the request has ended in this run, or when
 * the draft holds a batch of the request, even an ended one.
 */
export function join(draft: Draft, sqid: Sqid): void {
  const request = draft.snapshot.requests.get(sqid);
  if (request?.state !== "ready" || request.touches === undefined || draft.carrierOf(sqid)) return;
  const hasEndedInThisRun = draft.loose.some((event) => event.sqid === sqid);
  if (hasEndedInThisRun) return;
  const carriedRequest = { ...carried(request), touches: request.touches };
  const candidates = draft.unfinished().filter(({ state }) => state !== "cancelling");
  const analyzer = conflictAnalyzer(draft.config.conflictAnalyzer);
  const conflicts = analyzer.conflictsOf({ request: carriedRequest }, candidates);
  const batch = batchOf(draft, request, carriedRequest, conflicts);
  draft.queue = { ...draft.queue, nextArrival: batch.arrival + 1 };
  draft.put(needsProbation(draft, batch, conflicts) ? onProbation(draft, batch) : takePosition(draft, batch));
}

/** The new batch, without a position. `conflicts`: the unfinished batches that it conflicts with, by arrival. */
function batchOf(
  draft: Draft,
  { queue, priority = 0, priorityCount, version, author }: LandingRequest,
  request: BatchRequest,
  conflicts: readonly Batch[],
): Batch {
  const id = batchIdOf(request.sqid);
  const details = { occurrence: id, metadata: { batch_id: id } };
  const behind = conflicts.slice(-MOST_NAMED).map((batch) => batchLabel(batch.id));
  return {
    queue,
    id,
    arrival: draft.queue.nextArrival,
    nextPosition: draft.queue.nextPosition,
    priority,
    ...(priorityCount === undefined ? {} : { priorityCount }),
    request,
    conflicts: draft.config.conflictAnalyzer.type === "all" ? "every" : conflicts.map((other) => other.id),
    state: "speculating",
    paths: [],
    buildCount: 0,
    outbox: [
      statusEvent(request.sqid, "validated", draft.now, {
        version,
        metadata: author === undefined ? {} : { author },
      }),
      statusEvent(request.sqid, "batching", draft.now, details),
      statusEvent(request.sqid, "batched", draft.now, {
        ...details,
        metadata: { batch_id: id, behind: behind.join(" ") },
      }),
    ],
    concluded: false,
    createdAt: draft.now,
    version: 0,
  };
}

/** The batch, without a position, with the log entry that says that it is on probation. */
const onProbation = (draft: Draft, batch: Batch): Batch =>
  announce(batch, [
    statusEvent(batch.request.sqid, "speculating", draft.now, {
      occurrence: `${batch.id}/probation`,
      metadata: {
        batch_id: batch.id,
        why: "on probation: no other change is built on top of this one until one of its own builds has passed",
      },
    }),
  ]);

/** What a batch keeps of its request, without what the request touches. */
const carried = ({ sqid, changes, strategy, receivedAt, version }: LandingRequest): Omit<BatchRequest, "touches"> => ({
  sqid,
  changes,
  strategy,
  receivedAt,
  version,
});
