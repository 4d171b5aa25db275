import type { BatchId, BuildKey, GitSha, Sqid } from "../../../functions/contracts/ids.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch, Landing, Path } from "../../../functions/domain/batch.ts";
import { Draft } from "../../../functions/domain/planner/draft.ts";
import type { QueueState } from "../../../functions/domain/planner/plan.ts";
import { type Trunk, UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";
import { batchInOrder } from "../../support/batch-request.ts";
import { aQueue, QUEUE } from "./world.ts";

/** The time of the run. */
export const NOW = epochMs(100_000_000);

export const idOf = (n: number): BatchId => `q/batch/${n}` as BatchId;
export const keyOf = (n: number): BuildKey => String(n).padStart(32, "0") as BuildKey;
export const shaOf = (n: number): GitSha => String(n).padStart(40, "0") as GitSha;
export const reason = { code: "build.failed", message: "it failed" } as const;
export const tested = { commit: shaOf(1), tree: shaOf(2), trunk: shaOf(3) };

/** Batch n of request n, which arrived as number n and has position n. */
export const aBatch = (n: number, change: Partial<Batch> = {}): Batch => batchInOrder(QUEUE, n, change);

/** Build n, of these heads. */
export const aPath = (n: number, heads: readonly number[], change: Partial<Path> = {}): Path => ({
  buildKey: keyOf(n),
  attempt: 2,
  heads: heads.map(idOf),
  base: [],
  without: [],
  state: "building",
  dispatched: false,
  startedAt: epochMs(100),
  ...change,
});

export const landing = (change: Partial<Landing> = {}): Partial<Batch> => ({
  state: "landing",
  landing: { landId: "together", landedTogether: [1, 2, 3].map(idOf), buildKey: keyOf(1), tested, ...change },
});

/** Build n of these heads on this base, which has passed, or has failed. */
export const passed = (n: number, heads: readonly number[], base: readonly number[] = []): Path =>
  aPath(n, heads, { state: "passed", base: base.map(idOf), dispatched: true, composed: tested });
export const failed = (n: number, heads: readonly number[], base: readonly number[] = []): Path =>
  aPath(n, heads, { state: "failed", base: base.map(idOf), dispatched: true, composed: tested, reason });

export const sqidOf = (n: number): Sqid => aBatch(n).request.sqid;

export const statesOf = (draft: Draft): readonly string[] => draft.batches().map(({ state }) => state);

/** A run of the planner at `NOW` over these batches. */
export const draftOf = (
  batches: readonly Batch[],
  config: Partial<QueueConfig> = {},
  state: Partial<QueueState> = {},
): Draft => {
  const queue: QueueState = {
    queue: QUEUE,
    installation: "here",
    nextArrival: 9,
    nextPosition: 9,
    trunk: UNKNOWN_TRUNK,
    version: 1,
    ...state,
  };
  const analyzer = { conflictAnalyzer: { type: "none" } } as const;
  return new Draft(aQueue({ ...analyzer, ...config }), { queue, batches, requests: new Map() }, NOW);
};

/** A trunk that has failed since 50, last at its newest commit. */
export const IS_RED: NonNullable<Trunk["red"]> = {
  since: epochMs(50),
  commit: shaOf(3),
  author: "Ann",
  reason,
  built: shaOf(3),
  failures: 1,
  rebuildAt: epochMs(NOW + 1_000),
  lookAt: epochMs(NOW + 500),
};
export const aRedTrunk: Trunk = { ...UNKNOWN_TRUNK, unproven: [shaOf(2), shaOf(3)], knownAt: epochMs(90), red: IS_RED };
