import type { Clients } from "../../../adapters/aws-clients.ts";
import type { Remains } from "../../../adapters/build-runner/build-runner.ts";
import type { BatchesStore } from "../../../adapters/dynamodb/batches-store.ts";
import type { BuildsStore } from "../../../adapters/dynamodb/builds-store.ts";
import { retryAtOf } from "../../../adapters/github/errors.ts";
import { isRetryable } from "../../../contracts/errors.ts";
import type { BuildKey, QueueName } from "../../../contracts/ids.ts";
import type { QueueConfig } from "../../../contracts/queues.ts";
import { type EpochMs, epochMs } from "../../../contracts/time.ts";
import { pathIsActive } from "../../../domain/batch.ts";
import { inTurn } from "../../../domain/in-turn.ts";
import type { LiveQueue } from "../../../domain/planner/run-planner.ts";

/** How often a CI system is asked for the remains of builds. */
const EVERY_MS = 600_000;

/** The remains of so many builds are removed in one run. The run a minute later removes further ones. */
export const MOST_PER_RUN = 20;

/** After so long a run begins with no further build: the function has 50 seconds, and a CI system that is slow takes 10 for a call. */
const LONGEST_RUN_MS = 10_000;

export interface RemainsSweep {
  readonly clients: Clients;
  readonly batches: BatchesStore;
  readonly builds: BuildsStore;
  readonly remainsOf: (queue: QueueConfig) => Remains | undefined;
  /** When this process looks after a queue again. */
  readonly nextAt: Map<QueueName, EpochMs>;
}

/**
 * Removes the remains of builds that are over from the queue's CI system: a branch whose deletion failed, because the process died or
 * the host was away. A build is over when no live batch has an active path with its key, and it is not the build of the trunk itself that is
 * under way. A build that is not in the builds table is of another installation, and is left alone. Never throws: what can't be removed is
 * logged, and tried again ten minutes later, or when the host's rate limit is over. It keeps nothing else from being removed.
 *
 * Calls: none for a queue that was looked after within ten minutes; otherwise one of the CI system, a query, a read for each build that is
 * over, and two calls of the CI system for each of the first twenty that are ours.
 */
export async function sweepRemains(sweep: RemainsSweep, config: QueueConfig): Promise<void> {
  const { clients, nextAt } = sweep;
  const { name: queue } = config;
  const now = clients.now();
  if (now < (nextAt.get(queue) ?? 0)) return;
  try {
    const remains = sweep.remainsOf(config);
    if (remains === undefined) return;
    const isDone = await removeOfFinished(sweep, queue, remains);
    if (isDone) nextAt.set(queue, epochMs(now + EVERY_MS));
  } catch (err) {
    nextAt.set(queue, epochMs(Math.max(now + EVERY_MS, retryAtOf(err) ?? 0)));
    clients.log.warn({ queue, err }, "what builds have left behind could not be removed");
  }
}

/** Removes the remains of builds that are over. False when the next run has more to remove. */
async function removeOfFinished(
  { clients, batches, builds }: RemainsSweep,
  queue: QueueName,
  remains: Remains,
): Promise<boolean> {
  // Listed before the live batches are read: a build has its path, and its row, before it leaves anything behind.
  const left = await remains.list();
  if (left.length === 0) return true;
  const live = activeBuilds(await batches.live(queue));
  const latest = clients.now() + LONGEST_RUN_MS;
  let removed = 0;
  const over = left.filter(({ key }) => !live.has(key));
  for (const build of inTurn(over, clients.now())) {
    if (removed === MOST_PER_RUN || clients.now() >= latest) return false;
    const { key: buildKey } = build;
    try {
      const row = await builds.get(buildKey);
      if (row?.queue !== queue) continue;
      await remains.remove(build);
      clients.log.info({ queue, buildKey }, "removed what a build had left behind");
    } catch (err) {
      if (isRetryable(err)) throw err;
      clients.log.warn({ queue, buildKey, err }, "what a build has left behind could not be removed");
    }
    removed += 1;
  }
  return true;
}

/** The builds of active paths, and that of the trunk itself. */
function activeBuilds({ queue: { trunk }, batches }: LiveQueue): ReadonlySet<BuildKey> {
  const ofPaths = batches.flatMap(({ paths }) => paths.filter(pathIsActive).map(({ buildKey }) => buildKey));
  return new Set([...ofPaths, ...(trunk?.build === undefined ? [] : [trunk.build.buildKey])]);
}
