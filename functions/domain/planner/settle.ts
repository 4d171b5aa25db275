import type { BatchId } from "../../contracts/ids.ts";
import { messageId } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import { type Batch, enter, type Path, pathIsActive } from "../batch.ts";
import { standingOf } from "../evidence.ts";
import { announce, type Draft } from "./draft.ts";
import { failed } from "./fold.ts";

/** Step 2: gives up the builds of guesses that reality has contradicted, and of batches that need no more evidence. */
export function refute(draft: Draft): void {
  for (const batch of draft.batches()) {
    const needed = (path: Path) => batch.state === "speculating" && standingOf(path, draft.lookup) !== "refuted";
    if (batch.paths.some((path) => path.state === "building" && !needed(path))) {
      const paths = batch.paths.map((path) =>
        path.state === "building" && !needed(path) ? { ...path, state: "cancelling" as const } : path,
      );
      draft.put({ ...batch, paths });
    }
  }
}

/** Steps 2 and 3, until nothing moves: a cascade of failures and landings resolves in one run. */
export function settle(draft: Draft): void {
  const train: Batch[] = [];
  for (let moved = true; moved; ) {
    refute(draft);
    moved = false;
    for (const batch of draft.unfinished()) {
      const next = settled(draft, batch, train);
      if (next === batch) continue;
      draft.put(next);
      moved = true;
    }
  }
  depart(draft, train);
  refute(draft);
}

/** The batch one step further, or as it is. A batch that may land boards the train. */
function settled(draft: Draft, batch: Batch, train: Batch[]): Batch {
  if (batch.state === "cancelling") return batch.paths.some(pathIsActive) ? batch : cancelled(draft, batch);
  if (batch.state !== "speculating" || train.some((other) => other.id === batch.id)) return batch;
  const boarded = new Set(train.map((other) => other.id));
  const decided = batch.paths.filter((path) => standsWith(path, draft, boarded));
  if (decided.some((path) => path.state === "passed")) {
    train.push(batch);
    return batch;
  }
  const verdict = batch.paths.find((path) => path.state === "failed" && standingOf(path, draft.lookup) === "confirmed");
  return verdict?.reason ? failed(draft, batch, verdict.reason) : batch;
}

/**
 * Every assumption of the path has come true, or comes true with the batches that have boarded. A guess is about every batch ahead
 * that was open when it was made, and a batch's dependencies are fixed: so nothing that matters is left open.
 */
function standsWith(path: Path, draft: Draft, boarded: ReadonlySet<BatchId>): boolean {
  const rest = { base: path.base.filter((id) => !boarded.has(id)), without: path.without };
  return standingOf(rest, draft.lookup) === "confirmed" && !path.without.some((id) => boarded.has(id));
}

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

/** Those that boarded leave together: one decision, one message, one push. */
function depart(draft: Draft, train: readonly Batch[]): void {
  if (train.length === 0) return;
  const ids = train.map((batch) => batch.id);
  const boarded = new Set(ids);
  for (const { id } of train) {
    const batch = draft.lookup(id);
    const evidence = batch?.paths.find((path) => path.state === "passed" && standsWith(path, draft, boarded));
    if (!batch || !evidence?.composed) throw new Error(`${id} boarded without evidence`);
    const landing = {
      landId: messageId("land", ...ids, ...train.map((other) => other.version)),
      train: ids,
      tested: evidence.composed,
    };
    const details = {
      occurrence: `${batch.id}/${evidence.buildKey}`,
      metadata: { batch_id: id, build_key: evidence.buildKey },
    };
    draft.put(
      announce(
        enter(batch, "landing", { landing }),
        batch.members.flatMap(({ sqid }) => [
          statusEvent(sqid, "speculated", draft.now, details),
          statusEvent(sqid, "landing", draft.now, details),
        ]),
      ),
    );
  }
}
