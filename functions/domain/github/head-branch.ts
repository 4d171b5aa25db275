import { isSameRepository } from "../../contracts/github.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { Permission, Pull } from "./refusal.ts";

/** What is known of the head branch of a pull request. */
interface KnownBranch {
  /** The commit that was asked for: the commit that has landed, or is about to land. */
  readonly landed: GitSha;
  /** `owner/name` of the repository that the pull request is in. */
  readonly repository: string;
  /** The branches that live on: the branches that queues land on, and the repository's default branch. */
  readonly kept: readonly string[];
  /** The branch as GitHub has it. Undefined when it is gone. */
  readonly branch: { readonly sha: GitSha; readonly isProtected: boolean } | undefined;
}

/** What is known of the head branch of a pull request that has landed. */
export interface HeadBranch extends KnownBranch {
  readonly pull: Pick<Pull, "head" | "headBranch" | "headRepository" | "isOpen" | "isMerged">;
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
export function mayDelete({ pull, landed, repository, kept, branch, users }: HeadBranch): boolean {
  return (
    !pull.isOpen &&
    isSameRepository(pull.headRepository, repository) &&
    !kept.includes(pull.headBranch) &&
    branch !== undefined &&
    !branch.isProtected &&
    (branch.sha === landed || (pull.isMerged && branch.sha === pull.head)) &&
    users === 0
  );
}

/** What is known of the head branch of a pull request that is about to land. */
export interface LandingBranch extends KnownBranch {
  readonly pull: Pick<Pull, "head" | "headBranch" | "headRepository" | "isOpen" | "author">;
  /** What the author may do with the repository. */
  readonly permission: Permission;
  /** The other open pull requests with the same head branch. */
  readonly others: readonly number[];
}

/**
 * Why the head branch may not be moved to the commit that the change becomes on the trunk, as the end of a sentence such as "the head branch of
 * #7 was not moved: …". Undefined when the branch may be moved. All of these hold then:
 * - The pull request is open, and its author may write to the repository.
 * - The branch is in the repository itself, is not protected, and is no branch that lives on.
 * - The branch is at the commit that is to land: nothing was pushed since.
 * - No other open pull request has the branch as its head.
 */
export function fixedBecause(known: LandingBranch): string | undefined {
  const { pull, landed, repository, kept, branch, permission, others } = known;
  const { headBranch, author } = pull;
  if (!isSameRepository(pull.headRepository, repository)) return "its branch is in a fork";
  if (kept.includes(headBranch)) return `${headBranch} is a branch that lives on`;
  if (!pull.isOpen) return "it is not open";
  if (branch === undefined) return `the branch ${headBranch} is gone`;
  if (branch.isProtected) return `the branch ${headBranch} is protected`;
  if (branch.sha !== landed || pull.head !== landed) return `the branch ${headBranch} was pushed to`;
  if (permission !== "admin" && permission !== "write") return `its author, ${author}, may not write to the repository`;
  if (others.length > 0) return `${others.map((other) => `#${other}`).join(", ")} has the same branch`;
  return undefined;
}
