import { messageId } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import { type Batch, enter, goesAhead, type Landing, pathIsActive } from "../batch.ts";
import { addBit, hasBit } from "../bits.ts";
import { bundleEvidence, evidenceFor, isUseless, MOST_BYPASSED, verdictAgainst } from "../evidence.ts";
import type { Fact } from "../field.ts";
import { announce, type Draft } from "./draft.ts";
import { failed } from "./fold.ts";
import { endProbation } from "./order.ts";

/** Step 2: gives up the builds of guesses that reality has contradicted, and of batches that need no more evidence. */
export function refute(draft: Draft): void {
  for (const batch of draft.batches()) {
    const useless = new Set(batch.paths.filter((path) => path.state === "building" && isUseless(draft.field, path)));
    if (useless.size === 0) continue;
    const paths = batch.paths.map((path) => (useless.has(path) ? { ...path, state: "cancelling" as const } : path));
    draft.put({ ...batch, paths });
  }
}

/** Steps 2 and 3. What fails or stops is settled first, to a fixed point; then everything that may land leaves on one train. */
export function settle(draft: Draft): void {
  ground(draft);
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
  depart(draft, board(draft));
  refute(draft);
}

/** A bundle whose departure was cut off between its writes has not been sent: it lands all or none, so what was written stays behind. */
function ground(draft: Draft): void {
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
  const verdict = verdictAgainst(draft.field, slotOf(draft, batch))?.path;
  return verdict?.reason ? failed(draft, batch, verdict.reason, verdict.buildKey) : batch;
}

const slotOf = (draft: Draft, batch: Batch): number => {
  const slot = draft.field.slotOf(batch.id);
  if (slot === undefined) throw new Error(`${batch.id} is not in the field`);
  return slot;
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
interface Passenger {
  readonly slot: number;
  readonly evidence: Fact;
  readonly group?: readonly number[];
}

/** Everything that the evidence covers, in landing order: each given that those that have boarded before it land. */
function board(draft: Draft): Passenger[] {
  const { field } = draft;
  const passengers: Passenger[] = [];
  const trunk = field.landed.slice();
  const mayLand = (slot: number) => field.batch(slot).state === "speculating" && field.batch(slot).order !== undefined;
  const take = (...slots: number[]) => {
    for (const slot of slots) addBit(trunk, slot);
  };
  const queue = field.batches
    .map((_, slot) => slot)
    .filter((slot) => mayLand(slot) && field.hasPassed(slot))
    .sort((a, b) => (goesAhead(field.batch(a), field.batch(b)) ? -1 : 1));
  const most = draft.config.speculation.bypass ? MOST_BYPASSED : 0;
  for (const slot of queue) {
    if (hasBit(trunk, slot)) continue;
    const evidence = evidenceFor(field, slot, trunk, most);
    if (evidence) {
      passengers.push({ slot, evidence });
      take(slot);
      continue;
    }
    for (const fact of field.factsOf(slot)) {
      if (!fact.passed || fact.path.heads.length < 2) continue;
      const group = bundleEvidence(field, fact, trunk, mayLand);
      if (!group) continue;
      const sorted = group.sort((a, b) => (goesAhead(field.batch(a), field.batch(b)) ? -1 : 1));
      for (const member of sorted) passengers.push({ slot: member, evidence: fact, group: sorted });
      take(...sorted);
      break;
    }
  }
  return passengers;
}

/** Those that boarded leave together: one decision, one message, one push. */
function depart(draft: Draft, passengers: readonly Passenger[]): void {
  if (passengers.length === 0) return;
  const { field } = draft;
  const train = passengers.map(({ slot }) => field.batch(slot).id);
  const landId = messageId("land", ...train, ...passengers.map(({ slot }) => field.batch(slot).version));
  const boarded = new Set(passengers.map(({ slot }) => slot));
  for (const { slot, evidence, group } of passengers) {
    const batch = field.batch(slot);
    const { buildKey, composed } = evidence.path;
    if (!composed) throw new Error(`${buildKey} passed without having been composed`);
    const bypassed = field.aheadOf(slot).filter((other) => !boarded.has(other));
    const landing: Landing = {
      landId,
      train,
      buildKey,
      tested: composed,
      ...(group ? { bundle: group.map((member) => field.batch(member).id) } : {}),
      ...(bypassed.length > 0 ? { bypassed: bypassed.map((other) => field.batch(other).id) } : {}),
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
