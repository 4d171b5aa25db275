import { ChangeUri } from "../../functions/contracts/change-uri.ts";
import { beginningOf, type Sandbox } from "../sandbox/sandbox.ts";
import { writeBranch } from "../sandbox/write-branch.ts";
import type { ChangePlan } from "./request-plan.ts";

const branchOf = (name: string): string => `refs/heads/demo/${name}`;

/** Makes a change's branch on the remote. The same plan and seed give the same commits. Returns the change's URI. */
export async function makeChange({ remote, start }: Sandbox, change: ChangePlan, seed: number): Promise<ChangeUri> {
  const ref = branchOf(change.name);
  const from = change.onto === undefined ? start : branchOf(change.onto);
  const at = beginningOf(seed) + 3_600;
  const sha = await writeBranch(remote, { ref, from, by: change.author, at, commits: change.commits });
  return changeUriOf(ref, sha);
}

/** The name of a change of the sandbox: a ref, pinned to a commit. */
export const changeUriOf = (ref: string, sha: string): ChangeUri =>
  ChangeUri.parse(`git://localhost/sandbox/${encodeURIComponent(ref)}/${sha}`);
