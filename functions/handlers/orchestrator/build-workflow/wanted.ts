import type { BatchesStore } from "../../../adapters/dynamodb/batches-store.ts";
import type { PollTask } from "../../../contracts/workflows.ts";

/** Whether the planner still waits for this build: its path is there, and was not given up. One strongly consistent read. */
export async function isWanted(batches: BatchesStore, { queue, batchId, buildKey }: PollTask): Promise<boolean> {
  const batch = await batches.get(queue, batchId);
  return batch?.paths.some((path) => path.buildKey === buildKey && path.state === "building") ?? false;
}
