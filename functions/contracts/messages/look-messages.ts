import * as z from "zod";
import { BuildKey } from "../ids.ts";
import type { Topic } from "./topic.ts";

/** Look at this build now: it may have ended, or is to stop. Says nothing about how the build is: the build runner is asked. */
export const LookAtBuild = z.object({
  v: z.literal(1),
  kind: z.literal("look-at-build"),
  buildKey: BuildKey,
  /** How often a stop of the build has been waited for by such a message. 0 when absent. */
  waits: z.int().nonnegative().exactOptional(),
});
export type LookAtBuild = z.infer<typeof LookAtBuild>;

export const looksTopic: Topic<LookAtBuild> = { name: "looks", schema: LookAtBuild };
