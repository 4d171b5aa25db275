import { hashOf } from "./hash.ts";
import type { QueueName } from "./ids.ts";

/** The hosts whose repositories CodeBuild checks out by itself, by the types of its sources. */
const HOSTS = { "github.com": "GITHUB", "gitlab.com": "GITLAB", "bitbucket.org": "BITBUCKET" } as const;

export interface CodeBuildSource {
  readonly type: (typeof HOSTS)[keyof typeof HOSTS];
  /** An address for HTTPS. */
  readonly location: string;
}

/**
 * The repository as a source of a CodeBuild project. Undefined for a host that CodeBuild does not know. Example:
 * `ssh://git@github.com/acme/shop` is `{ type: "GITHUB", location: "https://github.com/acme/shop.git" }`.
 */
export function codeBuildSourceOf(remote: string): CodeBuildSource | undefined {
  const [, host = "", path = ""] = /^(?:https|ssh):\/\/(?:[^/@]*@)?([^/]+)\/(.+?)(?:\.git)?\/?$/.exec(remote) ?? [];
  const type = Object.entries(HOSTS).find(([name]) => name === host.toLowerCase())?.[1];
  return type && { type, location: `https://${host.toLowerCase()}/${path}.git` };
}

/** CodeBuild's bound on the length of a name. */
const LONGEST_NAME = 150;

/**
 * The name of the CodeBuild project that the stack creates for a queue. CodeBuild takes no dots in a name, and a queue's name has no capital
 * letters. Example: the project of the queue `shop.main` is `submitqueue-shopXmain`.
 */
export function codeBuildProjectOf(queue: QueueName): string {
  const name = `submitqueue-${queue.replaceAll(".", "X")}`;
  return name.length <= LONGEST_NAME ? name : `submitqueue-${hashOf("project", queue)}`;
}

/** A repository as GitHub's REST API knows it. */
export interface GitHubHost {
  /** The address of the API: `https://api.github.com`, or `https://HOST/api/v3` on GitHub Enterprise Server. */
  readonly api: string;
  readonly owner: string;
  readonly repo: string;
}

/** The host of GitHub's pages, by the address of the REST API. Example: of `https://api.github.com`, `github.com`. */
export const webHostOf = (api: string): string =>
  (/^https?:\/\/([^/]+)/i.exec(api)?.[1] ?? "").toLowerCase().replace(/^api\.(?=github\.com$|.+\.ghe\.com$)/, "");

/**
 * Where GitHub's REST API has the repository of a remote. Undefined for a remote that is no `<owner>/<name>` on a host. A host that is not
 * github.com is taken for GitHub Enterprise: `https://git.acme.com/team/shop.git` is `{ api: "https://git.acme.com/api/v3", … }`.
 */
export function gitHubOf(remote: string): GitHubHost | undefined {
  const [, scheme = "", host = "", port = "", owner = "", repo = ""] =
    /^(https|ssh):\/\/(?:[^/@]*@)?([^/:]+)(:\d+)?\/([^/]+)\/([^/]+?)(?:\.git)?\/?$/.exec(remote) ?? [];
  if (repo === "") return undefined;
  const name = host.toLowerCase();
  if (name === "github.com" || name === "ssh.github.com") return { api: "https://api.github.com", owner, repo };
  if (name.endsWith(".ghe.com")) return { api: `https://api.${name}`, owner, repo };
  return { api: `https://${name}${scheme === "https" ? port : ""}/api/v3`, owner, repo };
}
