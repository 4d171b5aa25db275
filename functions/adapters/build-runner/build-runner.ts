import type { ChangeUri } from "../../contracts/change-uri.ts";
import type { BatchId, BuildKey, GitSha, QueueName } from "../../contracts/ids.ts";

/**
 * Names a build: its key, and the composed commit that is built. One key with two commits names two builds, so the verdict about one
 * commit is never given for the other. Example: `{ key: k, commit: a }` has passed; `{ key: k, commit: b }` is still to be triggered.
 */
export interface BuildId {
  /** Of one attempt at one path, in one installation of the queue. */
  readonly key: BuildKey;
  readonly commit: GitSha;
}

/** What is to be built. */
export interface BuildTask extends BuildId {
  readonly queue: QueueName;
  readonly batchId: BatchId;
  /** Where the commit was pushed. */
  readonly ref: string;
  /** The commit under what the build is for: what differs is what it is about. */
  readonly base: GitSha;
  readonly timeoutSeconds: number;
  /** Every change in the commit that has not landed: of the base, in order, then of the head. */
  readonly changes: readonly ChangeUri[];
}

/** failed: the tree is at fault. cancelled: because we asked. infrastructure: nobody knows, and another attempt may tell. */
export type BuildResult = "passed" | "failed" | "cancelled" | "infrastructure";

export type BuildStatus =
  | { readonly kind: "running" }
  | {
      readonly kind: "finished";
      readonly result: BuildResult;
      /** Why it did not pass, with the end of its output: at most MAX_MESSAGE characters and a line. */
      readonly message?: string;
      readonly url?: string;
    };

/** How much of a build's output its message quotes, in characters. */
export const MAX_MESSAGE = 1_024;

/** Something that builds commits: here, or in a CI system. Throws runner.unavailable when it can't be reached. */
export interface BuildRunner {
  /** Starts the build unless it was triggered before; a build that was cancelled first never starts. */
  trigger(task: BuildTask): Promise<{ readonly url?: string }>;
  /** A build that was never triggered, and a build that vanished, are finished with `infrastructure`. */
  status(build: BuildId): Promise<BuildStatus>;
  /** Asks the build to stop and returns; `status` says when it has. Does nothing to a finished build. */
  cancel(build: BuildId): Promise<void>;
}
