import { type BatchId, sqidOfBatch } from "../../contracts/ids.ts";
import { happeningEvent, statusEvent } from "../../contracts/log-event.ts";
import type { LandOutcome, SignalOf } from "../../contracts/messages.ts";
import { type Batch, enter } from "../batch.ts";
import { learnCommit, learnLanding } from "../trunk.ts";
import { announce, type Draft } from "./draft.ts";
import { failed, type Landed, landed } from "./outcomes.ts";

/** Takes note of how runway's landing of some batches ended, and of where the trunk is since. */
export function recordLandings(
  draft: Draft,
  { landId, results }: Pick<SignalOf<"land-finished">, "landId" | "results">,
): void {
  const landings = results.flatMap(({ batchId, outcome }) => recordLanding(draft, landId, batchId, outcome) ?? []);
  for (const [position, { onto, commit, tree, testedTree }] of landings.entries()) {
    const isLastOfPush = landings[position + 1]?.onto !== onto || onto === undefined;
    const isTested = tree === testedTree && draft.config.buildRunner.tests === "everything";
    if (isLastOfPush) draft.trunk = learnLanding(draft.trunk, { onto, tip: commit, isTested }, draft.now);
  }
}

/**
 * Takes note of how runway's landing of one batch ended. `landed` always counts, because the trunk holds the change: also when the batch has
 * failed or was cancelled meanwhile, or has been archived since. Any other outcome counts only when it answers the landing that the batch is
 * in now. Answers a landing that was not known before.
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

function recordNotLanded(
  draft: Draft,
  landId: string,
  batch: Batch | undefined,
  outcome: Exclude<LandOutcome, Landed>,
): void {
  if (batch?.state !== "landing" || batch.landing?.landId !== landId) return;
  const { landing: _, ...rest } = batch;
  if (outcome.kind === "refused") draft.put(failed(draft, rest, outcome.reason));
  else if (outcome.kind === "skipped") draft.put(enter(rest, "speculating"));
  else {
    draft.trunk = learnCommit(draft.trunk, outcome.trunk, draft.now);
    draft.put(retest(draft, rest));
  }
}

/**
 * The request of a batch that is not live any more ends as landed, and the log says so. A repeat announces the same entry. True when the request
 * had not ended as landed before.
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

/** How long a landing that the host refuses is tried again before its requests end. */
export const HOLD_MS = 3_600_000;

/** The host refuses the landing, and no change is at fault. The batch stays in `landing` and is sent again, for an hour at most. */
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

/** A push from outside the queue moved the trunk, so no earlier build says anything about the tree that would land: the batch is built again. */
function retest(draft: Draft, batch: Batch): Batch {
  draft.queue = { ...draft.queue, evidenceSince: draft.now };
  const event = statusEvent(batch.request.sqid, "speculating", draft.now, {
    occurrence: `${batch.id}/${batch.buildCount}`,
    metadata: { batch_id: batch.id, why: "the trunk has moved: testing again" },
  });
  return announce(enter(batch, "speculating"), [event]);
}
