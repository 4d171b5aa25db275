import { z } from "zod";

/**
 * What a request changes, as the change provider reports it. `paths`: repository paths, sorted, each once; `everything` when there are too
 * many to keep, so that the request conflicts with every other. `authors`: e-mail addresses of the changes' authors, each once.
 */
export const Touches = z.object({
  paths: z.union([z.array(z.string()).readonly(), z.literal("everything")]),
  files: z.int(),
  additions: z.int(),
  deletions: z.int(),
  authors: z.array(z.string()).readonly(),
});
export type Touches = z.infer<typeof Touches>;
