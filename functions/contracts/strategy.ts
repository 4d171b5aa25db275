import * as z from "zod";

/**
 * How a change gets onto the trunk. REBASE picks each of its commits; SQUASH_REBASE makes one commit per change; MERGE makes a merge
 * commit per change; PROMOTE fast-forwards the trunk to the change, and takes exactly one.
 */
export const MergeStrategy = z.enum(["REBASE", "SQUASH_REBASE", "MERGE", "PROMOTE"]);
export type MergeStrategy = z.infer<typeof MergeStrategy>;
