import { pino } from "pino";
import { expect, it } from "vitest";
import type { Clients } from "../../../functions/adapters/aws-clients.ts";
import type { Remains } from "../../../functions/adapters/build-runner/build-runner.ts";
import type { BatchesStore } from "../../../functions/adapters/dynamodb/batches-store.ts";
import type { BuildsStore } from "../../../functions/adapters/dynamodb/builds-store.ts";
import { CodedError } from "../../../functions/contracts/errors.ts";
import { BuildKey, GitSha, QueueName } from "../../../functions/contracts/ids.ts";
import { QueueConfig } from "../../../functions/contracts/queues.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { MOST_PER_RUN, sweepRemains } from "../../../functions/handlers/orchestrator/sweep/left-behind.ts";

const queue = QueueName.parse("queue-0");
const repository = { remote: "https://git.example/shop" };
const config = QueueConfig.parse({ name: queue, repository, buildRunner: { type: "fake" } });
const nth = (n: number) => ({
  key: BuildKey.parse(n.toString(16).padStart(32, "0")),
  commit: GitSha.parse("a".repeat(40)),
});

/** What the sweep works on: a CI system with these remains, and a queue of which nothing but its state matters. */
const sweepOf = (remains: Remains, now: () => number, state: object = {}) => ({
  clients: { now: () => epochMs(now()), log: pino({ level: "silent" }) } as Clients,
  batches: { live: async () => ({ queue: state, batches: [] }) } as unknown as BatchesStore,
  builds: { get: async () => ({ queue }) } as unknown as BuildsStore,
  remainsOf: () => remains,
  nextAt: new Map(),
});

/** Sweeps a CI system that takes its time, until nothing is left. Answers how much of it each run removed. */
async function removedPerRun(left: number, msPerCall: number): Promise<readonly number[]> {
  let now = 0;
  let remaining = Array.from({ length: left }, (_, n) => nth(n));
  const remains: Remains = {
    list: async () => remaining,
    remove: async ({ key }) => {
      now += msPerCall;
      remaining = remaining.filter((build) => build.key !== key);
    },
  };
  const sweep = sweepOf(remains, () => now);
  const runs: number[] = [];
  while (remaining.length > 0) {
    const before = remaining.length;
    await sweepRemains(sweep, config);
    runs.push(before - remaining.length);
    now += 60_000;
  }
  return runs;
}

it("a sweep removes what builds have left behind twenty at a time, and fewer from a CI system that is slow", async () => {
  expect(await removedPerRun(45, 100)).toEqual([MOST_PER_RUN, MOST_PER_RUN, 5]);
  expect(await removedPerRun(5, 9_000)).toEqual([2, 2, 1]);
});

it("a sweep removes the rest beside a build whose remains the host keeps, however many of those there are", async () => {
  let now = 0;
  const kept = new Set(Array.from({ length: 25 }, (_, n) => nth(n).key));
  let remaining = Array.from({ length: 30 }, (_, n) => nth(n));
  const remains: Remains = {
    list: async () => remaining,
    remove: async ({ key }) => {
      if (kept.has(key)) throw new CodedError("config.invalid", "the branch is protected");
      remaining = remaining.filter((build) => build.key !== key);
    },
  };
  const sweep = sweepOf(remains, () => now);
  for (let run = 0; run < 30; run++) {
    await sweepRemains(sweep, config);
    now += 60_000;
  }
  expect(remaining.map(({ key }) => key)).toEqual([...kept]);
});

it("a sweep leaves the branch of a build of the trunk alone while that build is under way", async () => {
  const removed: BuildKey[] = [];
  const remains: Remains = {
    list: async () => [nth(0), nth(1)],
    remove: async ({ key }) => void removed.push(key),
  };
  const sweep = sweepOf(remains, () => 0, { trunk: { build: { buildKey: nth(1).key } } });
  await sweepRemains(sweep, config);
  expect(removed).toEqual([nth(0).key]);
});
