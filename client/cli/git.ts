import { execa } from "execa";

/** One git process in the current directory: what it printed, trimmed; undefined when it failed. */
export async function git(...args: readonly string[]): Promise<string | undefined> {
  const { exitCode, stdout } = await execa("git", args, {
    reject: false,
    env: { GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" },
  });
  return exitCode === 0 ? stdout.trim() : undefined;
}

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
