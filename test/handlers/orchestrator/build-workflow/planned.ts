import { BatchId, type BuildKey } from "../../../../functions/contracts/ids.ts";
import type { Composed } from "../../../../functions/contracts/messages/merge-unit.ts";
import { epochMs } from "../../../../functions/contracts/time.ts";
import type { PathState } from "../../../../functions/domain/batch.ts";
import { aBatch } from "../../../support/batch-request.ts";
import { change, QUEUE, START, sqid, type World } from "../world.ts";

/** Writes the planner's view: the batch with this build's path, in that state; undefined for no path. */
export async function plan(
  world: World,
  { batchId, buildKey }: { readonly batchId: BatchId; readonly buildKey: BuildKey },
  state: PathState | undefined,
): Promise<void> {
  const found = await world.batches.get(QUEUE, batchId);
  const assumptions = { buildKey, attempt: 1, heads: [batchId], base: [], without: [] };
  const path = { ...assumptions, dispatched: true, startedAt: epochMs(START) };
  const batch = aBatch(QUEUE, batchId, START, {
    paths: state === undefined ? [] : [{ ...path, state }],
    buildCount: 1,
    version: (found?.version ?? 0) + 1,
  });
  await world.batches.put(batch, batch.version - 1);
}

/** The batch of the builds that these tests order. */
export const BATCH = BatchId.parse("main/batch/1");

/** An order of the first build of `BATCH`, which holds one change, for this build key and commit. */
export const anOrder = (buildKey: BuildKey, composed: Composed, ref: string) => ({
  queue: QUEUE,
  batchId: BATCH,
  buildKey,
  attempt: 1,
  base: [],
  head: { batchId: BATCH, steps: [{ sqid: sqid(1), changes: [change("one")], strategy: "REBASE" as const }] },
  sqids: [sqid(1)],
  without: [],
  composed,
  under: composed.trunk,
  ref,
});
