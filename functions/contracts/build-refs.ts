import type { BatchId, BuildKey, QueueName } from "./ids.ts";
import type { QueueConfig } from "./queues.ts";

/** A queue may bear a name that git refuses in refs (`a..b`, `a.lock`): its dots are then written %2E, which no queue name can hold. */
const refSafeQueue = (queue: string): string =>
  queue.includes("..") || queue.endsWith(".lock") || queue.endsWith(".") ? queue.replaceAll(".", "%2E") : queue;

/** A batch id as part of a ref. */
export function refSafe(id: BatchId): string {
  const slash = id.indexOf("/");
  return `${refSafeQueue(id.slice(0, slash))}${id.slice(slash)}`;
}

/** A composed commit, for a build that fetches refs by itself. No branch: nothing that watches branches wakes up. */
export const pathRef = (buildKey: BuildKey): string => `refs/submitqueue/paths/${buildKey}`;

/** A composed commit, for a CI system that builds branches. */
export const branchRef = (queue: QueueName, buildKey: BuildKey): string =>
  `refs/heads/submitqueue/${refSafeQueue(queue)}/${buildKey}`;

/** True when the queue's build runner can only build what is on a branch. */
export const buildsBranches = ({ buildRunner }: Pick<QueueConfig, "buildRunner">): boolean =>
  buildRunner.type === "http" || (buildRunner.type === "codebuild" && buildRunner.source === "repository");
