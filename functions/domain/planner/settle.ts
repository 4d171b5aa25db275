import { type Batch, enter, pathIsActive } from "../batch.ts";
import { verdictAgainst } from "../evidence.ts";
import type { Draft } from "./draft.ts";
import { cancelled, failed } from "./outcomes.ts";
import { refute } from "./refute.ts";
import { selectLandable, startLanding, startRepair } from "./start-landing.ts";

/**
 * Step 3. Failures and cancellations first, to a fixed point, because each of them may decide another batch. Example: A fails, so the build
 * of H on {A} no longer counts, but the failure of {H} does: H fails in the same run. Then everything that the evidence covers starts
 * landing; while the trunk is red, only a repair of the trunk does.
 */
export function settle(draft: Draft): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const batch of draft.unfinished()) {
      const next = ended(draft, batch);
      if (next === batch) continue;
      draft.put(next);
      changed = true;
    }
    if (changed) refute(draft);
  }
  if (draft.queue.paused) return;
  if (draft.trunk.red === undefined) startLanding(draft, selectLandable(draft));
  else startRepair(draft);
  refute(draft);
}

/**
 * A crash left only some batches of a bundle in `landing`. The land message was not sent, so they are put back to `speculating`: a bundle
 * lands as a whole or not at all.
 */
export function revertPartialBundles(draft: Draft): void {
  for (const batch of draft.batches()) {
    const { landing, ...rest } = batch;
    if (batch.state !== "landing" || landing?.bundle === undefined || landing.sentAt !== undefined) continue;
    const isWhole = landing.bundle.every((id) => draft.lookup(id)?.landing?.landId === landing.landId);
    if (!isWhole) draft.put(enter(rest, "speculating"));
  }
}

/**
 * The batch as it ends when a verdict is out against it, or when it is being cancelled and its last build has stopped. Else the same
 * object.
 */
function ended(draft: Draft, batch: Batch): Batch {
  if (batch.state === "cancelling") return batch.paths.some(pathIsActive) ? batch : cancelled(draft, batch);
  if (batch.state !== "speculating") return batch;
  const i = draft.index.indexOf(batch.id);
  if (i === undefined) throw new Error(`${batch.id} is not in the index`);
  const verdict = verdictAgainst(draft.index, i)?.path;
  return verdict?.reason ? failed(draft, batch, verdict.reason, verdict.buildKey) : batch;
}
