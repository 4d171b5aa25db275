import { type BuildKey, batchLabel } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import type { LandOutcome } from "../../contracts/messages.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { type Batch, batchHasEnded, enter } from "../batch.ts";
import { type History, learnOutcome } from "../speculation/history.ts";
import { usesHistory } from "../speculation/scorer.ts";
import { countRejection } from "../trunk.ts";
import { announce, type Draft } from "./draft.ts";

export type Landed = Extract<LandOutcome, { kind: "landed" }>;

/**
 * The batch, landed, with the log entry for its request. Teaches the scorer that the change has passed. A batch that had ended otherwise is
 * not concluded any more, and the entry has a greater version than the entry about the other end.
 */
export function landed(draft: Draft, batch: Batch, outcome: Landed): Batch {
  const { commit, tree, testedTree, commits, note } = outcome;
  const { sqid, version } = batch.request;
  const bypassed = (batch.landing?.bypassed ?? []).filter((id) => draft.lookup(id)?.state !== "landed");
  const metadata = {
    batch_id: batch.id,
    // Of a batch that added nothing, `commit` is where the trunk was: another batch's commit.
    ...(commits.length > 0 ? { commit } : {}),
    tree,
    tested_tree: testedTree,
    ...(batch.landing
      ? { build_key: batch.landing.buildKey, landed_together: batch.landing.landedTogether.length }
      : {}),
    ...(bypassed.length > 0 ? { bypassed: bypassed.map(batchLabel).join(" ") } : {}),
    ...(batch.landing?.repair ? { repair: true } : {}),
  };
  learn(draft, (history) => learnOutcome(history, batch.request, true));
  const end = version + (batchHasEnded(batch) ? 2 : 1);
  return announce(enter(batch, "landed", { landed: { commit, tree }, endedAt: draft.now, concluded: false }), [
    statusEvent(sqid, "landed", draft.now, { version: end, reason: note, metadata }),
  ]);
}

/**
 * The batch, failed for `reason`, with the log entry for its request. Only a build that failed or timed out teaches the scorer: other
 * failures say nothing about how likely changes are to pass.
 */
export function failed(draft: Draft, batch: Batch, reason: Reason, buildKey?: BuildKey): Batch {
  const { sqid, version } = batch.request;
  if (reason.code === "build.failed" || reason.code === "build.timed_out") {
    learn(draft, (history) => learnOutcome(history, batch.request, false));
    draft.trunk = countRejection(draft.trunk);
  }
  const metadata = { batch_id: batch.id, ...(buildKey ? { build_key: buildKey } : {}) };
  return announce(enter(batch, "failed", { reason, endedAt: draft.now }), [
    statusEvent(sqid, "error", draft.now, { version: version + 1, reason, metadata }),
  ]);
}

/** The batch, cancelled, with the log entry for its request. */
export function cancelled(draft: Draft, batch: Batch): Batch {
  const { sqid, version } = batch.request;
  const details = { version: version + 1, reason: batch.reason, metadata: { batch_id: batch.id } };
  return announce(enter(batch, "cancelled", { endedAt: draft.now }), [
    statusEvent(sqid, "cancelled", draft.now, details),
  ]);
}

function learn(draft: Draft, step: (history: History | undefined) => History): void {
  if (usesHistory(draft.config.speculation.scorer))
    draft.queue = { ...draft.queue, history: step(draft.queue.history) };
}
