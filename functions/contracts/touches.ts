import * as z from "zod";

/** A build target, by the name that the build tool gives it. */
const Target = z.string().min(1).max(300);

/** The build targets that a request affects, at most 1,000. None: it affects nothing that is built. */
export const Targets = z.array(Target).max(1_000, "a request names at most 1,000 targets");

/**
 * What a request changes, as the change provider reports it. `paths`: repository paths, sorted, each once; `everything` when there are too
 * many to keep, so that the request conflicts with every other. `targets`: the build targets that the caller says are affected; absent when
 * not known. `authors`: e-mail addresses of the changes' authors, each once. `messages`: what a squash of each change says, in the order of
 * the changes; absent when their commits say it.
 */
export const Touches = z.object({
  paths: z.union([z.array(z.string()).readonly(), z.literal("everything")]),
  files: z.int(),
  additions: z.int(),
  deletions: z.int(),
  authors: z.array(z.string()).readonly(),
  targets: z.array(z.string()).readonly().exactOptional(),
  /** The subject of the last commit, for people. Absent when the change provider tells none. */
  title: z.string().exactOptional(),
  messages: z.array(z.string()).readonly().exactOptional(),
});
export type Touches = z.infer<typeof Touches>;
