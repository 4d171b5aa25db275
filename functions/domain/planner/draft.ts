import type { BatchId, Sqid } from "../../contracts/ids.ts";
import type { EndEvent, LogEvent } from "../../contracts/log-event.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { type Batch, batchHasEnded, conflictsOnArrival, pathIsActive } from "../batch.ts";
import { QueueIndex } from "../queue-index.ts";
import { type Trunk, UNKNOWN_TRUNK } from "../trunk.ts";
import type { QueueState, Snapshot } from "./plan.ts";

/** The queue as one run of the planner changes it: the batches of the snapshot, by arrival, with the decisions of the run so far. */
export class Draft {
  readonly config: QueueConfig;
  readonly snapshot: Snapshot;
  readonly now: EpochMs;
  queue: QueueState;
  /** Log entries about ends of requests that have no live batch, and so no outbox. */
  readonly loose: EndEvent[] = [];
  readonly #batches: Map<BatchId, Batch>;
  readonly #before: ReadonlyMap<BatchId, Batch>;
  readonly #carriers = new Map<Sqid, BatchId>();
  #index: QueueIndex | undefined;

  constructor(config: QueueConfig, snapshot: Snapshot, now: EpochMs) {
    const sorted = [...snapshot.batches].sort((a, b) => a.arrival - b.arrival || (a.id < b.id ? -1 : 1));
    this.config = config;
    this.snapshot = snapshot;
    this.now = laterThanAll(sorted, now);
    this.queue = snapshot.queue;
    this.#batches = new Map(sorted.map((batch) => [batch.id, batch]));
    this.#before = new Map(this.#batches);
    for (const batch of sorted) this.#carry(batch);
  }

  /** By arrival. */
  batches(): Batch[] {
    return [...this.#batches.values()];
  }

  /** The batches that have not ended, by arrival. */
  unfinished(): Batch[] {
    return this.batches().filter((batch) => !batchHasEnded(batch));
  }

  /** What is known of the trunk. */
  get trunk(): Trunk {
    return this.queue.trunk ?? UNKNOWN_TRUNK;
  }

  set trunk(trunk: Trunk) {
    if (trunk !== this.trunk) this.queue = { ...this.queue, trunk };
  }

  /** How many slots of the budget are taken: by builds of batches, and by a build of the trunk itself. */
  activeBuilds(): number {
    const ofTrunk = this.trunk.build === undefined ? 0 : 1;
    return this.batches().reduce((sum, { paths }) => sum + paths.filter(pathIsActive).length, ofTrunk);
  }

  /**
   * The queue index of the draft's batches. Made by the first read, and the same object for the rest of the run. It follows `put` only as far
   * as the states of batches go. So every batch that joins, gets a position or ends a build in this run has to be put before the first read.
   */
  get index(): QueueIndex {
    this.#index ??= queueIndexOf(this.config, this.batches(), this.queue);
    return this.#index;
  }

  readonly lookup = (id: BatchId): Batch | undefined => this.#batches.get(id);

  /** The batch as it was when the run began. */
  readonly lookupBefore = (id: BatchId): Batch | undefined => this.#before.get(id);

  /**
   * The batch of a request, which may have ended. If the draft has several batches of the request, the unfinished one, or the latest arrival
   * when all have ended. Undefined if the draft has none.
   */
  carrierOf(sqid: Sqid): Batch | undefined {
    const id = this.#carriers.get(sqid);
    return id === undefined ? undefined : this.#batches.get(id);
  }

  /**
   * The batches that were recorded as conflicts when this batch arrived and are still in the draft, ended ones included. Archived ones are
   * missing. Example: B arrived in conflict with A1 and A2. A1 has been archived and A2 has landed: the answer is [A2].
   */
  earlierConflicts(batch: Batch): Batch[] {
    if (batch.conflicts === "every") return this.batches().filter((earlier) => conflictsOnArrival(batch, earlier));
    return batch.conflicts.flatMap((id) => this.lookup(id) ?? []);
  }

  /** Replaces the batch of the same id, or adds the batch behind all others. */
  put(batch: Batch): void {
    if (!this.#batches.has(batch.id)) this.#carry(batch);
    this.#batches.set(batch.id, batch);
    this.#index?.update(batch);
  }

  #carry(batch: Batch): void {
    const { sqid } = batch.request;
    const other = this.carrierOf(sqid);
    if (other === undefined || batchHasEnded(other)) this.#carriers.set(sqid, batch.id);
  }
}

/** The queue index of these batches, under the queue's configuration. */
export const queueIndexOf = (
  config: QueueConfig,
  batches: readonly Batch[],
  { evidenceSince }: QueueState,
): QueueIndex =>
  new QueueIndex(batches, {
    since: evidenceSince,
    tests: config.buildRunner.tests,
    retries: config.retries,
    exact: config.conflictAnalyzer.type === "all",
  });

/**
 * Clocks of different machines disagree, but the planner compares when builds were proposed with when batches landed: each run's
 * time is later than all that earlier runs have written.
 */
function laterThanAll(batches: readonly Batch[], now: EpochMs): EpochMs {
  let latest: number = now;
  for (const { createdAt, endedAt, paths } of batches) {
    latest = Math.max(latest, createdAt + 1, (endedAt ?? 0) + 1);
    for (const path of paths) latest = Math.max(latest, path.startedAt + 1);
  }
  return latest as EpochMs;
}

/** The batch with more log entries to send. */
export const announce = (batch: Batch, events: readonly LogEvent[]): Batch =>
  events.length === 0 ? batch : { ...batch, outbox: [...batch.outbox, ...events] };
