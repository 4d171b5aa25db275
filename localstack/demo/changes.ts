import { ChangeUri } from "../../functions/contracts/change-uri.ts";
import { git } from "./git.ts";
import type { ChangePlan } from "./plan.ts";
import { beginningOf, commitFiles, type Sandbox } from "./sandbox.ts";

const branchOf = (name: string): string => `refs/heads/demo/${name}`;

/** Makes a change's branch and pushes it. The same plan and seed give the same commits. Returns the change's URI. */
export async function makeChange(sandbox: Sandbox, change: ChangePlan, seed: number): Promise<ChangeUri> {
  const base = change.onto === undefined ? sandbox.start : branchOf(change.onto);
  await git(sandbox.clone, ["checkout", "--quiet", "--force", "--detach", base]);
  let sha = "";
  let at = beginningOf(seed) + 3_600;
  for (const { message, files } of change.commits) {
    sha = await commitFiles(sandbox.clone, files, message, { by: change.author, at });
    at += 60;
  }
  const ref = branchOf(change.name);
  await git(sandbox.clone, ["update-ref", ref, sha]);
  await git(sandbox.clone, ["push", "--quiet", sandbox.remote, `${sha}:${ref}`]);
  return changeUriOf(ref, sha);
}

/** The name of a change of the sandbox: a ref, pinned to a commit. */
export const changeUriOf = (ref: string, sha: string): ChangeUri =>
  ChangeUri.parse(`git://localhost/sandbox/${encodeURIComponent(ref)}/${sha}`);
