import type { BatchId, Sqid } from "../../contracts/ids.ts";
import type { LogEvent } from "../../contracts/log-event.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { type Batch, batchHasEnded } from "../batch.ts";
import type { Snapshot } from "./plan.ts";

/** The queue as one run of the planner is changing it: the snapshot's batches in order, with what has been decided so far. */
export class Draft {
  readonly config: QueueConfig;
  readonly snapshot: Snapshot;
  readonly now: EpochMs;
  nextOrder: number;
  /** Announcements about requests that no batch carries: they have no outbox to ride in. */
  readonly loose: LogEvent[] = [];
  readonly #batches: Map<BatchId, Batch>;
  readonly #before: ReadonlyMap<BatchId, Batch>;
  readonly #carriers = new Map<Sqid, BatchId>();

  constructor(config: QueueConfig, snapshot: Snapshot, now: EpochMs) {
    const sorted = [...snapshot.batches].sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
    this.config = config;
    this.snapshot = snapshot;
    this.now = now;
    this.nextOrder = snapshot.queue.nextOrder;
    this.#batches = new Map(sorted.map((batch) => [batch.id, batch]));
    this.#before = new Map(this.#batches);
    for (const batch of sorted) this.#carry(batch);
  }

  /** In order of joining. */
  batches(): Batch[] {
    return [...this.#batches.values()];
  }

  /** Those that have not ended, in order. */
  unfinished(): Batch[] {
    return this.batches().filter((batch) => !batchHasEnded(batch));
  }

  readonly lookup = (id: BatchId): Batch | undefined => this.#batches.get(id);

  /** As it stood when the run began. */
  readonly lookupBefore = (id: BatchId): Batch | undefined => this.#before.get(id);

  carrierOf(sqid: Sqid): Batch | undefined {
    const id = this.#carriers.get(sqid);
    return id === undefined ? undefined : this.#batches.get(id);
  }

  /** Adds a batch behind all others, or replaces the one of its id. */
  put(batch: Batch): void {
    if (!this.#batches.has(batch.id)) this.#carry(batch);
    this.#batches.set(batch.id, batch);
  }

  #carry(batch: Batch): void {
    for (const { sqid } of batch.members) {
      const other = this.carrierOf(sqid);
      if (other === undefined || batchHasEnded(other)) this.#carriers.set(sqid, batch.id);
    }
  }
}

export const announce = (batch: Batch, events: readonly LogEvent[]): Batch =>
  events.length === 0 ? batch : { ...batch, outbox: [...batch.outbox, ...events] };
