import { type BatchId, sqidOfBatch } from "../../contracts/ids.ts";
import { happeningEvent, statusEvent } from "../../contracts/log-event.ts";
import type { LandOutcome } from "../../contracts/messages/landing-messages.ts";
import type { SignalOf } from "../../contracts/messages/signals.ts";
import type { Batch } from "../batch.ts";
import { learnCommit, learnLanding } from "../trunk.ts";
import { announce, type Draft } from "./draft.ts";
import { failed, type Landed, landed, notLanded } from "./outcomes.ts";

/**
 * Takes note of runway's answer about a landing: how it ended for each batch, and which commit the trunk is at since. Answers about a landing
 * that the planner has given up count only where a batch has landed. A repeat changes nothing.
 */
export function recordLandings(
  draft: Draft,
  { landId, results }: Pick<SignalOf<"land-finished">, "landId" | "results">,
): void {
  const landings = results.flatMap(({ batchId, outcome }) => recordLanding(draft, landId, batchId, outcome) ?? []);
  for (const [i, { onto, commit, tree, testedTree }] of landings.entries()) {
    // The batches of one push name the same commit `onto`.
    const isLastOfPush = landings[i + 1]?.onto !== onto || onto === undefined;
    const isTested = tree === testedTree && draft.config.buildRunner.tests === "everything";
    if (isLastOfPush) draft.trunk = learnLanding(draft.trunk, { onto, tip: commit, isTested }, draft.now);
  }
}

/**
 * Takes note of how the landing ended for one batch. The outcome `landed` always counts, because the trunk holds the change: also when the
 * batch has failed, was cancelled or has been archived meanwhile. Any other outcome counts only when `landId` names the landing that the batch
 * is in now. Returns the outcome when the batch has landed and that was not known before. Undefined otherwise.
 *
 * Example: the host refuses the landing of A for an hour, so A fails. A copy of the message that was still on its way lands A. A becomes
 * `landed`, its request too, and batches that conflict with A and have not landed are built again with A.
 */
function recordLanding(draft: Draft, landId: string, batchId: BatchId, outcome: LandOutcome): Landed | undefined {
  const batch = draft.lookup(batchId);
  if (outcome.kind !== "landed") {
    recordNotLanded(draft, landId, batch, outcome);
    return undefined;
  }
  if (batch === undefined) return landedUnseen(draft, batchId, outcome) ? outcome : undefined;
  if (batch.state === "landed") return undefined;
  draft.put(landed(draft, batch, outcome));
  return outcome;
}

/**
 * The batch was not landed. refused: the batch fails. skipped: the batch goes back to `speculating`, with its evidence. stale: the batch goes
 * back to `speculating` and is built again: a push from outside the queue moved the trunk, so from now on no earlier build of the queue is
 * evidence (`evidenceSince`). Does nothing when the batch is not in this landing.
 */
function recordNotLanded(
  draft: Draft,
  landId: string,
  batch: Batch | undefined,
  outcome: Exclude<LandOutcome, Landed>,
): void {
  if (batch?.state !== "landing" || batch.landing?.landId !== landId) return;
  const { landing: _, ...rest } = batch;
  switch (outcome.kind) {
    case "refused":
      draft.put(failed(draft, rest, outcome.reason));
      return;
    case "skipped":
      draft.put(notLanded(draft, batch, "another request of the same push did not land"));
      return;
    case "stale":
      draft.trunk = learnCommit(draft.trunk, outcome.trunk, draft.now);
      draft.queue = { ...draft.queue, evidenceSince: draft.now };
      draft.put(notLanded(draft, batch, "the trunk has moved: testing again"));
      return;
  }
}

/**
 * Ends the request of a batch that is not live any more as landed, and tells the log. A repeat tells the log the same entry. True when the
 * request had not ended as landed before.
 */
function landedUnseen(draft: Draft, batchId: BatchId, { commit, tree, testedTree, note }: Landed): boolean {
  const sqid = sqidOfBatch(batchId);
  const request = draft.snapshot.requests.get(sqid);
  if (request === undefined) return false;
  const version = request.version + (request.state === "landed" ? 0 : 1);
  const metadata = { batch_id: batchId, commit, tree, tested_tree: testedTree };
  draft.loose.push(statusEvent(sqid, "landed", draft.now, { version, reason: note, metadata }));
  return request.state !== "landed";
}

/** How long the planner goes on sending a landing that the host refuses, before the batches of the landing fail. */
export const HOLD_MS = 3_600_000;

/**
 * Takes note that the host refuses the push, though no change is at fault. The batch stays in `landing`, and its landing is sent again. When
 * the host has refused for HOLD_MS, the batch fails for the host's reason. Tells the log when the reason is another one than before.
 */
export function recordHeld(draft: Draft, { landId, reason }: SignalOf<"land-held">, batchId: BatchId): void {
  const batch = draft.lookup(batchId);
  if (batch?.state !== "landing" || batch.landing?.landId !== landId) return;
  const { landing } = batch;
  const since = landing.held?.since ?? draft.now;
  if (draft.now - since >= HOLD_MS) {
    draft.put(failed(draft, batch, reason));
    return;
  }
  if (landing.held?.reason.message === reason.message) return;
  const details = { occurrence: `${landId}/${draft.now}`, reason, metadata: { batch_id: batchId, blocker: "host" } };
  const event = happeningEvent(batch.request.sqid, "blocked", draft.now, details);
  draft.put(announce({ ...batch, landing: { ...landing, held: { since, reason } } }, [event]));
}
