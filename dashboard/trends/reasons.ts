import type { ReasonCode } from "../../functions/contracts/reasons.ts";

/** No request is refused for these. */
type NoRefusal = `landed.${string}` | "cancelled.by_caller" | "trunk.red";

const REASONS: Readonly<Record<Exclude<ReasonCode, NoRefusal>, string>> = {
  "change.duplicate": "The change was in the queue already",
  "change.not_found": "The change does not exist",
  "change.stale": "The branch had moved on",
  "change.unsupported": "A kind of change that the queue does not take",
  "change.unsafe": "The change is not safe to check out",
  "change.closed": "The pull request was closed",
  "change.draft": "The pull request was a draft",
  "change.wrong_base": "The pull request was for another branch",
  "change.not_reviewed": "No review approved it",
  "change.changes_requested": "A reviewer asked for changes",
  "change.checks_failed": "A check of the pull request itself failed",
  "merge.conflict": "Conflicts with what had landed",
  "merge.invalid": "Could not be merged",
  "push.declined": "The host has a rule against it",
  "repository.refused": "The host refused the queue",
  "repository.unavailable": "The repository did not answer",
  "build.failed": "Its build failed",
  "build.timed_out": "Its build took too long",
  "build.infrastructure": "Its builds could not be run",
  "queue.cannot_build": "No build of the queue came to a verdict",
  "queue.removed": "The queue was removed",
  internal: "A fault of the queue itself",
};

/** Why a request was refused, in a few words. The code itself for one of a later release. */
export const wordsOfReason = (code: string): string =>
  Object.hasOwn(REASONS, code) ? REASONS[code as keyof typeof REASONS] : code;
