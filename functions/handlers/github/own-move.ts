import { movedRef } from "../../contracts/build-refs.ts";
import type { Asked } from "../../contracts/github.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { Pull } from "../../domain/github/refusal.ts";
import type { GitHub } from "./service.ts";

/**
 * True when the queue itself has moved the head branch of a pull request to what lands, so that the push of the branch is no user's: the
 * landing is about to push the trunk, or has pushed it. No call of a queue that moves no heads; two calls at most.
 */
export async function isOwnMove(github: GitHub, queue: QueueConfig | undefined, { head }: Pull): Promise<boolean> {
  if (queue?.markMerged !== "moveHead") return false;
  return (await github.hasRef(movedRef(head))) || github.holds(queue.repository.branch, head);
}

/** True when the queue has moved the head branch of one of the pull requests that were asked for. One call more for each of them. */
export async function isBeingLanded(github: GitHub, queue: QueueConfig, { members }: Asked): Promise<boolean> {
  if (queue.markMerged !== "moveHead") return false;
  for (const { pull: number, head } of members) {
    const pull = await github.get(number);
    if (pull !== undefined && pull.head !== head && (await isOwnMove(github, queue, pull))) return true;
  }
  return false;
}
