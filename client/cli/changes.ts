import { parseChangeUri } from "../../functions/contracts/change-uri.ts";
import { commitIn, git, repositoryName } from "./git.ts";
import { UsageError } from "./usage-error.ts";

/** What to land, as it was typed: change URIs, branches, pull requests; in order, lowest first. */
export interface Wanted {
  readonly changes: readonly string[];
  readonly branches: readonly string[];
  readonly pulls: readonly string[];
}

/** The change URIs of the arguments; of the current branch when there are none. Throws UsageError, whose message says how to mend them. */
export async function changesOf({ changes, branches, pulls }: Wanted): Promise<readonly string[]> {
  const uris: string[] = [];
  for (const text of changes) uris.push(await changeOf(text));
  for (const branch of branches) uris.push(await changeOfBranch(branch));
  for (const pull of pulls) uris.push(await changeOfPull(pull));
  return uris.length > 0 ? uris : [await changeOfBranch(await currentBranch())];
}

/** An argument is a change URI, the URL of a pull request, or the name of a branch. */
function changeOf(text: string): Promise<string> | string {
  if (PULL.test(text)) return changeOfPull(text);
  if (!text.includes("://")) return changeOfBranch(text);
  const parsed = parseChangeUri(text);
  if (!parsed.ok) throw new UsageError(`${text} is no change URI: ${parsed.problem}.`);
  return text;
}

async function currentBranch(): Promise<string> {
  const branch = await git("symbolic-ref", "--quiet", "--short", "HEAD");
  if (branch !== undefined) return branch;
  throw new UsageError(
    "Name what to land: a branch, a pull request or a change URI. Here is no checkout with a branch.",
  );
}

/**
 * The change URI of a branch, at the commit that the remote has. The remote's branch has the same name: the branch that a local one tracks
 * may be the trunk that it was made from. Throws UsageError when the remote lacks the branch or has it at another commit, because the queue
 * lands commits that were pushed.
 */
async function changeOfBranch(branch: string): Promise<string> {
  const local = await git("rev-parse", "--verify", "--quiet", `refs/heads/${branch}^{commit}`);
  const remoteName = await remoteOf(branch);
  const remote = await addressOf(remoteName);
  if (remote === undefined)
    throw new UsageError(
      `There is no remote ${remoteName} here: go to a checkout of the repository, or name a change URI.`,
    );
  const name = repositoryName(remote);
  if (name === undefined) throw new UsageError(`The remote ${remote} has no host and path: name a change URI.`);
  const ref = `refs/heads/${branch}`;
  const listed = await git("ls-remote", remoteName, ref);
  if (listed === undefined)
    throw new UsageError(`The remote ${remoteName} does not answer: git ls-remote ${remoteName} tells why.`);
  const pushed = commitIn(listed, ref);
  if (!pushed && local === undefined)
    throw new UsageError(`There is no branch ${branch}, neither here nor on ${remoteName}.`);
  if (!pushed) throw new UsageError(`${branch} is not on ${remoteName}: git push ${remoteName} ${branch}`);
  if (local !== undefined && local !== pushed)
    throw new UsageError(
      `${branch} is at ${local.slice(0, 12)} here and at ${pushed.slice(0, 12)} on ${remoteName}: push or pull it first.`,
    );
  return `git://${name.host}/${name.path}/${encodeURIComponent(ref)}/${pushed}`;
}

/** The address that a remote is pushed to. A branch may name an address in place of a remote, as after `gh pr checkout` of a fork. */
const addressOf = async (remote: string): Promise<string | undefined> =>
  (await git("remote", "get-url", "--push", remote)) ??
  (repositoryName(remote) === undefined ? undefined : git("ls-remote", "--get-url", remote));

/** Where the branch is pushed to, as git push decides. A branch that tracks another branch of this checkout has no remote of its own. */
async function remoteOf(branch: string): Promise<string> {
  const configured =
    (await git("config", `branch.${branch}.pushRemote`)) ??
    (await git("config", "remote.pushDefault")) ??
    (await git("config", `branch.${branch}.remote`));
  return configured === undefined || configured === "." ? "origin" : configured;
}

const PULL = /^https:\/\/([^/]+)\/(.+)\/pull\/([1-9][0-9]*)(?:[/?#].*)?$/;

/** `https://github.com/acme/shop/pull/7`: the head that the pull request has now. */
async function changeOfPull(text: string): Promise<string> {
  const [, host, path, number] = PULL.exec(text) ?? [];
  if (host === undefined)
    throw new UsageError(`${text} is no pull request: write https://<host>/<owner>/<repo>/pull/<n>.`);
  const repository = `https://${host}/${path}.git`;
  const ref = `refs/pull/${number}/head`;
  const listed = await git("ls-remote", repository, ref);
  if (listed === undefined) throw new UsageError(`${repository} can't be read: git ls-remote ${repository} tells why.`);
  const head = commitIn(listed, ref);
  if (!head) throw new UsageError(`${repository} has no pull request ${number}.`);
  return `github://${host.toLowerCase()}/${path}/pull/${number}/${head}`;
}
