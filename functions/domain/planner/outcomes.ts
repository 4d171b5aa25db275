import { type BuildKey, batchLabel } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import type { LandOutcome } from "../../contracts/messages/landing-messages.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { type Batch, batchHasEnded, enter } from "../batch.ts";
import { type History, learnOutcome } from "../speculation/history.ts";
import { usesHistory } from "../speculation/scorer.ts";
import { countRejection } from "../trunk.ts";
import { announce, type Draft } from "./draft.ts";

/** Runway's answer about a batch that has landed. */
export type Landed = Extract<LandOutcome, { kind: "landed" }>;

/**
 * The batch as landed, with the log entry for its request. The caller puts the batch into the draft. Teaches the scorer that the change has
 * passed.
 *
 * A batch that had failed or been cancelled before can land after all. Then `concluded` is false again, so that its request is ended as landed,
 * and the log entry has a greater version than the entry about the first end, so that it outweighs that entry.
 */
export function landed(draft: Draft, batch: Batch, outcome: Landed): Batch {
  const { commit, tree, testedTree, commits, note } = outcome;
  const { sqid, version } = batch.request;
  const bypassed = (batch.landing?.bypassed ?? []).filter((id) => draft.lookup(id)?.state !== "landed");
  const metadata = {
    batch_id: batch.id,
    // A batch that added nothing has no commit: `commit` is where the trunk was, the commit of another batch.
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
  const { reason: _, ...rest } = batch;
  return announce(enter(rest, "landed", { landed: { commit, tree }, endedAt: draft.now, concluded: false }), [
    statusEvent(sqid, "landed", draft.now, { version: end, reason: note, metadata }),
  ]);
}

/**
 * The batch as failed for `reason`, with the log entry for its request. `buildKey` names the build that decided, if one did. The caller puts
 * the batch into the draft. Only a build that failed or timed out teaches the scorer, and counts as a rejection on this trunk. Other reasons
 * say nothing about how likely changes are to pass.
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

/**
 * The batch without its landing, because it was not landed. `why` is told to the log. The batch goes back to `speculating`, or to `cancelling`
 * when its caller has cancelled it while it was landing (`reason`). The caller puts the batch into the draft.
 */
export function notLanded(draft: Draft, { landing, ...batch }: Batch, why: string): Batch {
  const details = {
    occurrence: `${batch.id}/${landing?.landId}`,
    metadata: { batch_id: batch.id, why },
  };
  const back = enter(batch, batch.reason === undefined ? "speculating" : "cancelling");
  return announce(back, [statusEvent(batch.request.sqid, "speculating", draft.now, details)]);
}

/** The batch as cancelled, with the log entry for its request. The caller puts the batch into the draft. */
export function cancelled(draft: Draft, batch: Batch): Batch {
  const { sqid, version } = batch.request;
  const details = { version: version + 1, reason: batch.reason, metadata: { batch_id: batch.id } };
  return announce(enter(batch, "cancelled", { endedAt: draft.now }), [
    statusEvent(sqid, "cancelled", draft.now, details),
  ]);
}

/** Changes what the queue has learned, if its scorer learns. */
function learn(draft: Draft, step: (history: History | undefined) => History): void {
  if (usesHistory(draft.config.speculation.scorer))
    draft.queue = { ...draft.queue, history: step(draft.queue.history) };
}
