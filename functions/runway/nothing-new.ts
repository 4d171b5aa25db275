import { listed } from "../adapters/git/refusals.ts";
import { type ChangeUri, changeOf } from "../contracts/change-uri.ts";
import type { GitSha } from "../contracts/ids.ts";
import { type Reason, reasonOf } from "../contracts/reasons.ts";

/** The reason for a landing that added no commit, or none for some of its changes. Undefined when every change added a commit. */
export function nothingNew(
  { commits, idle }: { commits: readonly GitSha[]; idle: readonly ChangeUri[] },
  branch: string,
): Reason | undefined {
  if (commits.length === 0)
    return reasonOf(
      "landed.nothing_new",
      `Nothing was added to ${branch}: it already held everything that this request changes. If something is missing there, push a change that adds it and request that.`,
    );
  if (idle.length === 0) return undefined;
  return reasonOf(
    "landed.partly_new",
    `${listed(idle.map(labelOf))} added nothing to ${branch}, which already held everything that they change. The rest has landed.`,
  );
}

/** The name of the change for people. */
function labelOf(uri: ChangeUri): string {
  const change = changeOf(uri);
  if (change.scheme === "github") return `${change.repo}#${change.pull}`;
  return change.scheme === "git" ? `${change.ref} at ${change.sha.slice(0, 12)}` : uri;
}
