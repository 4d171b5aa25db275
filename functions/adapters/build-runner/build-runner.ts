import type { ChangeUri } from "../../contracts/change-uri.ts";
import type { BatchId, BuildKey, GitSha, QueueName } from "../../contracts/ids.ts";

/** What is to be built: a composed commit, and the name of the build. */
export interface BuildTask {
  /** Of one attempt at one path. The same key is the same build, however often it is triggered. */
  readonly key: BuildKey;
  readonly queue: QueueName;
  readonly batchId: BatchId;
  /** Where the commit was pushed. */
  readonly ref: string;
  readonly commit: GitSha;
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
  /** Starts the build unless its key was triggered before; a key that was cancelled first never starts. */
  trigger(task: BuildTask): Promise<{ readonly url?: string }>;
  /** A key that was never triggered, and a build that vanished, are finished with `infrastructure`. */
  status(key: BuildKey): Promise<BuildStatus>;
  /** Asks the build to stop and returns; `status` says when it has. Does nothing to a finished build. */
  cancel(key: BuildKey): Promise<void>;
}
