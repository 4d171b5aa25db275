import { isUseless } from "../evidence.ts";
import type { Draft } from "./draft.ts";

/**
 * Step 2: gives up each running build that at least one of its heads can no longer use (`isUseless`): an assumption no longer holds, or the
 * head is not speculating any more. The path becomes `cancelling`. Example: H is being built on {A}, and A fails. The build of {A, H} is given
 * up.
 */
export function refute(draft: Draft): void {
  for (const batch of draft.batches()) {
    const useless = new Set(batch.paths.filter((path) => path.state === "building" && isUseless(draft.index, path)));
    if (useless.size === 0) continue;
    const paths = batch.paths.map((path) => (useless.has(path) ? { ...path, state: "cancelling" as const } : path));
    draft.put({ ...batch, paths });
  }
}
