import { reasonOf } from "../../contracts/reasons.ts";
import { cut } from "../../contracts/text.ts";
import { mendingOf } from "./host-words.ts";

interface Named {
  readonly uri: string;
  readonly ref: string;
  readonly sha: string;
}

/** Where a change does not fit onto the branch. */
interface Difference {
  /** The part of the change, as "Commit 0123456789ab (subject)". */
  readonly what: string;
  readonly branch: string;
  readonly paths: readonly string[];
  readonly ahead: Ahead;
}

/**
 * What the change was put onto, beside the branch. none: nothing. unnamed: requests ahead that have not landed. named: the requests among them,
 * or among those that have landed since, that change the paths in conflict, by their sqids.
 */
export type Ahead =
  | { readonly kind: "none" }
  | { readonly kind: "unnamed" }
  | { readonly kind: "named"; readonly requests: readonly string[]; readonly haveLanded: boolean };

const because = reasonOf;
const SHOWN = 10;

const short = (sha: string): string => sha.slice(0, 12);
const abridged = (text: string): string => (text.length > 120 ? `${cut(text, 119)}…` : text);

/** The first paths as text, and the number of the rest: `a.ts, b.ts and 7 more`. */
export function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, SHOWN).map(abridged).join(", ");
  return paths.length > SHOWN ? `${shown} and ${paths.length - SHOWN} more` : shown;
}

/** The branch as the change met it. Example: `main, as main/3, which is ahead of it, leaves it,`. */
function asLeft({ branch, ahead }: Pick<Difference, "branch" | "ahead">): string {
  if (ahead.kind === "none") return branch;
  if (ahead.kind === "unnamed") return `${branch}, as the changes ahead of it leave it,`;
  const isOne = ahead.requests.length === 1;
  const where = ahead.haveLanded ? (isOne ? "has landed" : "have landed") : `${isOne ? "is" : "are"} ahead of it`;
  return `${branch}, as ${enumerated(ahead.requests)}, which ${where}, ${isOne ? "leaves" : "leave"} it,`;
}

/** When to rebase. Example: ` once main/3 has landed`. */
function onceLanded(ahead: Ahead): string {
  if (ahead.kind === "none" || (ahead.kind === "named" && ahead.haveLanded)) return "";
  if (ahead.kind === "unnamed") return " once they have landed";
  return ` once ${enumerated(ahead.requests)} ${ahead.requests.length === 1 ? "has" : "have"} landed`;
}

const enumerated = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

/** Why a change is not landed: what happened, and what to do. */
export const refusals = {
  unsupported: (uri: string) =>
    because(
      "change.unsupported",
      `This queue lands commits of a git repository, and ${uri} names none. Use a git:// or github:// change.`,
    ),
  stale: ({ ref, sha }: Named, now: string) =>
    because(
      "change.stale",
      `${ref} has moved from ${short(sha)} to ${short(now)}. Request ${short(now)} to land what is there now.`,
    ),
  notFound: ({ ref, sha }: Named) =>
    because(
      "change.not_found",
      `Commit ${short(sha)} is not in the queue's repository, neither under ${ref} nor by itself. Push it there and request it again, or name the queue of its own repository.`,
    ),
  aTag: ({ sha }: Named, commit: string | undefined) =>
    because(
      "change.not_found",
      `${short(sha)} is an annotated tag, not a commit. Name the commit that it stands for${commit === undefined ? "" : `: ${commit}`}.`,
    ),
  notACommit: ({ sha }: Named, type: string) =>
    because("change.not_found", `${short(sha)} is a ${type}, not a commit. Name the commit.`),
  unrelated: ({ ref, sha }: Named, branch: string) =>
    because(
      "merge.invalid",
      `${ref} at ${short(sha)} shares no history with ${branch}. Rebase it onto ${branch}, then request it again.`,
    ),
  unsafe: ({ ref }: Named, { commit, path, why }: { commit: string; path: string; why: string }) =>
    because(
      "change.unsafe",
      `Commit ${short(commit)} of ${ref} holds "${abridged(path)}", which git refuses to check out: ${why}. Take it out of that commit, not only out of a later one, then request the change again.`,
    ),
  authorless: ({ ref }: Named, { sha }: { sha: string }) =>
    because(
      "merge.invalid",
      `Commit ${short(sha)} of ${ref} has no author line that can be kept, and the queue invents no author. Amend that commit with \`git commit --amend --reset-author\`, then request the change again; or request it with PROMOTE, which rewrites nothing.`,
    ),
  unreadable: ({ ref }: Named, { sha, encoding }: { sha: string; encoding?: string | undefined }) =>
    because(
      "merge.invalid",
      `Commit ${short(sha)} of ${ref} says that its text is encoded as ${encoding}, and it can't be read as that. Amend that commit in UTF-8, then request the change again; or request it with REBASE, which keeps the text as it is.`,
    ),
  tooLong: ({ ref }: Named, count: number, limit: number) =>
    because(
      "merge.invalid",
      `${ref} has ${count} commits, and REBASE takes ${limit} at most. Request it with SQUASH_REBASE or MERGE.`,
    ),
  promoteAlone: () =>
    because("merge.invalid", "PROMOTE takes exactly one change. Request each change on its own, or use MERGE."),
  notFastForward: ({ ref, sha }: Named, branch: string) =>
    because(
      "merge.conflict",
      `${branch} can't be fast-forwarded to ${short(sha)}: it has commits that ${ref} lacks. Rebase ${ref} onto ${branch}, then request it again.`,
    ),
  conflict: ({ ref }: Named, { what, branch, paths, ahead }: Difference) =>
    because(
      "merge.conflict",
      `${what} of ${ref} conflicts with ${asLeft({ branch, ahead })} in ${listed(paths)}. Rebase it onto ${branch}${onceLanded(ahead)}, then request it again.`,
    ),
  /** A commit conflicts by itself, but the whole change does not. */
  onlyInPart: ({ ref }: Named, { what, branch, paths, ahead }: Difference) =>
    because(
      "merge.conflict",
      `${what} of ${ref} by itself conflicts with ${asLeft({ branch, ahead })} in ${listed(paths)}, and REBASE picks each commit by itself. As a whole the change merges: request it with SQUASH_REBASE or MERGE, or rebase it onto ${branch}.`,
    ),
  /** The change merges as a whole only with the merge commit `what`: without it, a commit of the change conflicts. */
  mergeResolves: ({ ref }: Named, { what, branch, paths, ahead }: Difference) =>
    because(
      "merge.conflict",
      `REBASE picks each commit of ${ref} by itself and leaves merge commits out; so picked, it conflicts with ${asLeft({ branch, ahead })} in ${listed(paths)}. ${what} settles that: request it with SQUASH_REBASE or MERGE, which keep what that merge holds, or rebase it onto ${branch}.`,
    ),
  /** REBASE leaves out the merge commit `what`, and the edits of that commit can't be picked. */
  mergeHolds: ({ ref }: Named, { what, branch, paths }: Omit<Difference, "ahead">) =>
    because(
      "merge.invalid",
      `${what} of ${ref} holds content of its own, and REBASE, which leaves merge commits out, would lose it in ${listed(paths)}. Request it with SQUASH_REBASE or MERGE, which keep it, or rebase ${ref} onto ${branch}.`,
    ),
  /** Every commit can be picked, but the result differs from merging the change as a whole. */
  differs: ({ ref }: Named, { branch, paths }: Pick<Difference, "branch" | "paths">) =>
    because(
      "merge.invalid",
      `Picking the commits of ${ref} one by one leaves something else than merging it as a whole, in ${listed(paths)}: ${branch} holds a part of it already. Request it with SQUASH_REBASE or MERGE, or rebase ${ref} onto ${branch}.`,
    ),
  declined: (branch: string, words: string, bundle: readonly string[]) =>
    because(
      "push.declined",
      `The host of the repository refuses to take this change into ${branch}${bundle.length > 1 ? ` (it landed together with ${listed(bundle)}, and the host does not say which of them it refuses)` : ""}: ${words}. Change what the host objects to, then request it again. If the host refuses every change like this, ask the queue's operators.`,
    ),
  refusesQueue: (branch: string, words: string) =>
    because(
      "repository.refused",
      `The host of the repository refuses every push of the queue to ${branch}: ${words}. The change is not at fault. ${mendingOf(words, branch)}`,
    ),
  outOfReach: (why: string) =>
    because("repository.refused", `The queue can't land anything: ${why}. The change is not at fault.`),
  failed: (branch: string, why: string) =>
    because(
      "internal",
      `The push to ${branch} did not succeed, and nothing was landed: ${why}. Ask the queue's operators.`,
    ),
} as const;
