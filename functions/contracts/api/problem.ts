import * as z from "zod";

/** RFC 9457, served as application/problem+json. `code` is stable; `errors` points into the input (JSON Pointer or parameter). */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  instance: z.string().optional(),
  errors: z.array(z.object({ at: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;
