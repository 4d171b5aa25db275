import { ChangeUri } from "../../functions/contracts/change-uri.ts";
import { type BatchId, type QueueName, RequestNumber, sqidOf } from "../../functions/contracts/ids.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import type { Batch, BatchRequest } from "../../functions/domain/batch.ts";

/** Request n of the queue, as its batch carries it: one change that touches file `a`. */
export const aBatchRequest = (queue: QueueName, n: number): BatchRequest => ({
  sqid: sqidOf(queue, RequestNumber.parse(n)),
  changes: [ChangeUri.parse(`git://host/repo/refs%2Fheads%2F${n}/${String(n).padStart(40, "0")}`)],
  strategy: "REBASE",
  receivedAt: epochMs(n),
  version: 3,
  touches: { paths: ["a"], files: 1, additions: 1, deletions: 0, authors: ["a@example.com"] },
});

/** A batch of request 1 of the queue, alone in its queue: nothing of it is built, and nothing of it is left to be told. */
export const aBatch = (queue: QueueName, id: BatchId, createdAt: number, more: Partial<Batch> = {}): Batch => ({
  queue,
  id,
  arrival: 1,
  nextPosition: 1,
  position: 1,
  priority: 0,
  request: aBatchRequest(queue, 1),
  conflicts: [],
  state: "speculating",
  paths: [],
  buildCount: 0,
  outbox: [],
  concluded: false,
  createdAt: epochMs(createdAt),
  version: 1,
  ...more,
});

/** Batch n of request n, which arrived as number n and has position n. */
export const batchInOrder = (queue: QueueName, n: number, more: Partial<Batch> = {}): Batch =>
  aBatch(queue, `${queue}/batch/${n}` as BatchId, n, {
    arrival: n,
    position: n,
    nextPosition: n,
    request: aBatchRequest(queue, n),
    ...more,
  });
