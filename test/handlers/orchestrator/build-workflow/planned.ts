import type { BatchId, BuildKey } from "../../../../functions/contracts/ids.ts";
import { epochMs } from "../../../../functions/contracts/time.ts";
import type { Batch, PathState } from "../../../../functions/domain/batch.ts";
import { aBatchRequest } from "../../../support/batch-request.ts";
import { QUEUE, START, type World } from "../world.ts";

/** Writes the planner's view: the batch with this build's path, in that state; undefined for no path. */
export async function plan(
  world: World,
  { batchId, buildKey }: { readonly batchId: BatchId; readonly buildKey: BuildKey },
  state: PathState | undefined,
): Promise<void> {
  const found = await world.batches.get(QUEUE, batchId);
  const assumptions = { buildKey, attempt: 1, heads: [batchId], base: [], without: [] };
  const path = { ...assumptions, dispatched: true, startedAt: epochMs(START) };
  const batch: Batch = {
    queue: QUEUE,
    id: batchId,
    arrival: 1,
    nextPosition: 1,
    position: 1,
    priority: 0,
    request: aBatchRequest(QUEUE, 1),
    conflicts: [],
    state: "speculating",
    paths: state === undefined ? [] : [{ ...path, state }],
    buildCount: 1,
    outbox: [],
    concluded: false,
    createdAt: epochMs(START),
    version: (found?.version ?? 0) + 1,
  };
  await world.batches.put(batch, batch.version - 1);
}
