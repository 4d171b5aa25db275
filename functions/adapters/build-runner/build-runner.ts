import type { ChangeUri } from "../../contracts/change-uri.ts";
import type { BatchId, BuildKey, GitSha, QueueName } from "../../contracts/ids.ts";
import type { EpochMs } from "../../contracts/time.ts";

/**
 * Names a build: its key, and the composed commit that is built. One key with two commits names two builds, so the verdict about one
 * commit is never given for the other. Example: `{ key: k, commit: a }` has passed; `{ key: k, commit: b }` is still to be triggered.
 */
export interface BuildName {
  /** Of one attempt at one path, in one installation of the queue. */
  readonly key: BuildKey;
  readonly commit: GitSha;
}

/** What a runner is told about a build that it is asked about. */
export interface BuildId extends BuildName {
  /** When the build was first asked for. */
  readonly askedAt: EpochMs;
  /** The CI system's own name of the build, as `trigger` answered. Undefined until that answer has been stored. */
  readonly id?: string;
}

/** What `trigger` tells of a build that it started, or found. */
export interface Triggered {
  /** Where people can watch the build. */
  readonly url?: string;
  /** What to hand to `status` and `cancel` from then on. */
  readonly id?: string;
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

/** failed: the tree is at fault. cancelled: the queue asked for it. infrastructure: the build says nothing about the tree; another attempt may. */
export type BuildResult = "passed" | "failed" | "cancelled" | "infrastructure";

export type BuildStatus =
  | {
      readonly kind: "running";
      /** True while it waits in the CI system's own queue. */
      readonly waiting?: boolean;
      /** When it began to run, where the CI system says so: its time counts from then. */
      readonly began?: EpochMs;
    }
  | {
      readonly kind: "finished";
      readonly result: BuildResult;
      /** Why it did not pass, with the end of its output: at most MAX_MESSAGE characters and a line. */
      readonly message?: string;
      readonly url?: string;
      /** When it ended, by the queue's clock. Absent where the CI system does not say. */
      readonly endedAt?: EpochMs;
    };

/** How much of a build's output its message quotes, in characters. */
export const MAX_MESSAGE = 1_024;

/** What was found out about whether a queue can build. Of `problem` and `unknown` the sentence says what to do. */
export interface Finding {
  /** unknown: it could not be found out. */
  readonly kind: "ok" | "problem" | "unknown";
  readonly sentence: string;
}

/** What the builds of a queue have left behind in a CI system: what a runner makes for a build, and removes when the build is over. */
export interface Remains {
  /** The builds of which something is there, over or not, of every installation of the queue. One call. */
  list(): Promise<readonly BuildName[]>;
  /** Removes what is left of a build. Does nothing when nothing is. Two calls, and one per run that is still going on. */
  remove(build: BuildName): Promise<void>;
}

/**
 * Something that builds commits: here, or in a CI system. Throws runner.unavailable when it can't be reached; with `retryAt` (EpochMs) in the
 * detail when the CI system says when it takes calls again.
 */
export interface BuildRunner {
  /** Starts the build unless it was triggered before; a build that was cancelled first never starts. */
  trigger(task: BuildTask): Promise<Triggered>;
  /** A build that was never triggered, and a build that vanished, are finished with `infrastructure`. */
  status(build: BuildId): Promise<BuildStatus>;
  /** Asks the build to stop and returns; `status` says when it has. Does nothing to a finished build. */
  cancel(build: BuildId): Promise<void>;
  /**
   * The builds that something received from the CI system is about: the runner is to be asked about them. What was received proves
   * nothing by itself. Undefined when the sender could not be verified. Absent: the CI system reports nothing.
   */
  report?(
    body: Uint8Array,
    headers: Readonly<Record<string, string | undefined>>,
  ): Promise<readonly BuildKey[] | undefined>;
}
