import type { BatchId, Sqid } from "../../contracts/ids.ts";
import type { EndEvent, LogEvent } from "../../contracts/log-event.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { type Batch, batchHasEnded, conflictsOnArrival, pathIsActive } from "../batch.ts";
import { QueueIndex } from "../queue-index.ts";
import { type Trunk, UNKNOWN_TRUNK } from "../trunk.ts";
import type { QueueState, Snapshot } from "./plan.ts";
import { onRightClock } from "./right-clock.ts";

/** The working state of one run of the planner: the queue and the batches of the snapshot, with the changes that the run has made so far. */
export class Draft {
  readonly config: QueueConfig;
  readonly snapshot: Snapshot;
  /** The time of the run. It is the clock's, or a little later when an earlier run on a faster clock has written a later time. */
  readonly now: EpochMs;
  /** The queue's own item, with the changes of the run. */
  queue: QueueState;
  /** The entries to send about the ends of requests that have no live batch, and so no outbox. */
  readonly loose: EndEvent[] = [];
  /** By arrival. */
  readonly #batches: Map<BatchId, Batch>;
  readonly #before: ReadonlyMap<BatchId, Batch>;
  /** Per request, the batch that `carrierOf` answers. */
  readonly #carriers = new Map<Sqid, BatchId>();
  #index: QueueIndex | undefined;

  constructor(config: QueueConfig, snapshot: Snapshot, now: EpochMs) {
    const right = onRightClock(snapshot, now);
    const sorted = [...right.batches].sort((a, b) => a.arrival - b.arrival || (a.id < b.id ? -1 : 1));
    this.config = config;
    this.snapshot = snapshot;
    this.now = laterThanAll(right, now);
    this.queue = right.queue;
    this.#batches = new Map(sorted.map((batch) => [batch.id, batch]));
    this.#before = new Map(snapshot.batches.map((batch) => [batch.id, batch]));
    for (const batch of sorted) this.#carry(batch);
  }

  /** All batches of the draft, ended ones too, by arrival. */
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
   * The queue index of the draft's batches. The first read makes it, and all later reads return the same object. After that, `put` updates
   * only the states of batches in it. So a batch that is new, gets a position or has a build that ended must be put before the first read.
   * Putting a new batch after the first read throws.
   */
  get index(): QueueIndex {
    this.#index ??= queueIndexOf(this.config, this.batches(), this.queue);
    return this.#index;
  }

  /** The batch as it is in this run so far. Undefined when it is not live. */
  readonly lookup = (id: BatchId): Batch | undefined => this.#batches.get(id);

  /** The batch as it was when the run began. Undefined when the batch was made in this run. */
  readonly lookupBefore = (id: BatchId): Batch | undefined => this.#before.get(id);

  /**
   * The batch of a request. The batch may have ended. When the draft has several batches of the request, the answer is the unfinished one, or
   * the latest arrival when all have ended. Undefined when the draft has none.
   */
  carrierOf(sqid: Sqid): Batch | undefined {
    const id = this.#carriers.get(sqid);
    return id === undefined ? undefined : this.#batches.get(id);
  }

  /**
   * The batches that this batch conflicted with when it arrived, and that are still live. Some may have ended. Archived batches are missing.
   * Example: B arrived in conflict with A1 and A2. A1 has been archived and A2 has landed: the answer is [A2].
   */
  earlierConflicts(batch: Batch): Batch[] {
    if (batch.conflicts === "every") return this.batches().filter((earlier) => conflictsOnArrival(batch, earlier));
    return batch.conflicts.flatMap((id) => this.lookup(id) ?? []);
  }

  /** Replaces the batch of the same id. A batch with a new id is added as the last arrival. */
  put(batch: Batch): void {
    if (!this.#batches.has(batch.id)) this.#carry(batch);
    this.#batches.set(batch.id, batch);
    this.#index?.update(batch);
  }

  /** Makes the batch the answer of `carrierOf` for its request, unless an unfinished batch of the request is there already. */
  #carry(batch: Batch): void {
    const { sqid } = batch.request;
    const other = this.carrierOf(sqid);
    if (other === undefined || batchHasEnded(other)) this.#carriers.set(sqid, batch.id);
  }
}

/** A new queue index of these batches, under the queue's configuration. */
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
 * The time of a run: `now`, or a later time when earlier runs have written times that are not before `now`. Clocks of different machines
 * disagree, but the planner compares the time at which a build was proposed with the times at which batches landed, the trunk was moved, and
 * a red trunk recovered.
 *
 * Example: a run on a fast clock took note at 5,000 that the trunk was moved, and the next run's clock says 4,000. The time of that run is
 * 5,001. At 4,000 its builds would count as proposed before the trunk was moved. Times that are ahead by minutes are wrong, and were moved
 * before (`onRightClock`).
 */
function laterThanAll({ batches, queue }: Pick<Snapshot, "batches" | "queue">, now: EpochMs): EpochMs {
  const { evidenceSince = 0, trunk = UNKNOWN_TRUNK } = queue;
  let latest = Math.max(now, 1 + Math.max(evidenceSince, trunk.knownAt, trunk.recoveredAt ?? 0));
  for (const { createdAt, endedAt, paths } of batches) {
    latest = Math.max(latest, createdAt + 1, (endedAt ?? 0) + 1);
    for (const path of paths) latest = Math.max(latest, path.startedAt + 1);
  }
  return latest as EpochMs;
}

/** The batch with these log entries added to its outbox. The entries are sent after the batch has been written. */
export const announce = (batch: Batch, events: readonly LogEvent[]): Batch =>
  events.length === 0 ? batch : { ...batch, outbox: [...batch.outbox, ...events] };
