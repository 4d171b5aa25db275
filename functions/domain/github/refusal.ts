import type { Member } from "../../contracts/github.ts";
import type { GitSha, QueueName } from "../../contracts/ids.ts";
import type { QueueConfig } from "../../contracts/queues.ts";

/** The facts about a pull request that decide whether a command may land the pull request. */
export interface Pull {
  readonly number: number;
  readonly head: GitSha;
  /** The branch that the pull request is to be merged into. */
  readonly base: string;
  readonly headBranch: string;
  /** The repository of `headBranch`, as `owner/name`. Undefined when the fork is gone. */
  readonly headRepository: string | undefined;
  readonly author: string;
  readonly title: string;
  readonly body: string;
  readonly isDraft: boolean;
  readonly isOpen: boolean;
  readonly isMerged: boolean;
  /** True when the pull request belongs to one of GitHub's own stacks. */
  readonly isStacked: boolean;
}

/** What a user may do in the repository, as GitHub says. */
export type Permission = "admin" | "write" | "read" | "none";

/** A user's wish to land a stack of pull requests. */
export interface Wish {
  /** The user's login. */
  readonly by: string;
  readonly permission: Permission;
  /** The head commit of the stack's last pull request that the user saw. Undefined when that is not known. */
  readonly sawHead: GitSha | undefined;
  /** True when authors may land their own pull requests without the right to write. */
  readonly authors: boolean;
}

/**
 * Why a stack of pull requests may not land, in a sentence that says what to do. Undefined when the stack may land. The lowest pull request
 * comes first. The last one carries the comment, the label or the button that asked for the landing.
 */
export function refusalOf(
  stack: readonly Pull[],
  { branch }: QueueConfig["repository"],
  wish: Wish,
): string | undefined {
  const top = stack.at(-1);
  const bottom = stack[0];
  if (top === undefined || bottom === undefined) return "There is no such pull request.";
  if (!mayLand(top, wish))
    return `@${wish.by}, landing takes the right to write to this repository: ask a user who has that right to comment \`/land\`.`;
  const closed = stack.find(({ isOpen }) => !isOpen);
  if (closed !== undefined)
    return `#${closed.number} is ${closed.isMerged ? "merged already" : "closed: reopen it first"}.`;
  const draft = stack.find(({ isDraft }) => isDraft);
  if (draft !== undefined) return `#${draft.number} is a draft: mark it as ready for review first.`;
  if (bottom.base !== branch)
    return `#${bottom.number} is based on \`${bottom.base}\`, and this queue lands on \`${branch}\`: change the base, or name another queue.`;
  if (wish.sawHead === undefined)
    return `When the branch \`${top.headBranch}\` was pushed last can't be seen, so what you have seen is not known: comment \`/land commit=${top.head}\` when that is the commit that you mean.`;
  if (wish.sawHead !== top.head)
    return `The branch was pushed to after what you saw (now ${top.head.slice(0, 10)}): look at the new commits, and comment \`/land\` again.`;
  return undefined;
}

const mayLand = (top: Pull, { permission, authors, by }: Wish): boolean =>
  permission === "admin" || permission === "write" || (authors && top.author === by);

/**
 * Why a pull request is no longer what a user asked to land: `head` onto `base`. `pull` is the pull request as it is, and undefined when it
 * is gone. The sentence says that user `by` made the change, or names no user when `by` is absent. The result is undefined when the pull
 * request is unchanged, when it has been merged, since a landing merges it, and when its base is `branch`, the queue's target branch, as the
 * landing of the pull request below makes it.
 */
export function changeSince(
  pull: Pull | undefined,
  { head, base }: Pick<Member, "head" | "base">,
  branch: string | undefined,
  by?: string,
): string | undefined {
  const who = by === undefined ? "The pull request was" : undefined;
  if (pull === undefined) return "The pull request is gone";
  if (pull.isMerged) return undefined;
  if (!pull.isOpen) return who === undefined ? `@${by} closed the pull request` : `${who} closed`;
  if (pull.isDraft) return who === undefined ? `@${by} made the pull request a draft` : `${who} made a draft`;
  if (pull.head !== head)
    return `${who === undefined ? `@${by} pushed to the pull request` : `${who} pushed to`}: look at the new commits, and land it again`;
  if (pull.base !== base && pull.base !== branch)
    return `${who === undefined ? `@${by} changed the base of the pull request` : `${who} given another base`}, and it is now ${pull.base}`;
  return undefined;
}

/**
 * The queue of a command: the queue of that name, or the first of `queues` when the command names none. `queues` are the queues of the
 * repository. When there is no such queue, a sentence for the user.
 */
export function queueFor(
  queues: readonly QueueConfig[],
  named: QueueName | undefined,
): { readonly queue: QueueConfig } | { readonly problem: string } {
  const [usual] = queues;
  if (usual === undefined) return { problem: "No queue lands on this repository: name it in queues.yaml." };
  const queue = named === undefined ? usual : queues.find(({ name }) => name === named);
  if (queue !== undefined) return { queue };
  return {
    problem: `This repository has no queue of that name: it has ${queues.map(({ name }) => `\`${name}\``).join(", ")}.`,
  };
}

/**
 * The pull requests of a stack, the lowest first. `pull` is the last. Below each pull request comes the one of `open` whose head branch is its
 * base. The stack ends at the trunk, or where `open` has no such pull request. All of `open` are of the trunk's repository.
 *
 * Example: #3 has base `b2`, #2 has head `b2` and base `b1`, and #1 has head `b1` and base `main`. The stack of #3 is [#1, #2, #3].
 */
export function stackBelow(pull: Pull, open: readonly Pull[], trunk: string): readonly Pull[] {
  const stack = [pull];
  for (let lowest = pull; lowest.base !== trunk; ) {
    const { base } = lowest;
    const below = open.find(
      ({ headBranch, number }) => headBranch === base && !stack.some((one) => one.number === number),
    );
    if (below === undefined) break;
    stack.unshift(below);
    lowest = below;
  }
  return stack;
}
