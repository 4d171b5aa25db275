import * as z from "zod";
import type { BuildName } from "../../functions/adapters/build-runner/build-runner.ts";
import { BuildKey, GitSha } from "../../functions/contracts/ids.ts";

// What is written about a build. A supervisor, of which each build starts one, imports the types alone: loading zod takes longer than all
// else that a supervisor loads.

/** A process, told apart from any later one that is given the same pid. */
export const ProcessMark = z.object({ pid: z.int().positive(), started: z.string() });
export type ProcessMark = z.infer<typeof ProcessMark>;

/**
 * What all processes of one build have in common, in every session and with every parent. `home` is their HOME.
 * `locks` is their limit on file locks: Linux ignores this limit since 2.4, and children inherit it, also children that are started
 * with another environment.
 */
export const BuildMark = z.object({ home: z.string(), locks: z.int().positive() });
export type BuildMark = z.infer<typeof BuildMark>;

/** What `supervise` is told: a build's directory, the sandbox to run the command in, and how long it may take at most. */
export interface Order {
  readonly directory: string;
  readonly sandbox: string;
  readonly command: string;
  /** All of the command's environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly mark: BuildMark;
  /** The transports that submodules may be fetched by, as git's GIT_ALLOW_PROTOCOL takes them. */
  readonly protocols: string;
  readonly timeoutMs: number;
}

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

/** The build of a directory's name, as `filesOfBuild` makes it. Undefined for a name that is no build's. */
export function buildOfDirectory(name: string): BuildName | undefined {
  const [, ...parts] = /^([^-]+)-([^-]+)$/.exec(name) ?? [];
  const [key, commit] = [BuildKey.safeParse(parts[0]).data, GitSha.safeParse(parts[1]).data];
  return key === undefined || commit === undefined ? undefined : { key, commit };
}
