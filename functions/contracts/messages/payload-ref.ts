import * as z from "zod";

/**
 * Where a payload is that is too large to travel itself: `parts` items of `table`, which are together JSON in ASCII whose SHA-256 is `id`.
 * The orchestrator writes them; runway may read them.
 */
export const PayloadRef = z.object({
  table: z.string().min(1).max(255),
  id: z.string().regex(/^[0-9a-f]{64}$/),
  parts: z.int().min(1).max(1_000),
});
export type PayloadRef = z.infer<typeof PayloadRef>;
