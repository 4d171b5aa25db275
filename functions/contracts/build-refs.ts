import { type BatchId, BuildKey, type GitSha, type QueueName } from "./ids.ts";
import type { QueueConfig } from "./queues.ts";

/** A queue may bear a name that git refuses in refs (`a..b`, `a.lock`): its dots are then written %2E, which no queue name can hold. */
const refSafeQueue = (queue: string): string =>
  queue.includes("..") || queue.endsWith(".lock") || queue.endsWith(".") ? queue.replaceAll(".", "%2E") : queue;

/** A batch id as part of a ref. */
export function refSafe(id: BatchId): string {
  const slash = id.indexOf("/");
  return `${refSafeQueue(id.slice(0, slash))}${id.slice(slash)}`;
}

export const MOVED_ROOT = "refs/submitqueue/moved/";

/**
 * The ref of a tag object that says which head branch a landing moves to a commit, and that keeps the branch's commit from before. The ref is
 * there from before the branch moves until the trunk is pushed.
 */
export const movedRef = (to: GitSha): string => `${MOVED_ROOT}${to}`;

/** A composed commit, for a build that fetches refs by itself. No branch: nothing that watches branches wakes up. */
export const pathRef = (buildKey: BuildKey): string => `refs/submitqueue/paths/${buildKey}`;

/** What the names of the branches of a queue's builds begin with, without refs/heads/. Example: `submitqueue/shop/`. */
export const branchPrefix = (queue: QueueName): string => `submitqueue/${refSafeQueue(queue)}/`;

/** A composed commit, for a CI system that builds branches. */
export const branchRef = (queue: QueueName, buildKey: BuildKey): string =>
  `refs/heads/${branchPrefix(queue)}${buildKey}`;

/** The build that a branch, named without refs/heads/, is for. Undefined for a branch that is of no build of the queue. */
export function buildOfBranch(queue: QueueName, branch: string): BuildKey | undefined {
  const prefix = branchPrefix(queue);
  return branch.startsWith(prefix) ? BuildKey.safeParse(branch.slice(prefix.length)).data : undefined;
}

/** True when the queue's build runner can only build what is on a branch. */
export const buildsBranches = ({ buildRunner }: Pick<QueueConfig, "buildRunner">): boolean =>
  buildRunner.type === "http" || (buildRunner.type === "codebuild" && buildRunner.source === "repository");
