import type { Awaited } from "../contracts/change-provider.ts";
import type { GitSha } from "../contracts/ids.ts";
import { type Reason, type ReasonCode, reasonOf } from "../contracts/reasons.ts";

/** The latest review, that approves or asks for changes, of a reviewer who may write to the repository. */
export interface Opinion {
  readonly by: string;
  readonly state: "approved" | "changes_requested";
  /** The commit that the reviewer saw. Undefined when that is not known. */
  readonly commit: string | undefined;
}

/** Which reviews a branch requires, by rulesets and by classic protection. */
export interface ReviewRule {
  /** How many approvals are required. */
  readonly approvals: number;
  /** True when only approvals of the head commit count. */
  readonly ofHeadCommit: boolean;
  /** True when reviews of code owners or of teams are required as well. GitHub does not say which of these are there. */
  readonly ofOwnersOrTeams: boolean;
}

/** What GitHub says about a pull request. */
export interface PullFacts {
  readonly number: number;
  readonly state: "open" | "closed" | "merged";
  readonly isDraft: boolean;
  /** The head commit. */
  readonly head: GitSha;
  readonly headBranch: string;
  /** The branch that the pull request is to be merged into. */
  readonly base: string;
  /** Whether the pull request merges onto its base. unknown: GitHub is still working that out. */
  readonly mergeable: "yes" | "no" | "unknown";
  /** True when GitHub would not let the pull request be merged: a review or a check that is required is missing. */
  readonly isBlocked: boolean;
  /** GitHub's verdict on reviews. none: no review is required, except by rulesets. unknown: GitHub could not be asked for the verdict. */
  readonly decision: "approved" | "changes_requested" | "review_required" | "none" | "unknown";
  readonly opinions: readonly Opinion[];
  readonly author: string;
  readonly labels: readonly string[];
  /** Absent where checks are not waited for. */
  readonly checks?: readonly CheckFact[] | undefined;
}

/** A check that admission of a pull request waits for. missing: the check is required, and GitHub has no report of it. */
export interface CheckFact {
  readonly name: string;
  readonly state: "passed" | "failed" | "pending" | "missing";
}

/** A change of a request: a pull request or a branch, and the commit that is to land. */
export type Member =
  /** `facts` is undefined when GitHub has no such pull request. */
  | {
      readonly number: number;
      readonly commit: GitSha;
      readonly facts: PullFacts | undefined;
      /**
       * True when the landing of the request has moved the head branch already. That was right after its reviews were found to be there, and
       * GitHub may have dismissed them because of the move.
       */
      readonly isMoved?: boolean;
    }
  /** A branch without a pull request, so that it can't be reviewed. */
  | { readonly branch: string; readonly commit: GitSha };

type PullMember = Extract<Member, { number: number }>;

/** The conditions of a queue for its pull requests. */
export interface Terms {
  /** The branch that the queue lands on. */
  readonly branch: string;
  /** Whether reviews and checks are waited for. */
  readonly waitFor: readonly Awaited[];
  /**
   * The reviews that the branch requires. Undefined when it requires none, or when GitHub's verdicts on all pull requests are enough
   * (`isReviewSettled`).
   */
  readonly rule?: ReviewRule | undefined;
}

/** Whether the pull requests of a request may enter the queue. */
export type Standing =
  /** They may. `author` is the author of the last pull request. Absent when the last change is a branch. */
  | { readonly kind: "fit"; readonly author?: string }
  /**
   * They may later: a review or a check is missing. `mergeable`: GitHub is still working out whether a pull request merges, and nothing else is
   * missing. `author` is set then, as of `fit`.
   */
  | {
      readonly kind: "waits";
      readonly for: Awaited | "mergeable";
      readonly reason: Reason;
      readonly author?: string;
    }
  /** They may not, and waiting does not help. */
  | { readonly kind: "refused"; readonly reason: Reason };

const FIT: Standing = { kind: "fit" };

const refused = (code: ReasonCode, message: string): Standing => ({
  kind: "refused",
  reason: reasonOf(code, message),
});
const waits = (what: Awaited | "mergeable", code: ReasonCode, message: string): Standing => ({
  kind: "waits",
  for: what,
  reason: reasonOf(code, message),
});

/**
 * Whether the pull requests of a request may enter the queue. `members` are a stack, the lowest first. Of several answers the first in this
 * order counts: refused, waits for a review, waits for checks, waits for GitHub's word on merging, fit.
 *
 * Example: [#1 approved, #2 a draft] is refused for #2. [#1 without a review, #2 with a failed check] is refused for #2 where checks are
 * waited for, and waits for the review of #1 where they are not.
 */
export function standingOf(members: readonly Member[], terms: Terms): Standing {
  const standings = members.flatMap((member, i) => standingsOf(member, members[i - 1], terms));
  const worst = firstOf(standings);
  if (worst !== undefined && (worst.kind !== "waits" || worst.for !== "mergeable")) return worst;
  const author = authorOf(members);
  return { ...(worst ?? FIT), ...(author === undefined ? {} : { author }) };
}

/** One standing per question that is asked of a change. `below` is the change below in the stack. */
const standingsOf = (member: Member, below: Member | undefined, terms: Terms): Standing[] =>
  "number" in member
    ? [faultOf(member, below, terms.branch), reviewOf(member, terms), checksOf(member, terms), mergeabilityOf(member)]
    : [unreviewable(member.branch, terms)];

/** The standing that counts of several, by the order of `standingOf`. Undefined when all are fit. */
function firstOf(standings: readonly Standing[]): Exclude<Standing, { kind: "fit" }> | undefined {
  const waits = standings.filter((one) => one.kind === "waits");
  return (
    standings.find((one) => one.kind === "refused") ??
    waits.find((one) => one.for === "review") ??
    waits.find((one) => one.for === "checks") ??
    waits[0]
  );
}

/** The author of the last pull request. Undefined when the last change is a branch. */
function authorOf(members: readonly Member[]): string | undefined {
  const last = members.at(-1);
  return last !== undefined && "number" in last ? last.facts?.author : undefined;
}

/**
 * Why a request that is about to be pushed must not land after all. Undefined when it may land. Its pull requests must be as at admission:
 * open, not drafts, not pushed to, and reviewed where reviews are waited for. Checks and mergeability are not asked again, since the queue's
 * own builds and merge have decided. A pull request that was merged meanwhile is no obstacle: git finds that the branch has its commits.
 */
export function obstacleTo(members: readonly Member[], terms: Terms): Reason | undefined {
  const reviewsOnly = { ...terms, waitFor: terms.waitFor.filter((what) => what === "review") };
  const standings = members.flatMap((member, i): Standing[] => {
    if (!("number" in member)) return standingsOf(member, undefined, reviewsOnly);
    if (member.facts?.state === "merged") return [];
    const merging = { ...member, facts: member.facts && { ...member.facts, mergeable: "yes" as const } };
    return standingsOf(merging, members[i - 1], reviewsOnly);
  });
  const standing = firstOf(standings);
  if (standing === undefined) return undefined;
  if (standing.kind === "refused") return standing.reason;
  return reasonOf(
    "change.not_reviewed",
    `The review was withdrawn while the request was in the queue. ${standing.reason.message}`,
  );
}

/** The standing of a change that is a branch: refused where reviews are waited for and the branch of the queue requires some. */
function unreviewable(change: string, { branch, waitFor, rule }: Terms): Standing {
  const isAsked = rule !== undefined && (rule.approvals > 0 || rule.ofOwnersOrTeams);
  if (!waitFor.includes("review") || !isAsked) return FIT;
  return refused(
    "change.not_reviewed",
    `${branch} asks for reviews, and ${change} is no pull request that could have one: open a pull request for it, and land that.`,
  );
}

/** The standing of a pull request by its faults that waiting does not mend: refused, or fit. `below` is the change below in the stack. */
function faultOf({ number, commit, facts, isMoved }: PullMember, below: Member | undefined, branch: string): Standing {
  if (facts === undefined)
    return refused("change.not_found", `GitHub has no pull request #${number}, or the queue may not see it.`);
  if (facts.state === "merged") return refused("change.closed", `#${number} is merged already.`);
  if (facts.state === "closed") return refused("change.closed", `#${number} is closed: reopen it, then land it again.`);
  if (facts.isDraft)
    return refused("change.draft", `#${number} is a draft: mark it as ready for review, then land it again.`);
  if (facts.head !== commit && isMoved !== true)
    return refused(
      "change.stale",
      `#${number} was pushed to: its head is ${facts.head}, and ${commit} was asked for. Look at the new commits, then land them.`,
    );
  const bases = below === undefined ? [branch] : [branch, "number" in below ? below.facts?.headBranch : below.branch];
  if (!bases.includes(facts.base))
    return refused(
      "change.wrong_base",
      `#${number} is based on ${facts.base}, and this queue lands on ${branch}: change the base, or land what it is based on together with it.`,
    );
  if (facts.mergeable === "no")
    return refused(
      "merge.conflict",
      `#${number} conflicts with ${facts.base}, as GitHub says: bring the branch up to date, then land it again.`,
    );
  return FIT;
}

/** The standing of a pull request by its reviews. */
function reviewOf({ number, facts, isMoved }: PullMember, { waitFor, branch, rule }: Terms): Standing {
  if (facts === undefined || !waitFor.includes("review")) return FIT;
  const against = facts.opinions.filter(({ state }) => state === "changes_requested").map(({ by }) => by);
  if (facts.decision === "changes_requested" || (facts.decision !== "approved" && against.length > 0))
    return refused(
      "change.changes_requested",
      `${against.length === 0 ? "A reviewer" : against.map((by) => `@${by}`).join(", ")} asked for changes of #${number}. Land it again once it is approved.`,
    );
  if (isMoved === true || isReviewed(facts, branch, rule)) return FIT;
  const unseen =
    facts.base === branch || rule?.ofOwnersOrTeams !== true
      ? ""
      : ` Whether the code owners and teams that ${branch} asks for have approved it, GitHub says once its base is ${branch}.`;
  return waits("review", "change.not_reviewed", `Waiting for a review: #${number} is not approved yet.${unseen}`);
}

/** True when GitHub says that every required review is there. False when GitHub does not say so. */
function isReviewed(facts: PullFacts, branch: string, rule: ReviewRule | undefined): boolean {
  const { decision, opinions, head, base, isBlocked } = facts;
  if (decision === "review_required") return false;
  if (isReviewSettled(facts, branch)) return true;
  const { approvals = 0, ofHeadCommit = false, ofOwnersOrTeams = false } = rule ?? {};
  const counted = opinions.filter(({ state, commit }) => state === "approved" && (!ofHeadCommit || commit === head));
  if (counted.length < approvals) return false;
  return (decision !== "unknown" && !ofOwnersOrTeams) || (base === branch && !isBlocked);
}

/**
 * True when GitHub's verdict (`decision`) settles whether a pull request that is to land on the branch has its reviews: there is a verdict, and
 * it is about this branch.
 */
export const isReviewSettled = ({ decision, base }: Pick<PullFacts, "decision" | "base">, branch: string): boolean =>
  base === branch && decision !== "none" && decision !== "unknown";

/** The standing of a pull request by its checks. */
function checksOf({ number, facts }: PullMember, { waitFor }: Terms): Standing {
  if (facts === undefined || !waitFor.includes("checks")) return FIT;
  const { checks = [] } = facts;
  const named = (state: CheckFact["state"]) => checks.filter((check) => check.state === state).map(({ name }) => name);
  const failed = named("failed");
  if (failed.length > 0)
    return refused(
      "change.checks_failed",
      `${failed.join(", ")} failed on #${number}: mend it or run it again, then land the pull request again.`,
    );
  if (checks.length === 0)
    return waits("checks", "change.checks_failed", `Waiting for checks: none was reported on #${number} yet.`);
  const open = [...named("pending"), ...named("missing")];
  return open.length === 0
    ? FIT
    : waits("checks", "change.checks_failed", `Waiting for checks of #${number}: ${open.join(", ")}.`);
}

const mergeabilityOf = ({ number, facts }: PullMember): Standing =>
  facts?.mergeable === "unknown"
    ? waits("mergeable", "merge.conflict", `GitHub is still working out whether #${number} merges.`)
    : FIT;

// ── how long a request waits ────────────────────────────────────────────────────────────────────

/** The shortest and the longest time between two looks. */
const SOONEST_SECONDS = 5;
const LATEST_SECONDS = 900;
/** How long GitHub's word on merging is waited for. After that, the queue's own trial merge decides. */
const MERGEABLE_SECONDS = 60;

/** What to do about a standing. fit: go on. waiting: look again in so many seconds. refused: end the request. */
export type Next =
  | Extract<Standing, { kind: "fit" }>
  | { readonly kind: "waiting"; readonly seconds: number }
  | { readonly kind: "refused"; readonly reason: Reason };

/**
 * What to do about a standing after `waitedSeconds`. A request that has waited for `mostSeconds` is refused. A webhook wakes a waiting request,
 * so the looks in between are a backstop. The next look comes after a tenth of the time waited, but not sooner than after 5 seconds and not
 * later than after 15 minutes. A wait of a week takes some 700 looks.
 */
export function nextOf(standing: Standing, waitedSeconds: number, mostSeconds: number): Next {
  if (standing.kind !== "waits") return standing;
  if (standing.for === "mergeable") {
    const { author } = standing;
    if (waitedSeconds < MERGEABLE_SECONDS) return { kind: "waiting", seconds: SOONEST_SECONDS };
    return { kind: "fit", ...(author === undefined ? {} : { author }) };
  }
  const left = Math.ceil(mostSeconds - waitedSeconds);
  if (left <= 0) {
    const { code, message } = standing.reason;
    return { kind: "refused", reason: reasonOf(code, `${message} It did not come in time: land it again.`) };
  }
  const due = Math.min(LATEST_SECONDS, Math.max(SOONEST_SECONDS, Math.ceil(waitedSeconds / 10)));
  return { kind: "waiting", seconds: Math.min(due, left) };
}
