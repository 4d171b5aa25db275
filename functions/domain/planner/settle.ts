import { messageId } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import { type Batch, enter, goesAhead, type Landing, pathIsActive } from "../batch.ts";
import { bundleEvidence, evidenceFor, isUseless, MOST_BYPASSED, verdictAgainst } from "../evidence.ts";
import type { Evidence } from "../queue-index.ts";
import { announce, type Draft } from "./draft.ts";
import { failed } from "./fold.ts";
import { endProbation } from "./probation.ts";

/** Step 2: gives up the builds of guesses that reality has contradicted, and of batches that need no more evidence. */
export function refute(draft: Draft): void {
  for (const batch of draft.batches()) {
    const useless = new Set(batch.paths.filter((path) => path.state === "building" && isUseless(draft.index, path)));
    if (useless.size === 0) continue;
    const paths = batch.paths.map((path) => (useless.has(path) ? { ...path, state: "cancelling" as const } : path));
    draft.put({ ...batch, paths });
  }
}

/** Steps 2 and 3. What fails or stops is settled first, to a fixed point; then everything that may land leaves on one train. */
export function settle(draft: Draft): void {
  revertPartialBundles(draft);
  endProbation(draft);
  for (let moved = true; moved; ) {
    refute(draft);
    moved = false;
    for (const batch of draft.unfinished()) {
      const next = stopped(draft, batch);
      if (next === batch) continue;
      draft.put(next);
      moved = true;
    }
  }
  if (draft.queue.paused) return;
  startLanding(draft, selectLandable(draft));
  refute(draft);
}

/** A bundle whose departure was cut off between its writes has not been sent: it lands all or none, so what was written stays behind. */
function revertPartialBundles(draft: Draft): void {
  for (const batch of draft.batches()) {
    const { landing, ...grounded } = batch;
    if (batch.state !== "landing" || landing?.bundle === undefined || landing.sentAt !== undefined) continue;
    const isWhole = landing.bundle.every((id) => draft.lookup(id)?.landing?.landId === landing.landId);
    if (!isWhole) draft.put(enter(grounded, "speculating"));
  }
}

/** The batch at its end, if it has failed or its last build has stopped after it was cancelled. */
function stopped(draft: Draft, batch: Batch): Batch {
  if (batch.state === "cancelling") return batch.paths.some(pathIsActive) ? batch : cancelled(draft, batch);
  if (batch.state !== "speculating") return batch;
  const verdict = verdictAgainst(draft.index, slotOf(draft, batch))?.path;
  return verdict?.reason ? failed(draft, batch, verdict.reason, verdict.buildKey) : batch;
}

const slotOf = (draft: Draft, batch: Batch): number => {
  const i = draft.index.indexOf(batch.id);
  if (i === undefined) throw new Error(`${batch.id} is not in the index`);
  return i;
};

const cancelled = (draft: Draft, batch: Batch): Batch =>
  announce(
    enter(batch, "cancelled", { endedAt: draft.now }),
    batch.members.map(({ sqid, version }) =>
      statusEvent(sqid, "cancelled", draft.now, {
        version: version + 1,
        reason: batch.reason,
        metadata: { batch_id: batch.id },
      }),
    ),
  );

/** A batch with its evidence; `group` when it lands with others, all or none. */
interface LandableBatch {
  readonly i: number;
  readonly evidence: Evidence;
  readonly group?: readonly number[];
}

/** Everything that the evidence covers, in landing order: each given that those that have boarded before it land. */
function selectLandable(draft: Draft): LandableBatch[] {
  const { index } = draft;
  const passengers: LandableBatch[] = [];
  const trunk = index.landed.copy();
  const mayLand = (i: number) => index.batch(i).state === "speculating" && index.batch(i).position !== undefined;
  const take = (...indexes: number[]) => {
    for (const i of indexes) trunk.add(i);
  };
  const queue = index.batches
    .map((_, i) => i)
    .filter((i) => mayLand(i) && index.hasPassed(i))
    .sort((a, b) => (goesAhead(index.batch(a), index.batch(b)) ? -1 : 1));
  const most = draft.config.speculation.bypass ? MOST_BYPASSED : 0;
  for (const i of queue) {
    if (trunk.has(i)) continue;
    const evidence = evidenceFor(index, i, trunk, most);
    if (evidence) {
      passengers.push({ i, evidence });
      take(i);
      continue;
    }
    for (const build of index.evidenceOf(i)) {
      if (!build.passed || build.path.heads.length < 2) continue;
      const group = bundleEvidence(index, build, trunk, mayLand);
      if (!group) continue;
      const sorted = group.sort((a, b) => (goesAhead(index.batch(a), index.batch(b)) ? -1 : 1));
      for (const member of sorted) passengers.push({ i: member, evidence: build, group: sorted });
      take(...sorted);
      break;
    }
  }
  return passengers;
}

/** Those that boarded leave together: one decision, one message, one push. */
function startLanding(draft: Draft, passengers: readonly LandableBatch[]): void {
  if (passengers.length === 0) return;
  const { index } = draft;
  const train = passengers.map(({ i }) => index.batch(i).id);
  const landId = messageId("land", ...train, ...passengers.map(({ i }) => index.batch(i).version));
  const boarded = new Set(passengers.map(({ i }) => i));
  for (const { i, evidence, group } of passengers) {
    const batch = index.batch(i);
    const { buildKey, composed } = evidence.path;
    if (!composed) throw new Error(`${buildKey} passed without having been composed`);
    const bypassed = index.undecidedAhead(i).filter((other) => !boarded.has(other));
    const landing: Landing = {
      landId,
      landedTogether: train,
      buildKey,
      tested: composed,
      ...(group ? { bundle: group.map((member) => index.batch(member).id) } : {}),
      ...(bypassed.length > 0 ? { bypassed: bypassed.map((other) => index.batch(other).id) } : {}),
    };
    const details = {
      occurrence: `${batch.id}/${buildKey}`,
      metadata: {
        batch_id: batch.id,
        build_key: buildKey,
        ...(bypassed.length > 0 ? { bypassed: bypassed.length } : {}),
      },
    };
    draft.put(
      announce(
        enter(unblocked(batch), "landing", { landing }),
        batch.members.flatMap(({ sqid }) => [
          statusEvent(sqid, "speculated", draft.now, details),
          statusEvent(sqid, "landing", draft.now, details),
        ]),
      ),
    );
  }
}

/** Should it come back from its landing, what holds it up is said anew. */
const unblocked = ({ blocked: _, ...batch }: Batch): Batch => batch;
