import type { GitSha } from "../../contracts/ids.ts";
import type { Pull } from "./refusal.ts";

/** What is known of the head branch of a pull request that has landed. */
export interface HeadBranch {
  readonly pull: Pick<Pull, "headBranch" | "headRepository" | "isOpen">;
  /** The commit that has landed. */
  readonly landed: GitSha;
  /** `owner/name` of the repository that the pull request is in. */
  readonly repository: string;
  /** The names of the branches that a queue lands on, and of the repository's default branch. */
  readonly targets: readonly string[];
  /** The branch as GitHub has it. Undefined when it is gone. */
  readonly branch: { readonly sha: GitSha; readonly isProtected: boolean } | undefined;
  /** How many open pull requests are based on the branch, or have it as their head. */
  readonly users: number;
}

/**
 * True when the head branch of the pull request may be deleted. All of these hold then:
 * - The pull request is not open any more.
 * - The branch is in the repository itself, not in a fork. It exists, is not protected, and no queue lands on it.
 * - The branch is at the commit that has landed: nothing was pushed since.
 * - No open pull request is based on it or has it as its head. GitHub would close such a pull request.
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
