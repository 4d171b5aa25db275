import { type BatchId, messageId } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import { type Batch, enter, type Landing } from "../batch.ts";
import type { BitSet } from "../bit-set.ts";
import { bundleThatMayLand, evidenceFor, MOST_BYPASSED, mayLand } from "../evidence.ts";
import type { Evidence } from "../queue-index.ts";
import { compareIndexes } from "../speculation/heads.ts";
import { announce, type Draft } from "./draft.ts";
import { selectRepair } from "./repair.ts";

/** A batch that may land, and the build that is the evidence for it. */
interface LandableBatch {
  readonly index: number;
  readonly evidence: Evidence;
  /** The batches of its bundle, this batch included, in landing order. Absent when the batch may land by itself. */
  readonly bundle?: readonly number[];
}

/**
 * Every batch that may land, by the evidence. Each batch is judged on the trunk as it will be once the batches selected before it have landed.
 * A batch comes after all selected batches that are ahead of it. The batches of a bundle come one after the other.
 *
 * Example: A ← B have passed, A alone and B on {A}. A is selected. B is selected too, because its build agrees with a trunk that holds A.
 */
export function selectLandable(draft: Draft): LandableBatch[] {
  const { index } = draft;
  const selected: LandableBatch[] = [];
  const trunk = index.landed.copy();
  const select = (evidence: Evidence, batches: readonly number[]) => {
    const bundle = batches.length > 1 ? { bundle: batches } : {};
    for (const i of batches) {
      selected.push({ index: i, evidence, ...bundle });
      trunk.add(i);
    }
  };
  const passed = [...index.batches.keys()].filter((i) => mayLand(index, i) && index.hasPassed(i));
  const mostBypassed = draft.config.speculation.bypass ? MOST_BYPASSED : 0;
  for (const i of passed.sort((a, b) => compareIndexes(index, a, b))) {
    if (trunk.has(i)) continue;
    const evidence = evidenceFor(index, i, trunk, mostBypassed);
    if (evidence) {
      select(evidence, [i]);
      continue;
    }
    const bundle = bundleOf(draft, i, trunk);
    if (bundle) select(bundle.evidence, bundle.batches);
  }
  return selected;
}

/** The first passed build of batch i that allows several batches to land on `trunk` as a whole, and these batches in landing order. */
function bundleOf(
  draft: Draft,
  i: number,
  trunk: BitSet,
): { readonly evidence: Evidence; readonly batches: readonly number[] } | undefined {
  const { index } = draft;
  for (const build of index.evidenceOf(i)) {
    const together = landsTogether(draft, build);
    if (!build.passed || together.length < 2) continue;
    const batches = bundleThatMayLand(index, build, together, trunk);
    if (batches) return { evidence: build, batches: batches.sort((a, b) => compareIndexes(index, a, b)) };
  }
  return undefined;
}

/**
 * The batches that the passed build allows to land as a whole: its heads. With commit points `pushes`, where only the last commit of a push
 * has to have been built, its base too.
 */
function landsTogether({ config }: Draft, { path }: Evidence): readonly BatchId[] {
  const isForTips = config.commitPoints === "pushes" && config.buildRunner.tests === "everything";
  return isForTips ? [...path.base, ...path.heads] : path.heads;
}

/** Puts all selected batches into `landing` under one landId, so that runway lands them in one push. Does nothing when none is selected. */
export function startLanding(draft: Draft, selected: readonly LandableBatch[]): void {
  if (selected.length === 0) return;
  const { index } = draft;
  const idOf = (i: number) => index.batch(i).id;
  const landedTogether = selected.map((one) => idOf(one.index));
  const landId = messageId("land", ...landedTogether, ...selected.map((one) => index.batch(one.index).version));
  const together = new Set(selected.map((one) => one.index));
  for (const { index: i, evidence, bundle } of selected) {
    const { buildKey, composed } = evidence.path;
    if (!composed) throw new Error(`${buildKey} passed without having been composed`);
    const bypassed = index.undecidedAhead(i).filter((other) => !together.has(other));
    enterLanding(draft, index.batch(i), {
      landId,
      landedTogether,
      buildKey,
      tested: composed,
      ...(bundle ? { bundle: bundle.map(idOf) } : {}),
      ...(bypassed.length > 0 ? { bypassed: bypassed.map(idOf) } : {}),
    });
  }
}

/**
 * Puts the batch that repairs the red trunk (`selectRepair`) into `landing`, ahead of all others. Does nothing when there is none. The other
 * batches were not tested with the repair, so they are built again on top of it.
 */
export function startRepair(draft: Draft): void {
  const repair = selectRepair(draft);
  if (repair === undefined) return;
  const batch = draft.index.batch(repair.index);
  const { buildKey, composed } = repair.evidence.path;
  if (!composed) throw new Error(`${buildKey} passed without having been composed`);
  const landId = messageId("land", batch.id, batch.version);
  enterLanding(draft, batch, { landId, landedTogether: [batch.id], buildKey, tested: composed, repair: true });
}

/** Puts the batch into `landing`. Removes `blocked`, so that the log is told the blocker again in case the landing is skipped. */
function enterLanding(draft: Draft, { blocked: _, ...batch }: Batch, landing: Landing): void {
  const { landId, buildKey, bypassed } = landing;
  const metadata = {
    batch_id: batch.id,
    build_key: buildKey,
    ...(bypassed === undefined ? {} : { bypassed: bypassed.length }),
  };
  const details = { occurrence: `${batch.id}/${landId}`, metadata };
  const { sqid } = batch.request;
  const events = [
    statusEvent(sqid, "speculated", draft.now, details),
    statusEvent(sqid, "landing", draft.now, details),
  ];
  draft.put(announce(enter(batch, "landing", { landing }), events));
}
