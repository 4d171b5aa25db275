import * as z from "zod";
import { GitSha, Installation, messageId, QueueName } from "../ids.ts";
import { Reason } from "../reasons.ts";
import { Composed, MergeUnit } from "./merge-unit.ts";
import { PayloadRef } from "./payload-ref.ts";
import type { Topic } from "./topic.ts";

/** merges: land these batches, in order, in one push. */
export const LandBatch = z.object({
  v: z.literal(1),
  kind: z.literal("land-batch"),
  /** The same for each message about one decision to land, so that a repeat finds the landing of the first. */
  id: z.string().min(1).max(128),
  queue: QueueName,
  /** The repository and branch (targetOf) that the batches were tested for. The batches land on no other. */
  target: z.string().optional(),
  installation: Installation,
  batches: z
    .array(
      MergeUnit.extend({
        /** The passed build that is the evidence. */
        tested: Composed,
        /** Land nothing but the tested tree (analyzer `all`): when the trunk has moved so that the trees differ, answer `stale`. */
        exact: z.boolean(),
        /** Consecutive batches of one bundle land all or none, as one commit point: only the tree of the last batch was tested. */
        bundle: z.string().optional(),
      }),
    )
    .min(1),
});
export type LandBatch = z.infer<typeof LandBatch>;

/** merges: a LandBatch that is too large for a message. */
const LandBatchRef = z.object({
  v: z.literal(1),
  kind: z.literal("land-batch-ref"),
  id: z.string().min(1).max(128),
  queue: QueueName,
  payload: PayloadRef,
});
export type LandBatchRef = z.infer<typeof LandBatchRef>;

/** What travels on the merges topic. */
export const MergeMessage = z.discriminatedUnion("kind", [LandBatch, LandBatchRef]);
export type MergeMessage = z.infer<typeof MergeMessage>;

/** How a landing ended for one batch. */
export const LandOutcome = z.discriminatedUnion("kind", [
  /**
   * The batch is on the trunk. `commits`: the new commits on the trunk's own line (first parents), oldest first. There are none when the trunk
   * held everything already. Then `commit` is where the trunk was, and `note` says so. A `note` with commits says which changes of a stack
   * added nothing.
   */
  z.object({
    kind: z.literal("landed"),
    commit: GitSha,
    tree: GitSha,
    testedTree: GitSha,
    commits: z.array(GitSha),
    note: Reason.optional(),
    /** Where the trunk was before the push. Absent in the record of an earlier release. */
    onto: GitSha.exactOptional(),
  }),
  /** The batch does not apply, now or ever: the batch fails. */
  z.object({ kind: z.literal("refused"), reason: Reason }),
  /** The trunk has moved: nothing was landed, and the evidence does not cover the new tree. The batch is to be tested again. */
  z.object({ kind: z.literal("stale"), trunk: GitSha }),
  /** A batch ahead in the same message was not landed: nothing was tried. */
  z.object({ kind: z.literal("skipped") }),
]);
export type LandOutcome = z.infer<typeof LandOutcome>;

/** `target` (targetOf) and `nonce` are the sender's: two queues onto one branch share a group, and SQS must not drop a command that is sent again. */
export const mergesTopic = (target: string, nonce: string): Topic<MergeMessage> => ({
  name: "merges",
  schema: MergeMessage,
  fifo: { group: () => messageId("target", target), dedup: (message) => messageId("land", message.id, nonce) },
});
