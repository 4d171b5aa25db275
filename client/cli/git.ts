import type { Options } from "execa";

/** Loads what runs programs when the first program is run: most commands run none, and loading takes a quarter of their start. */
async function run(args: readonly string[], options: Pick<Options, "timeout"> = {}) {
  const { execa } = await import("execa");
  return execa("git", args, { reject: false, env: { GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" }, ...options });
}

/** One git process in the current directory: what it printed, trimmed; undefined when it failed. */
export async function git(...args: readonly string[]): Promise<string | undefined> {
  const { exitCode, stdout } = await run(args);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** How long a remote may take. */
const PATIENCE_MS = 15_000;

/** The commit of a remote's branch, as this machine reads it: one git process, of 15 seconds at most. */
export async function remoteBranch(
  remote: string,
  branch: string,
): Promise<{ readonly commit: string } | "no branch" | "no answer"> {
  const { exitCode, stdout } = await run(["ls-remote", "--", remote, `refs/heads/${branch}`], { timeout: PATIENCE_MS });
  if (exitCode !== 0) return "no answer";
  const commit = commitIn(stdout, `refs/heads/${branch}`);
  return commit === undefined ? "no branch" : { commit };
}

/** The commit of a ref in what `git ls-remote` lists, which also lists refs that only end like it: `refs/backup/refs/heads/main`. */
export const commitIn = (listed: string, ref: string): string | undefined =>
  listed
    .split("\n")
    .map((line) => line.split("\t"))
    .find(([, name]) => name === ref)?.[0];

/** Host and path of a repository as change URIs name them. A path on this machine is `localhost` and the directory's name. */
export interface RepositoryName {
  readonly host: string;
  readonly path: string;
}

/**
 * The name behind a remote's URL, in any of git's forms; undefined for one that has none.
 * `git@github.com:acme/shop.git`, `ssh://git@github.com/acme/shop` and `https://github.com/acme/shop.git` are all github.com and acme/shop.
 */
export function repositoryName(remote: string): RepositoryName | undefined {
  const url = /^(?:https?|ssh|git):\/\/(?:[^@/]*@)?([^/:]+(?::[0-9]+)?)\/(.+?)(?:\.git)?\/?$/.exec(remote);
  const scp = /^(?:[^@/]+@)?([^/:]+):(?!\/\/)(.+?)(?:\.git)?\/?$/.exec(remote);
  const path = /^(?:file:\/\/)?\.{0,2}\/(?:.*\/)?([^/]+?)(?:\.git)?\/?$/.exec(remote);
  if (url?.[1] && url[2]) return { host: url[1].toLowerCase(), path: url[2] };
  if (path?.[1]) return { host: "localhost", path: path[1] };
  if (scp?.[1] && scp[2]) return { host: scp[1].toLowerCase(), path: scp[2].replace(/^\//, "") };
  return undefined;
}
