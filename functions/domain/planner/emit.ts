import { type Batch, compareLandingOrder } from "../batch.ts";
import { archivable } from "./archive.ts";
import { bounded } from "./bounded.ts";
import { acknowledge, commandsFor } from "./commands.ts";
import type { Draft } from "./draft.ts";
import type { Plan } from "./plan.ts";
import { acknowledgeTrunk } from "./trunk-build.ts";

/** The plan of a run (step 5 of `plan`): a write for each batch that has changed, and the commands that the state of all batches asks for. */
export function emit(draft: Draft): Plan {
  const { snapshot } = draft;
  const writes = inWritingOrder(draft).flatMap((batch) => {
    const before = draft.lookupBefore(batch.id);
    if (batch === before) return [];
    const next = { ...bounded(batch), version: (before?.version ?? 0) + 1 };
    draft.put(next);
    return [before ? { before, next } : { next }];
  });
  const commands = commandsFor(draft);
  const acknowledged = draft.batches().flatMap((batch) => {
    const next = acknowledge(batch, draft.now);
    if (next === batch) return [];
    draft.put(next);
    return [next];
  });
  const archived = archivable(draft.index);
  const isChanged = draft.queue !== snapshot.queue;
  const queue = isChanged ? { ...draft.queue, version: snapshot.queue.version + 1 } : draft.queue;
  const acknowledgedQueue = acknowledgeTrunk(queue);
  return {
    ...(isChanged ? { queue } : {}),
    writes,
    commands,
    acknowledged,
    ...(acknowledgedQueue === undefined ? {} : { acknowledgedQueue }),
    archived,
  };
}

/**
 * Batches are written one at a time, and a crash may stop in between.
 * 1. Batches that start no build go first: they may free the build slot that a later one uses.
 * 2. Within each group, landing order: a batch is written after every batch that its builds or its landing refer to.
 *
 * Example: A ← B are to land together, and C is to be built on both. A is written, then B, then C. A crash after A leaves A landing alone,
 * which A's evidence covers.
 */
function inWritingOrder(draft: Draft): Batch[] {
  const startsBuild = ({ id, buildCount }: Batch): boolean => buildCount > (draft.lookupBefore(id)?.buildCount ?? 0);
  return draft.batches().sort((a, b) => Number(startsBuild(a)) - Number(startsBuild(b)) || compareLandingOrder(a, b));
}
