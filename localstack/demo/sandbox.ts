import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type GitOptions, git } from "./git.ts";
import { CHECK_COMMAND, type Files, folderNames, startingProject } from "./project.ts";

/** A repository to try things on: a bare remote that holds a small project, and a clone to make changes in. */
export interface Sandbox {
  /** Absolute path of the bare repository. */
  readonly remote: string;
  readonly branch: string;
  /** Absolute path of the clone. */
  readonly clone: string;
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

export const SANDBOX_BRANCH = "main";

/** Where the sandbox of a directory keeps its bare repository. */
export const sandboxRemote = (directory: string): string => join(resolve(directory), "remote.git");

/** Seconds since 1970 at which a sandbox's history begins. */
export const beginningOf = (seed: number): number => Date.UTC(2026, 0, 5, 9) / 1_000 + (seed % 100_000) * 60;

/** Makes the sandbox, unless the directory holds one: then that one is returned, as it is. */
export async function createSandbox(
  directory: string,
  { seed = 1, folders = 3 }: SandboxOptions = {},
): Promise<Sandbox> {
  const remote = sandboxRemote(directory);
  const clone = join(resolve(directory), "clone");
  if (!existsSync(remote)) await make(remote, clone, { seed, folders: folderNames(folders) });
  const start = await git(remote, ["rev-list", "--max-parents=0", SANDBOX_BRANCH]);
  const entries = await git(remote, ["ls-tree", "-d", "--name-only", start.trim()]);
  return {
    remote,
    clone,
    branch: SANDBOX_BRANCH,
    start: start.trim(),
    folders: entries.split("\n").filter((entry) => entry !== ""),
    command: CHECK_COMMAND,
  };
}

async function make(remote: string, clone: string, { seed, folders }: { seed: number; folders: readonly string[] }) {
  const draft = `${remote}.draft`;
  await rm(draft, { recursive: true, force: true });
  await rm(clone, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  await mkdir(clone, { recursive: true });
  await git(draft, ["init", "--quiet", "--bare", "--template=", `--initial-branch=${SANDBOX_BRANCH}`]);
  await git(clone, ["init", "--quiet", "--template=", `--initial-branch=${SANDBOX_BRANCH}`]);
  await git(clone, ["remote", "add", "origin", remote]);
  const by = "Tea Shop <shop@example.invalid>";
  await commitFiles(clone, startingProject(folders), "Open the tea shop", { by, at: beginningOf(seed) });
  await git(clone, ["push", "--quiet", draft, `HEAD:refs/heads/${SANDBOX_BRANCH}`]);
  // Last: a sandbox whose making was interrupted is made anew.
  await rename(draft, remote);
}

/** Writes the files and commits them, on whatever is checked out. Returns the commit. */
export async function commitFiles(clone: string, files: Files, message: string, options: GitOptions): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(clone, path)), { recursive: true });
    await writeFile(join(clone, path), content);
  }
  await git(clone, ["add", "--", ...Object.keys(files)]);
  await git(clone, ["commit", "--quiet", "-m", message], options);
  return (await git(clone, ["rev-parse", "HEAD"])).trim();
}
