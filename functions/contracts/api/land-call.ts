import * as z from "zod";
import { ChangeUri } from "../change-uri.ts";
import { STORED_BYTES } from "../limits.ts";
import { MergeStrategy } from "../strategy.ts";
import { Targets } from "../touches.ts";
import { NoteBody, Seconds } from "./fields.ts";

/** POST /v1/queues/{queue}/requests */
export const LandBody = z
  .strictObject({
    changes: z
      .array(ChangeUri)
      .min(1, "name at least one change")
      .max(50, "a request holds at most 50 changes")
      .superRefine((changes, ctx) => {
        changes.forEach((uri, index) => {
          if (changes.indexOf(uri) < index)
            ctx.addIssue({ code: "custom", path: [index], message: "this change is named twice" });
        });
        const bytes = changes.reduce((sum, uri) => sum + uri.length, 0);
        if (bytes > STORED_BYTES.changes)
          ctx.addIssue({
            code: "custom",
            message: `the changes of a request have at most ${STORED_BYTES.changes} characters together, and these have ${bytes}: land them as several requests`,
          });
      }),
    strategy: MergeStrategy.optional(),
    /** Higher goes ahead of all that have not started landing. From 0, the default, to the queue's `maxPriority`. */
    priority: z.int().min(0).optional(),
    /** The build targets that the changes affect, for a queue whose conflict analyzer is `targets`. Absent: not known. */
    targets: Targets.optional(),
    /**
     * True: land the changes although the same commits were refused as often within a day as the queue allows. Needs a reason, which the
     * log keeps.
     */
    retry: z.boolean().optional(),
    reason: NoteBody.optional(),
  })
  .refine(({ retry = false, reason = "" }) => retry === (reason.trim() !== ""), {
    path: ["reason"],
    message: "say why with retry: true, and only then",
  });
export type LandBody = z.infer<typeof LandBody>;

/** POST /v1/queues/{queue}/requests. `wait` is of a dry run. */
export const LandQuery = z
  .strictObject({ dryRun: z.enum(["true", "false"]).default("false"), wait: Seconds.optional() })
  .refine(({ dryRun, wait }) => dryRun === "true" || wait === undefined, {
    path: ["wait"],
    message: "only with dryRun=true: a request is accepted at once",
  });
export type LandQuery = z.infer<typeof LandQuery>;

/** Idempotency-Key header of a Land. */
export const IdempotencyKey = z.string().regex(/^[\x21-\x7e]{1,200}$/, "1 to 200 visible ASCII characters");
