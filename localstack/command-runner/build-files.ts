import { join } from "node:path";
import { z } from "zod";
import type { BuildName } from "../../functions/adapters/build-runner/build-runner.ts";
import { BuildKey, GitSha } from "../../functions/contracts/ids.ts";
import { BuildMark } from "./build-processes.ts";
import { ProcessMark } from "./process-mark.ts";

/** What `supervise` is told: a build's directory, the sandbox to run the command in, and how long it may take at most. */
export const Order = z.object({
  directory: z.string(),
  sandbox: z.string(),
  command: z.string(),
  /** All of the command's environment. */
  environment: z.record(z.string(), z.string()),
  mark: BuildMark,
  /** The transports that submodules may be fetched by, as git's GIT_ALLOW_PROTOCOL takes them. */
  protocols: z.string(),
  timeoutMs: z.int().positive(),
});
export type Order = z.infer<typeof Order>;

/** Claimed by the one supervisor of the build, before it does anything else. */
export const Claim = z.object({ supervisor: ProcessMark, sandbox: z.string(), mark: BuildMark });
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
  /** Exists when the build was asked to stop. */
  cancelled: join(directory, "cancelled"),
});

export const buildsDirectory = (workDirectory: string): string => join(workDirectory, "builds");
export const sandboxesDirectory = (workDirectory: string): string => join(workDirectory, "sandboxes");

/** The name of a build's directory: `<key>-<commit>`. */
const directoryNameOf = ({ key, commit }: BuildName): string => `${key}-${commit}`;

/** Undefined for a name that is no build's. */
export function buildOfDirectory(name: string): BuildName | undefined {
  const [, ...parts] = /^([^-]+)-([^-]+)$/.exec(name) ?? [];
  const [key, commit] = [BuildKey.safeParse(parts[0]).data, GitSha.safeParse(parts[1]).data];
  return key === undefined || commit === undefined ? undefined : { key, commit };
}

export const filesOfBuild = (workDirectory: string, build: BuildName) =>
  buildFiles(join(buildsDirectory(workDirectory), directoryNameOf(build)));
export type BuildFiles = ReturnType<typeof buildFiles>;
