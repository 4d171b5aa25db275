import type { ErrorCode } from "../../functions/contracts/errors.ts";
import type { ReasonCode } from "../../functions/contracts/reasons.ts";

const REPAIR = "Mend the change, commit, push, and land the new commit. The same commit would be refused again.";
const REBASE =
  "Rebase the change onto the target branch, mend what conflicts, push, and land the new commit. Do not merge it in any other way.";
const OPERATOR =
  "No change is at fault. Tell a person who operates the queue, and land the same commit again once they have mended it.";

/** What a caller does about a request that ended for this reason. */
export const NEXT_BY_REASON: Readonly<Record<ReasonCode, string>> = {
  "landed.nothing_new": "Nothing is left to do: the target branch held all of it already.",
  "landed.partly_new": "Nothing is left to do: the target branch held a part of it already, and now holds all of it.",
  "cancelled.by_caller": "Find out who cancelled it and why. Land it again only when that person agrees.",
  "change.duplicate": "Another request has this change: wait for that request.",
  "change.not_found": "Push the branch, and land the commit that the remote has.",
  "change.stale": "The branch has moved on: land the commit that the remote has now.",
  "change.unsupported": "Name the change as this queue takes it: the sentence says how.",
  "change.unsafe": "Take out of the change what the sentence names, push, and land the new commit.",
  "merge.conflict": REBASE,
  "merge.invalid": "Use another strategy, or change the commits as the sentence says.",
  "push.declined": "Take out of the change what the host refuses, push, and land the new commit.",
  "repository.refused": OPERATOR,
  "build.failed": `Read the last lines of the check and run the same check here. ${REPAIR}`,
  "build.timed_out":
    "Find out what in the change makes the check slow or hang, and mend it. If nothing does, tell a person who operates the queue.",
  "build.infrastructure": OPERATOR,
  "trunk.red":
    "The target branch itself fails, and no request ends for it: wait, or land a repair of the branch. Do not land the same change again.",
  "repository.unavailable": OPERATOR,
  "change.closed": "Nothing is left to do when the pull request was merged; otherwise reopen it, then land it again.",
  "change.draft": "Mark the pull request as ready for review, then land it again.",
  "change.wrong_base":
    "Change the base of the pull request to the branch that the queue lands on, or land the pull requests below it together with it.",
  "change.not_reviewed":
    "Get the pull request approved, then land it again: a request that waits for a review enters the queue by itself.",
  "change.changes_requested": "Do what the reviewer asked for, push, and land the new commit once it is approved.",
  "change.checks_failed": "Mend what the check of the pull request names, or run the check again, then land it again.",
  "queue.cannot_build": OPERATOR,
  "queue.removed": "The queue is gone: ask a person which queue to use.",
  internal: OPERATOR,
};

/** What a caller does about a call that was refused. Undefined for a code about which the sentence says enough. */
export const NEXT_BY_ERROR: Readonly<Partial<Record<ErrorCode, string>>> = {
  "request.invalid": "Correct the input as the sentence says, and call again.",
  "caller.unauthenticated": "Ask a person for a token or credentials. Do not look for any.",
  "caller.not_allowed": "Ask a person who may do this. Do not try another way.",
  "queue.unknown": "Name one of the queues that the sentence lists.",
  "queue.draining": "Land again once the queue has been resumed.",
  "land.unknown": "List the requests of the queue, and name one of them.",
  "question.unknown": "Ask again: it is forgotten after an hour.",
  "land.refused_too_often":
    "Stop landing this commit. Mend the change first; or, when the refusals were not its fault, ask a person to land it with a reason.",
};
