import type { BatchId } from "../functions/contracts/ids.ts";
import type { Batch } from "../functions/domain/batch.ts";
import type { QueueState } from "../functions/domain/planner/plan.ts";
import type { LiveQueue, QueueStore } from "../functions/domain/planner/run-planner.ts";

/** One queue's own item and its live batches, in memory. Checks versions as the product's tables do. Each answer is there at once. */
export class MemoryQueueStore implements QueueStore {
  readonly batches = new Map<BatchId, Batch>();
  #queue: QueueState;

  constructor(queue: QueueState) {
    this.#queue = queue;
  }

  get queue(): QueueState {
    return this.#queue;
  }

  live(): LiveQueue {
    return { queue: this.#queue, batches: [...this.batches.values()] };
  }

  putQueue(next: QueueState, before: number): boolean {
    if (this.#queue.version !== before) return false;
    this.#queue = next;
    return true;
  }

  put(next: Batch, before: number): boolean {
    if ((this.batches.get(next.id)?.version ?? 0) !== before) return false;
    this.batches.set(next.id, next);
    return true;
  }

  remember(batch: Batch): void {
    if (this.batches.get(batch.id)?.version === batch.version) this.batches.set(batch.id, batch);
  }

  archive(batch: Batch, before: number): boolean {
    const stored = this.batches.get(batch.id);
    if (stored !== undefined && stored.version !== before) return false;
    this.batches.delete(batch.id);
    return true;
  }
}
