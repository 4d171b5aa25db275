import { type BatchId, messageId } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import { type Batch, compareLandingOrder, enter, type Landing } from "../batch.ts";
import { bundleThatMayLand, evidenceFor, MOST_BYPASSED, mayLand } from "../evidence.ts";
import type { Evidence } from "../queue-index.ts";
import { announce, type Draft } from "./draft.ts";
import { selectRepair } from "./repair.ts";

/** A batch that may land, and the build that is the evidence for it. */
interface LandableBatch {
  readonly index: number;
  readonly evidence: Evidence;
  /** The batches of its bundle, itself included, when they can only land as a whole. */
  readonly bundle?: readonly number[];
}

/**
 * Every batch that the evidence covers, in landing order. Each is judged on the trunk as it will be once those selected before it have
 * landed.
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
  const compare = (a: number, b: number) => compareLandingOrder(index.batch(a), index.batch(b));
  const passed = [...index.batches.keys()].filter((i) => mayLand(index, i) && index.hasPassed(i)).sort(compare);
  const mostBypassed = draft.config.speculation.bypass ? MOST_BYPASSED : 0;
  for (const i of passed) {
    if (trunk.has(i)) continue;
    const evidence = evidenceFor(index, i, trunk, mostBypassed);
    if (evidence) {
      select(evidence, [i]);
      continue;
    }
    for (const build of index.evidenceOf(i)) {
      const together = landsTogether(draft, build);
      if (!build.passed || together.length < 2) continue;
      const bundle = bundleThatMayLand(index, build, together, trunk);
      if (!bundle) continue;
      select(build, bundle.sort(compare));
      break;
    }
  }
  return selected;
}

/** The batches that may land on one passed build only as a whole: its heads; where only the tip of a push has to be built, its base too. */
function landsTogether({ config }: Draft, { path }: Evidence): readonly BatchId[] {
  const isForTips = config.commitPoints === "pushes" && config.buildRunner.tests === "everything";
  return isForTips ? [...path.base, ...path.heads] : path.heads;
}

/** All selected batches start landing together: one decision, one message, one push. */
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

/** The batch that repairs a red trunk starts landing, ahead of all others. It has not been tested with them: they are built again on it. */
export function startRepair(draft: Draft): void {
  const repair = selectRepair(draft);
  if (repair === undefined) return;
  const batch = draft.index.batch(repair.index);
  const { buildKey, composed } = repair.evidence.path;
  if (!composed) throw new Error(`${buildKey} passed without having been composed`);
  const landId = messageId("land", batch.id, batch.version);
  enterLanding(draft, batch, { landId, landedTogether: [batch.id], buildKey, tested: composed, repair: true });
}

/** Puts the batch into `landing`. Its blocker is forgotten, so that it is announced again should the landing be skipped. */
function enterLanding(draft: Draft, { blocked: _, ...batch }: Batch, landing: Landing): void {
  const { buildKey, bypassed } = landing;
  const metadata = {
    batch_id: batch.id,
    build_key: buildKey,
    ...(bypassed === undefined ? {} : { bypassed: bypassed.length }),
  };
  const details = { occurrence: `${batch.id}/${buildKey}`, metadata };
  const { sqid } = batch.request;
  const events = [
    statusEvent(sqid, "speculated", draft.now, details),
    statusEvent(sqid, "landing", draft.now, details),
  ];
  draft.put(announce(enter(batch, "landing", { landing }), events));
}
