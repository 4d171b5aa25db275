import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { git } from "./git.ts";
import { CHECK_COMMAND, folderNames, startingProject } from "./project.ts";
import { writeBranch } from "./write-branch.ts";

/** A repository to try things on: a bare remote that holds a small project. */
export interface Sandbox {
  /** Absolute path of the bare repository. */
  readonly remote: string;
  readonly branch: string;
  /** The commit that the trunk started with. */
  readonly start: string;
  /** The project's folders. */
  readonly folders: readonly string[];
  /** Checks the project: exits 0 when all is well. */
  readonly command: string;
}

export interface SandboxOptions {
  /** When the history begins depends on it, and with it every commit's id. */
  readonly seed?: number;
  readonly folders?: number;
}

const SANDBOX_BRANCH = "main";

/** Where the sandbox of a directory keeps its bare repository. */
export const sandboxRemote = (directory: string): string => join(resolve(directory), "sandbox.git");

/** Seconds since 1970 at which a sandbox's history begins. */
export const beginningOf = (seed: number): number => Date.UTC(2026, 0, 5, 9) / 1_000 + (seed % 100_000) * 60;

/** Makes the sandbox. If the directory holds a sandbox already, that sandbox is returned as it is. */
export async function createSandbox(
  directory: string,
  { seed = 1, folders = 3 }: SandboxOptions = {},
): Promise<Sandbox> {
  const remote = sandboxRemote(directory);
  if (!existsSync(remote)) await make(remote, seed, folderNames(folders));
  else await git(remote, ["-c", "gc.auto=6700", "gc", "--auto", "--quiet"]);
  const start = await git(remote, ["rev-list", "--max-parents=0", SANDBOX_BRANCH]);
  const entries = await git(remote, ["ls-tree", "-d", "--name-only", start.trim()]);
  return {
    remote,
    branch: SANDBOX_BRANCH,
    start: start.trim(),
    folders: entries.split("\n").filter((entry) => entry !== ""),
    command: CHECK_COMMAND,
  };
}

async function make(remote: string, seed: number, folders: readonly string[]): Promise<void> {
  await mkdir(dirname(remote), { recursive: true });
  const draft = await mkdtemp(`${remote}.draft-`);
  try {
    await git(draft, ["init", "--quiet", "--bare", "--template=", `--initial-branch=${SANDBOX_BRANCH}`]);
    // Garbage is collected when a runtime starts, and not with each push, where it takes a process to find none.
    await appendFile(join(draft, "config"), "[receive]\n\tautogc = false\n");
    await writeBranch(draft, {
      ref: `refs/heads/${SANDBOX_BRANCH}`,
      by: "Tea Shop <shop@example.invalid>",
      at: beginningOf(seed),
      commits: [{ message: "Open the tea shop", files: startingProject(folders) }],
    });
    // Last: a sandbox whose making was interrupted is made anew.
    await rename(draft, remote);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process made it meanwhile.
    if (!existsSync(remote)) throw error;
  }
}
