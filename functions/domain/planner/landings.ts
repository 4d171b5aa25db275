import type { BatchId } from "../../contracts/ids.ts";
import { happeningEvent, statusEvent } from "../../contracts/log-event.ts";
import type { LandOutcome, SignalOf } from "../../contracts/messages.ts";
import { type Batch, batchHasEnded, enter } from "../batch.ts";
import { learnCommit, learnLanding } from "../trunk.ts";
import { announce, type Draft } from "./draft.ts";
import { failed, landed } from "./outcomes.ts";

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

type Landed = Extract<LandOutcome, { kind: "landed" }>;

/**
 * Takes note of how runway's landing of one batch ended. `landed` is always believed, since what is on the trunk is on the trunk. Any other
 * outcome counts only when it answers the landing that the batch is in now. Answers a landing that was not known.
 */
function recordLanding(draft: Draft, landId: string, batchId: BatchId, outcome: LandOutcome): Landed | undefined {
  const batch = draft.lookup(batchId);
  if (!batch || batchHasEnded(batch)) return undefined;
  if (outcome.kind === "landed") {
    draft.put(landed(draft, batch, outcome));
    return outcome;
  }
  recordNotLanded(draft, landId, batch, outcome);
  return undefined;
}

function recordNotLanded(draft: Draft, landId: string, batch: Batch, outcome: Exclude<LandOutcome, Landed>): void {
  if (batch.state !== "landing" || batch.landing?.landId !== landId) return;
  const { landing: _, ...rest } = batch;
  if (outcome.kind === "refused") draft.put(failed(draft, rest, outcome.reason));
  else if (outcome.kind === "skipped") draft.put(enter(rest, "speculating"));
  else {
    draft.trunk = learnCommit(draft.trunk, outcome.trunk, draft.now);
    draft.put(retest(draft, rest));
  }
}

/** How long a landing that the host refuses is tried again before its requests end. */
export const HOLD_MS = 3_600_000;

/** The host refuses the landing, and no change is at fault. The batch stays in `landing` and is sent again, for an hour at most. */
export function recordHeld(draft: Draft, { landId, reason }: SignalOf<"land-held">, batchId: BatchId): void {
  const batch = draft.lookup(batchId);
  if (batch?.state !== "landing" || batch.landing?.landId !== landId) return;
  const { landing, ...rest } = batch;
  const since = landing.held?.since ?? draft.now;
  if (draft.now - since >= HOLD_MS) {
    draft.put(failed(draft, rest, reason));
    return;
  }
  if (landing.held?.reason.message === reason.message) return;
  const details = { occurrence: `${landId}/${draft.now}`, reason, metadata: { batch_id: batchId, blocker: "host" } };
  const event = happeningEvent(batch.request.sqid, "blocked", draft.now, details);
  draft.put(announce({ ...batch, landing: { ...landing, held: { since, reason } } }, [event]));
}

/** The trunk was moved by someone else, so no earlier build says anything about the tree that would land: the batch is built again. */
function retest(draft: Draft, batch: Batch): Batch {
  draft.queue = { ...draft.queue, evidenceSince: draft.now };
  const event = statusEvent(batch.request.sqid, "speculating", draft.now, {
    occurrence: `${batch.id}/${batch.buildCount}`,
    metadata: { batch_id: batch.id, why: "the trunk has moved: testing again" },
  });
  return announce(enter(batch, "speculating"), [event]);
}
