import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BatchesStore, batchesStore } from "../../../functions/adapters/dynamodb/batches-store.ts";
import { BatchId, QueueName, type RequestNumber, sqidOf } from "../../../functions/contracts/ids.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch } from "../../../functions/domain/batch.ts";
import { emptyHistory, learnDuration, learnOutcome } from "../../../functions/domain/speculation/history.ts";
import { aBatch, aBatchRequest } from "../../support/batch-request.ts";
import { type Dynalite, startDynalite } from "../../support/dynalite.ts";

let dynalite: Dynalite;
let batches: BatchesStore;
beforeAll(async () => {
  dynalite = await startDynalite("batches");
  batches = batchesStore(dynalite.client, "batches");
});
afterAll(() => dynalite.stop());

const nthBatch = (queue: QueueName, n: number, overrides: Partial<Batch> = {}): Batch =>
  aBatch(queue, BatchId.parse(`${queue}/batch/${n}`), 1_000, {
    arrival: n,
    nextPosition: n,
    position: n,
    request: aBatchRequest(queue, n),
    ...overrides,
  });

const installation = "0123456789abcdef0123456789abcdef";

describe("the batches store", () => {
  it("sees an unwritten queue as empty, at version 0", async () => {
    const queue = QueueName.parse("empty");
    expect(await batches.live(queue)).toEqual({
      queue: { queue, nextArrival: 1, nextPosition: 1, version: 0 },
      batches: [],
    });
  });

  it("reads a queue's item and its batches in one snapshot, over as many pages as it takes", async () => {
    const queue = QueueName.parse("big");
    await batches.putQueue({ queue, installation, nextArrival: 8, nextPosition: 7, version: 1 }, 0);
    // More than the megabyte that one page holds.
    const bulk = { why: "x".repeat(300_000) };
    for (let n = 1; n <= 5; n++) await batches.put({ ...nthBatch(queue, n), ...bulk }, 0);
    const live = await batches.live(queue);
    expect(live.queue).toEqual({ queue, installation, nextArrival: 8, nextPosition: 7, version: 1 });
    expect(live.batches).toEqual([1, 2, 3, 4, 5].map((n) => ({ ...nthBatch(queue, n), ...bulk })));
  });

  it("gives back all that a queue's item holds, what was learned with its keys in the order they had", async () => {
    const queue = QueueName.parse("learned");
    let history = emptyHistory();
    const authors = ["z@example.com", "a@example.com", ""];
    const touches = { paths: [], files: 1, additions: 3, deletions: 0, authors };
    const member = { sqid: sqidOf(queue, 1 as RequestNumber), changes: [], strategy: "REBASE", touches } as const;
    const learned = { ...member, receivedAt: epochMs(1), version: 1 };
    history = learnDuration(learnOutcome(history, learned, true), 1e-200);
    const state = {
      ...{ queue, installation, nextArrival: 3, nextPosition: 2, version: 1, evidenceSince: epochMs(5), history },
      paused: { since: epochMs(9), note: "release" },
    };
    expect(await batches.putQueue(state, 0)).toBe(true);
    const live = await batches.live(queue);
    expect(live.queue).toEqual(state);
    expect(Object.keys(live.queue.history?.authors ?? {})).toEqual(authors);
  });

  it("takes a write based on the stored version, and refuses a stale one", async () => {
    const queue = QueueName.parse("versions");
    const batch = nthBatch(queue, 1);
    expect(await batches.put(batch, 0)).toBe(true);
    expect(await batches.put(batch, 0)).toBe(false);
    expect(await batches.put({ ...batch, version: 3 }, 2)).toBe(false);
    expect(await batches.put({ ...batch, state: "cancelling", version: 2 }, 1)).toBe(true);
    expect(await batches.get(queue, batch.id)).toMatchObject({ state: "cancelling", version: 2 });
    expect(await batches.putQueue({ queue, installation, nextArrival: 2, nextPosition: 2, version: 1 }, 0)).toBe(true);
    expect(await batches.putQueue({ queue, installation, nextArrival: 3, nextPosition: 3, version: 1 }, 0)).toBe(false);
  });

  it("archives a batch: gone from the snapshot, repeatable", async () => {
    const queue = QueueName.parse("archive");
    const batch = nthBatch(queue, 1, { state: "landed", version: 4 });
    await batches.put(batch, 0);
    expect(await batches.archive(batch, 4)).toBe(true);
    expect(await batches.archive(batch, 4)).toBe(true);
    expect((await batches.live(queue)).batches).toEqual([]);
  });

  it("leaves a batch live when another run has written it since", async () => {
    const queue = QueueName.parse("raced");
    const batch = nthBatch(queue, 1, { version: 2 });
    await batches.put(batch, 0);
    expect(await batches.archive(batch, 1)).toBe(false);
    expect(await batches.archive(batch, 3)).toBe(false);
    expect(await batches.get(queue, batch.id)).toEqual(batch);
  });
});
