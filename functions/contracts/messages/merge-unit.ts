import * as z from "zod";
import { ChangeUri } from "../change-uri.ts";
import { BatchId, GitSha, Sqid } from "../ids.ts";
import { Note } from "../reasons.ts";
import { MergeStrategy } from "../strategy.ts";

/** What one request puts onto the trunk: a stack of changes. */
export const MergeStep = z.object({
  sqid: Sqid,
  changes: z.array(ChangeUri).min(1),
  strategy: MergeStrategy,
  /** What the squash of each change says, in the order of `changes`. Absent or empty: the commits of the change say it. */
  messages: z.array(z.string()).exactOptional(),
});
export type MergeStep = z.infer<typeof MergeStep>;

/** What is composed or landed for one batch: its requests, in order. */
export const MergeUnit = z.object({ batchId: BatchId, steps: z.array(MergeStep).min(1) });
export type MergeUnit = z.infer<typeof MergeUnit>;

/** Stands in the place of a head: nothing is composed, and the trunk itself is built, unless the trunk is at one of the commits of `unless`. */
export const TrunkUnit = z.object({
  /** Stands in for a batch: trunkIdOf(queue). */
  batchId: BatchId,
  steps: z.array(MergeStep).length(0),
  unless: z.array(GitSha),
  /** The newest commit that a passed build vouches for: the build is about what was added since. */
  since: GitSha.optional(),
});
export type TrunkUnit = z.infer<typeof TrunkUnit>;

/**
 * A commit that runway composed: `commit` and its `tree`, made on top of trunk commit `trunk`. `author`: the name of the trunk commit's author,
 * where the trunk itself is built.
 */
export const Composed = z.object({ commit: GitSha, tree: GitSha, trunk: GitSha, author: Note.exactOptional() });
export type Composed = z.infer<typeof Composed>;
