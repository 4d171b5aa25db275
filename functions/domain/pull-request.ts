import type { Awaited } from "../contracts/change-provider.ts";
import type { GitSha } from "../contracts/ids.ts";
import { type Reason, type ReasonCode, reasonOf } from "../contracts/reasons.ts";

/** The last word of a reviewer who may write to the repository. */
export interface Opinion {
  readonly by: string;
  readonly state: "approved" | "changes_requested";
  /** The commit that the reviewer saw. Undefined when that is not known. */
  readonly commit: string | undefined;
}

/** What a branch asks of reviews, by rulesets and by classic protection. */
export interface ReviewRule {
  readonly approvals: number;
  /** Only approvals of the head count. */
  readonly ofHead: boolean;
  /** Reviews of code owners or of teams are required as well, and GitHub does not say which are there. */
  readonly ofOthers: boolean;
}

/** What GitHub says of a pull request. */
export interface PullFacts {
  readonly number: number;
  readonly state: "open" | "closed" | "merged";
  readonly isDraft: boolean;
  readonly head: GitSha;
  readonly headBranch: string;
  readonly base: string;
  /** unknown: GitHub is still working it out. */
  readonly mergeable: "yes" | "no" | "unknown";
  /** True when GitHub would not let the pull request be merged: a review or a check that is required is missing. */
  readonly isBlocked: boolean;
  /** GitHub's verdict on reviews. none: no review is required, rulesets apart. unknown: GitHub could not be asked for the verdict. */
  readonly decision: "approved" | "changes_requested" | "review_required" | "none" | "unknown";
  readonly opinions: readonly Opinion[];
  readonly author: string;
  readonly labels: readonly string[];
  /** Absent where checks are not waited for. */
  readonly checks?: readonly CheckFact[] | undefined;
}

/** A check of a pull request that counts. missing: it is required, and nothing was reported. */
export interface CheckFact {
  readonly name: string;
  readonly state: "passed" | "failed" | "pending" | "missing";
}

/** A change of a request, and the commit that is to land. */
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

export interface Terms {
  /** The branch that the queue lands on. */
  readonly branch: string;
  readonly waitFor: readonly Awaited[];
  /** What the branch asks of reviews. Undefined when it asks nothing, or when GitHub's verdicts on all the pull requests say everything. */
  readonly rule?: ReviewRule | undefined;
}

export type Standing =
  /** `author`: of the pull request; of a stack, of its last one. */
  | { readonly kind: "fit"; readonly author?: string }
  /** What is missing may come. `mergeable`: GitHub is still working out whether the pull request merges. */
  | { readonly kind: "waits"; readonly for: Awaited | "mergeable"; readonly reason: Reason }
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
 * Whether the pull requests of a request may enter the queue. The lowest of a stack comes first. What ends the request goes before what it
 * waits for, and what people do (a review) goes before what machines do. Example: [#1 approved, #2 a draft] is refused for #2; [#1 without
 * a review, #2 with a failed check] is refused for #2 where checks are waited for, and waits for the review of #1 where they are not.
 */
export function standingOf(members: readonly Member[], terms: Terms): Standing {
  const standings = members.flatMap((member, index) =>
    "number" in member
      ? [
          faultOf(member, members[index - 1], terms.branch),
          reviewOf(member, terms),
          checksOf(member, terms),
          mergeabilityOf(member),
        ]
      : [unreviewable(member.branch, terms)],
  );
  const worst = (kind: Standing["kind"], what?: Awaited | "mergeable") =>
    standings.find((one) => one.kind === kind && (what === undefined || (one.kind === "waits" && one.for === what)));
  return (
    worst("refused") ?? worst("waits", "review") ?? worst("waits", "checks") ?? worst("waits") ?? fitWithAuthor(members)
  );
}

function fitWithAuthor(members: readonly Member[]): Standing {
  const last = members.at(-1);
  const facts = last !== undefined && "number" in last ? last.facts : undefined;
  return facts === undefined ? FIT : { kind: "fit", author: facts.author };
}

/**
 * Why a request that is about to be pushed must not land after all; undefined when it may. What was waited for at admission has to be there
 * still. A pull request that was merged meanwhile is no obstacle: git finds that the branch has it.
 */
export function obstacleTo(members: readonly Member[], terms: Terms): Reason | undefined {
  // Whether it merges, the landing itself finds out.
  const open = members.flatMap((member): Member[] => {
    if (!("number" in member)) return [member];
    if (member.facts?.state === "merged") return [];
    return [{ ...member, facts: member.facts && { ...member.facts, mergeable: "yes" } }];
  });
  const standing = standingOf(open, { ...terms, waitFor: terms.waitFor.filter((what) => what === "review") });
  if (standing.kind === "refused") return standing.reason;
  if (standing.kind === "fit") return undefined;
  return reasonOf(
    "change.not_reviewed",
    `The review was withdrawn while the request was in the queue. ${standing.reason.message}`,
  );
}

/** A branch that asks for reviews takes pull requests alone. */
function unreviewable(change: string, { branch, waitFor, rule }: Terms): Standing {
  const isAsked = rule !== undefined && (rule.approvals > 0 || rule.ofOthers);
  if (!waitFor.includes("review") || !isAsked) return FIT;
  return refused(
    "change.not_reviewed",
    `${branch} asks for reviews, and ${change} is no pull request that could have one: open a pull request for it, and land that.`,
  );
}

/** What no waiting mends. */
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
    facts.base === branch || rule?.ofOthers !== true
      ? ""
      : ` Whether the code owners and teams that ${branch} asks for have approved it, GitHub says once its base is ${branch}.`;
  return waits("review", "change.not_reviewed", `Waiting for a review: #${number} is not approved yet.${unseen}`);
}

/** True when every review that GitHub requires is there, as far as GitHub says. What GitHub does not say is not there. */
function isReviewed(facts: PullFacts, branch: string, rule: ReviewRule | undefined): boolean {
  const { decision, opinions, head, base, isBlocked } = facts;
  if (decision === "review_required") return false;
  if (isSettled(facts, branch)) return true;
  const { approvals = 0, ofHead = false, ofOthers = false } = rule ?? {};
  const counted = opinions.filter(({ state, commit }) => state === "approved" && (!ofHead || commit === head));
  if (counted.length < approvals) return false;
  return (decision !== "unknown" && !ofOthers) || (base === branch && !isBlocked);
}

/** True when GitHub's verdict says everything about the reviews of a pull request that is to land on the branch. */
export const isSettled = ({ decision, base }: Pick<PullFacts, "decision" | "base">, branch: string): boolean =>
  base === branch && decision !== "none" && decision !== "unknown";

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

const SOONEST_SECONDS = 5;
const LATEST_SECONDS = 900;
/** After so long without GitHub's word on merging, the queue's own trial merge decides alone. */
const MERGEABLE_SECONDS = 60;

/** What to do about a standing: go on, look again in so many seconds, or end the request. */
export type Next =
  | Extract<Standing, { kind: "fit" }>
  | { readonly kind: "waiting"; readonly seconds: number }
  | { readonly kind: "refused"; readonly reason: Reason };

/**
 * What follows from a standing after `waited` seconds. A webhook wakes a waiting request, so the looks in between are a backstop: after a
 * tenth of the time waited, every five seconds at most and every quarter of an hour at least. A wait of a week takes some 700 looks.
 */
export function nextOf(standing: Standing, waitedSeconds: number, mostSeconds: number): Next {
  if (standing.kind !== "waits") return standing;
  if (standing.for === "mergeable")
    return waitedSeconds >= MERGEABLE_SECONDS ? { kind: "fit" } : { kind: "waiting", seconds: SOONEST_SECONDS };
  const left = Math.ceil(mostSeconds - waitedSeconds);
  if (left <= 0) {
    const { code, message } = standing.reason;
    return { kind: "refused", reason: reasonOf(code, `${message} It did not come in time: land it again.`) };
  }
  const due = Math.min(LATEST_SECONDS, Math.max(SOONEST_SECONDS, Math.ceil(waitedSeconds / 10)));
  return { kind: "waiting", seconds: Math.min(due, left) };
}
