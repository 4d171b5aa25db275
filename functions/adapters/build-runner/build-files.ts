import { join } from "node:path";
import { z } from "zod";
import type { BuildKey } from "../../contracts/ids.ts";
import { ProcessMark } from "./process-mark.ts";

/** What `supervise` is told: a build's directory, the worktree to run the command in, and how long it may take at most. */
export const Order = z.object({
  directory: z.string(),
  tree: z.string(),
  command: z.string(),
  timeoutMs: z.int().positive(),
});
export type Order = z.infer<typeof Order>;

/** Claimed by the one supervisor of the build, before it does anything else. */
export const Claim = z.object({ supervisor: ProcessMark, tree: z.string() });
export type Claim = z.infer<typeof Claim>;

/** Leader of the group that the command runs in. */
export const Running = ProcessMark;

export const Verdict = z.object({
  result: z.enum(["passed", "failed", "cancelled", "infrastructure"]),
  /** Why it did not pass: one sentence, as it goes on from `Build <key>: `. */
  why: z.string().optional(),
});
export type Verdict = z.infer<typeof Verdict>;

/** The files of one build. Each is written whole or not at all, and none but the output ever changes. */
export const buildFiles = (directory: string) => ({
  directory,
  output: join(directory, "output.log"),
  claim: join(directory, "claim.json"),
  running: join(directory, "running.json"),
  verdict: join(directory, "verdict.json"),
  /** There when somebody asked for the build to stop. */
  cancelled: join(directory, "cancelled"),
});

export const buildsDirectory = (workDirectory: string): string => join(workDirectory, "builds");

export const filesOfBuild = (workDirectory: string, key: BuildKey) =>
  buildFiles(join(buildsDirectory(workDirectory), key));
export type BuildFiles = ReturnType<typeof buildFiles>;
