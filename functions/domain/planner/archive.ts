import { type Batch, batchHasEnded, pathIsActive } from "../batch.ts";
import type { Draft } from "./draft.ts";

/**
 * The batches that can leave the queue's live items: they have ended, their builds have stopped, their requests have been ended, and they
 * are of no more use as evidence. A batch is of use while an unfinished batch conflicts with it. It is also of use while a build that has
 * not passed, and whose tree has an unfinished batch,
 * - contains the batch: the batch may be the cause of the failure, or has to be cleared of being the cause; or
 * - lacks the batch, and tested a batch that conflicts with it: that one may have failed for want of the batch.
 *
 * Example: A has landed, {B, H} is being built, and A conflicts with B only. A stays: if {B, H} fails, it may be because B lacks A.
 */
export function archivable({ index }: Draft): Batch[] {
  const needed = index.emptySet();
  const unfinished = index.emptySet();
  index.batches.forEach((batch, i) => {
    if (batchHasEnded(batch)) return;
    unfinished.add(i);
    needed.addAll(index.conflictsOf(i));
  });
  /** The batches that were tested together with an unfinished batch, by a build that has not passed. */
  const tested = index.emptySet();
  for (const path of index.batches.flatMap((batch) => batch.paths)) {
    const tree = index.treeOf(path);
    if (!tree.meets(unfinished)) continue;
    needed.addCommon(tree, index.neverLanding);
    if (path.state === "passed") continue;
    tested.addAll(index.bitsOf(path.heads));
    if (index.tests === "everything") tested.addAll(index.bitsOf(path.base));
  }
  needed.addAll(tested);
  for (const i of tested) needed.addAll(index.conflictsOf(i));
  return index.batches.filter(
    (batch, i) => batchHasEnded(batch) && batch.concluded && !batch.paths.some(pathIsActive) && !needed.has(i),
  );
}
