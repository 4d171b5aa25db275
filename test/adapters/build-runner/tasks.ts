import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { BuildTask } from "../../../functions/adapters/build-runner/index.ts";
import { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { hashOf } from "../../../functions/contracts/hash.ts";
import { batchIdOf, buildKeyOf, GitSha, QueueName, Sqid } from "../../../functions/contracts/ids.ts";
import { QueueConfig } from "../../../functions/contracts/queues.ts";
import { epochMs } from "../../../functions/contracts/time.ts";

/** A directory that is gone after the test. */
export async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "submitqueue-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return directory;
}

export const aQueue = (overrides: Record<string, unknown> = {}): QueueConfig =>
  QueueConfig.parse({
    name: "shop",
    repository: { remote: "/nowhere/shop.git" },
    buildRunner: { type: "fake" },
    ...overrides,
  });

export const aChange = (query = "", branch = "topic"): ChangeUri =>
  ChangeUri.parse(
    `git://example.invalid/shop/${encodeURIComponent(`refs/heads/${branch}`)}/${"ab".repeat(20)}${query && `?${query}`}`,
  );

let builds = 0;

export function aTask(overrides: Partial<BuildTask> = {}): BuildTask {
  builds += 1;
  const key = buildKeyOf("here", batchIdOf(Sqid.parse("shop/1")), builds);
  return {
    key,
    queue: QueueName.parse("shop"),
    batchId: batchIdOf(Sqid.parse("shop/1")),
    ref: `refs/submitqueue/paths/${key}`,
    askedAt: epochMs(1_800_000_000_000),
    commit: GitSha.parse(hashOf("commit", builds).slice(0, 40)),
    base: GitSha.parse("cd".repeat(20)),
    timeoutSeconds: 60,
    changes: [aChange()],
    ...overrides,
  };
}
