import { happeningEvent } from "../../contracts/log-event.ts";
import type { Batch, Path } from "../batch.ts";
import { isRefuted } from "../evidence.ts";
import type { QueueIndex } from "../queue-index.ts";
import { announce, type Draft, queueIndexOf } from "./draft.ts";

/**
 * Tells the log about passed builds of batches that do not land yet, each once per build. waiting: the build has passed. invalidated: the build
 * is no longer evidence, because the batches ahead turned out otherwise than it assumed, or because the trunk was moved.
 */
export function noteWaiting(draft: Draft): void {
  let before: QueueIndex | undefined;
  const wasRefuted = (batch: Batch, path: Path): boolean => {
    before ??= queueIndexOf(draft.config, draft.snapshot.batches, draft.snapshot.queue);
    return isContradicted(before, batch, path);
  };
  for (const batch of draft.batches()) {
    if (batch.state !== "speculating") continue;
    const was = draft.lookupBefore(batch.id);
    const events = batch.paths.flatMap((path) => {
      if (path.state !== "passed") return [];
      const hadPassed =
        was?.paths.some((other) => other.buildKey === path.buildKey && other.state === "passed") ?? false;
      const isOver = isContradicted(draft.index, batch, path);
      const isNews = isOver ? !(hadPassed && wasRefuted(batch, path)) : !hadPassed;
      if (!isNews) return [];
      const details = { occurrence: path.buildKey, metadata: { batch_id: batch.id, build_key: path.buildKey } };
      return [happeningEvent(batch.request.sqid, isOver ? "invalidated" : "waiting", draft.now, details)];
    });
    draft.put(announce(batch, events));
  }
}

/**
 * True when the batches ahead turned out otherwise than the path assumed, or when a push from outside the queue moved the trunk after the path
 * was proposed.
 */
function isContradicted(index: QueueIndex, batch: Batch, path: Path): boolean {
  const i = index.indexOf(batch.id);
  return i !== undefined && (index.isOutdated(path) || isRefuted(index, i, index.treeOf(path)));
}
