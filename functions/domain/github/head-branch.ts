import type { GitSha } from "../../contracts/ids.ts";
import type { Pull } from "./refusal.ts";

/** What is known of the head branch of a pull request that has landed. */
export interface HeadBranch {
  readonly pull: Pick<Pull, "headBranch" | "headRepository" | "isOpen">;
  /** The commit that has landed. */
  readonly landed: GitSha;
  /** `owner/name` of the repository that the pull request is in. */
  readonly repository: string;
  /** The branches that a queue lands on, and the repository's default branch. */
  readonly targets: readonly string[];
  /** The branch as GitHub has it. Undefined when it is gone. */
  readonly branch: { readonly sha: GitSha; readonly isProtected: boolean } | undefined;
  /** The open pull requests that are based on the branch, or have it as their head. */
  readonly users: number;
}

/**
 * Whether the head branch may be deleted. Never a branch of a fork, that a queue lands on, that is protected, that holds anything but what
 * has landed, or that another open pull request needs: GitHub closes a pull request whose base or head is deleted.
 */
export function mayDelete({ pull, landed, repository, targets, branch, users }: HeadBranch): boolean {
  return (
    !pull.isOpen &&
    pull.headRepository?.toLowerCase() === repository.toLowerCase() &&
    !targets.includes(pull.headBranch) &&
    branch !== undefined &&
    !branch.isProtected &&
    branch.sha === landed &&
    users === 0
  );
}
