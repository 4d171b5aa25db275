import * as z from "zod";
import { NoteBody } from "./fields.ts";

/** POST /v1/queues/{queue}/pause and /drain. */
export const ModeBody = z.strictObject({ note: NoteBody.optional() });

/** POST /v1/queues/{queue}/resume and /preflights. */
export const ResumeBody = z.strictObject({});

/** GET /v1/queues/{queue}/trends */
export const TrendsQuery = z.strictObject({ by: z.enum(["hour", "day", "week"]).default("hour") });
export type TrendsQuery = z.infer<typeof TrendsQuery>;
