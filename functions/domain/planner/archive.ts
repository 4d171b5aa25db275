import { type Batch, batchHasEnded, pathIsActive } from "../batch.ts";
import type { QueueIndex } from "../queue-index.ts";

/**
 * The batches to archive: no later run of the planner needs them to decide anything. An open case is a build that has not passed and whose
 * tree holds an unfinished batch. All of these are true of a batch that is archived:
 * - The batch has ended, its request has been ended, and none of its builds is running or being stopped, nor one of a bundle that it is in.
 * - It conflicts with no unfinished batch.
 * - It has landed, or is in no tree with an unfinished batch. Otherwise that tree's build would no longer be known to be refuted.
 * - No open case tested it: it may be the cause of the failure.
 * - It conflicts with no batch that an open case tested: that build may have failed because it lacked the batch.
 *
 * Example: A has landed, {B, H} is being built, and A conflicts with B only. A stays. Should {B, H} fail, the cause may be that B lacks A,
 * so the failure must not count against H. Once {B, H} has passed, A is archived.
 */
export function archivable(index: QueueIndex): Batch[] {
  const needed = index.emptySet();
  const unfinished = index.emptySet();
  index.batches.forEach((batch, i) => {
    if (batchHasEnded(batch)) return;
    unfinished.add(i);
    needed.addAll(index.conflictsOf(i));
  });
  /** The batches that the open cases tested. */
  const tested = index.emptySet();
  for (const path of index.batches.flatMap((batch) => batch.paths)) {
    const tree = index.treeOf(path);
    // Each head of a bundle is told how the build comes out.
    if (pathIsActive(path)) needed.addAll(index.bitsOf(path.heads));
    if (!tree.intersects(unfinished)) continue;
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
