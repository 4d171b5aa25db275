import { type Batch, pathIsActive } from "../batch.ts";
import { rejectingBuild } from "../evidence.ts";
import type { Draft } from "./draft.ts";
import { cancelled, failed, notLanded } from "./outcomes.ts";
import { refute } from "./refute.ts";
import { selectLandable, startLanding, startRepair } from "./start-landing.ts";

/**
 * Step 3 of a run of the planner (`plan`): ends batches, starts landings, and gives up the builds that both made useless (`refute`).
 * 1. Batches that are to fail, and cancelled batches whose builds have stopped, end. This is repeated until no further batch ends, because each
 *    end may decide another batch. Example: A fails, so the build of {A, H} no longer counts, but the failed build of {H} does: H fails too.
 * 2. Every batch that has evidence starts to land. While the trunk is red, only a repair does. While the queue is paused, no batch does.
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
  }
  if (!draft.queue.paused) {
    if (draft.trunk.red === undefined) startLanding(draft, selectLandable(draft));
    else startRepair(draft);
  }
  refute(draft);
}

/**
 * Puts the batches of a bundle back to `speculating` when a crash left only some of them in `landing`. The land message was not sent then, and
 * a bundle lands as a whole or not at all.
 */
export function revertPartialBundles(draft: Draft): void {
  for (const batch of draft.batches()) {
    const { landing } = batch;
    if (batch.state !== "landing" || landing?.bundle === undefined || landing.sentAt !== undefined) continue;
    const isWhole = landing.bundle.every((id) => draft.lookup(id)?.landing?.landId === landing.landId);
    if (!isWhole) draft.put(notLanded(draft, batch, "the landing was not handed over"));
  }
}

/**
 * The batch as failed when a failed build rejects it (`rejectingBuild`), or as cancelled when it is being cancelled and its last build has
 * stopped. Otherwise the same object.
 */
function ended(draft: Draft, batch: Batch): Batch {
  if (batch.state === "cancelling") return batch.paths.some(pathIsActive) ? batch : cancelled(draft, batch);
  if (batch.state !== "speculating") return batch;
  const i = draft.index.indexOf(batch.id);
  if (i === undefined) throw new Error(`${batch.id} is not in the index`);
  const build = rejectingBuild(draft.index, i)?.path;
  return build?.reason ? failed(draft, batch, build.reason, build.buildKey) : batch;
}
