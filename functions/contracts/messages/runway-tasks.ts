import * as z from "zod";
import { ChangeUri } from "../change-uri.ts";
import { BatchId, BuildKey, GitSha, Installation, QueueName, Sqid } from "../ids.ts";
import { Reason } from "../reasons.ts";
import { Touches } from "../touches.ts";
import { Composed, MergeStep, MergeUnit, TrunkUnit } from "./merge-unit.ts";

/** Task input of runway's `inspect`: what do these changes touch? */
export const InspectTask = z.object({ queue: QueueName, changes: z.array(ChangeUri).min(1) });
export type InspectTask = z.infer<typeof InspectTask>;

export const InspectResult = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("inspected"), touches: Touches }),
  /** The changes can't be read, now or ever. */
  z.object({ kind: z.literal("refused"), reason: Reason }),
]);
export type InspectResult = z.infer<typeof InspectResult>;

/** Task input of runway's `check`: would this request merge onto the trunk as it stands? */
export const CheckTask = z.object({ queue: QueueName, step: MergeStep });
export type CheckTask = z.infer<typeof CheckTask>;

export const CheckResult = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ok"), trunk: GitSha }),
  /** `conflicts`: the paths in conflict, of a merge conflict. */
  z.object({ kind: z.literal("refused"), reason: Reason, conflicts: z.array(z.string()).readonly().exactOptional() }),
]);
export type CheckResult = z.infer<typeof CheckResult>;

/**
 * Task input of runway's `compose`: trunk + base (in order, less what has landed) + head. `sqids` are those that the build is for: the
 * head's, and in a bundle those of the last of the base too. `without` must not have landed.
 */
export const ComposeTask = z.object({
  queue: QueueName,
  /** What the orchestrator takes the queue's repository and branch for (targetOf): runway composes for no other. */
  target: z.string().optional(),
  installation: Installation,
  buildKey: BuildKey,
  base: z.array(MergeUnit),
  head: z.union([MergeUnit, TrunkUnit]),
  sqids: z.array(Sqid).default([]),
  without: z.array(BatchId).default([]),
});
export type ComposeTask = z.infer<typeof ComposeTask>;

/** The part of a build order that grows with the tree, and may be too large for a message. */
export const Composition = ComposeTask.pick({ base: true, head: true, without: true });
export type Composition = z.infer<typeof Composition>;

export const ComposeResult = z.discriminatedUnion("kind", [
  /** Pushed as `ref`. `under` is the commit under all that the build is for. `landed` names the base batches that the trunk held already. */
  z.object({
    kind: z.literal("composed"),
    composed: Composed,
    under: GitSha,
    ref: z.string(),
    landed: z.array(BatchId),
  }),
  /** The head, or a base batch, does not apply. */
  z.object({ kind: z.literal("refused"), batchId: BatchId, reason: Reason }),
  /** A batch that the path assumes to fail has landed. */
  z.object({ kind: z.literal("refuted"), batchId: BatchId }),
  /** The trunk itself was to be built, and is at a commit that needs no build. */
  z.object({ kind: z.literal("unchanged"), trunk: GitSha }),
]);
export type ComposeResult = z.infer<typeof ComposeResult>;
