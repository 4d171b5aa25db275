import type { BatchesStore } from "../../../adapters/dynamodb/batches-store.ts";
import { trunkIdOf } from "../../../contracts/ids.ts";
import type { PollTask } from "../../../contracts/workflows.ts";

/**
 * Whether the planner still waits for this build: its path is there, or it is the build of the trunk itself that is under way, and it was not
 * given up. One strongly consistent read.
 */
export async function isWanted(batches: BatchesStore, { queue, batchId, buildKey }: PollTask): Promise<boolean> {
  if (batchId === trunkIdOf(queue)) {
    const build = (await batches.own(queue)).trunk?.build;
    return build?.buildKey === buildKey && build.state === "building";
  }
  const batch = await batches.get(queue, batchId);
  return batch?.paths.some((path) => path.buildKey === buildKey && path.state === "building") ?? false;
}
