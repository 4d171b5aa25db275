import { reasonOf } from "../../contracts/reasons.ts";
import { clipped } from "../../contracts/text.ts";

interface Named {
  readonly uri: string;
  readonly ref: string;
  readonly sha: string;
}

const because = reasonOf;
const SHOWN = 10;

const short = (sha: string): string => sha.slice(0, 12);
const abridged = (text: string): string => (text.length > 120 ? `${clipped(text, 119)}…` : text);

/** As many as a person reads. */
export function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, SHOWN).map(abridged).join(", ");
  return paths.length > SHOWN ? `${shown} and ${paths.length - SHOWN} more` : shown;
}

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
      `Commit ${short(sha)} is not in the queue's repository, neither under ${ref} nor by itself. Push it, then request it again.`,
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
  conflict: ({ ref }: Named, conflict: { what: string; branch: string; paths: readonly string[]; ahead: boolean }) =>
    because(
      "merge.conflict",
      `${conflict.what} of ${ref} conflicts with ${conflict.branch}${conflict.ahead ? ", as the changes ahead of it leave it," : ""} in ${listed(conflict.paths)}. Rebase it onto ${conflict.branch}${conflict.ahead ? " once they have landed" : ""}, then request it again.`,
    ),
  declined: (branch: string, why: string) =>
    because(
      "internal",
      `The push to ${branch} did not succeed, and nothing was landed: ${why}. Ask the queue's operators.`,
    ),
} as const;
