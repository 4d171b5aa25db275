import { loginOf } from "./identity.ts";
import type { PullRequest, Review } from "./records.ts";
import { notFound, unprocessable } from "./refusal.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, pullOf, type RepositoryState, type ReviewRule, timestamp, userOf } from "./state.ts";

const STATES = { APPROVE: "APPROVED", REQUEST_CHANGES: "CHANGES_REQUESTED", COMMENT: "COMMENTED" } as const;

/** Reviews of pull requests, and GitHub's verdict on them. */
export function reviewRoutes(hub: Hub): Routes {
  return {
    [`get ${R}/pulls/{pull_number}/reviews`]: {
      needs: "pull_requests:read",
      answer: ({ repository, params, page }) => {
        const pull = pullOf(repository, params["pull_number"]);
        return ok(page(pull.reviews).map((review) => bodyOf(hub, repository, pull, review)));
      },
    },
    [`post ${R}/pulls/{pull_number}/reviews`]: {
      needs: "pull_requests:write",
      answer: ({ repository, params, body, as }) => {
        const pull = pullOf(repository, params["pull_number"]);
        const by = loginOf(as);
        if (by === pull.author && body.event !== "COMMENT")
          throw unprocessable("Can not approve your own pull request");
        const event: keyof typeof STATES = body.event ?? "COMMENT";
        return ok(bodyOf(hub, repository, pull, addReview(hub, repository, pull, STATES[event], by)));
      },
    },
    [`put ${R}/pulls/{pull_number}/reviews/{review_id}/dismissals`]: {
      needs: "pull_requests:write",
      answer: ({ repository, params, as }) => {
        const pull = pullOf(repository, params["pull_number"]);
        const review = pull.reviews.find(({ id }) => String(id) === params["review_id"]);
        if (review === undefined) throw notFound();
        dismissReview(hub, repository, pull, review, loginOf(as));
        return ok(bodyOf(hub, repository, pull, review));
      },
    },
  };
}

/** A review of what the pull request holds. */
export function addReview(
  hub: Hub,
  repository: RepositoryState,
  pull: PullRequest,
  state: Review["state"],
  by: string,
): Review {
  const review: Review = { id: hub.nextId(), by, state, commit: pull.head, at: hub.now() };
  pull.reviews.push(review);
  tell(hub, repository, pull, { review, action: "submitted", by });
  return review;
}

export function dismissReview(
  hub: Hub,
  repository: RepositoryState,
  pull: PullRequest,
  review: Review,
  by: string,
): void {
  if (review.state === "DISMISSED") return;
  review.state = "DISMISSED";
  tell(hub, repository, pull, { review, action: "dismissed", by });
}

/** What a push does to approvals, where the base's rule says that a push dismisses them. */
export function dismissStale(hub: Hub, repository: RepositoryState, pull: PullRequest, by: string): void {
  if (ruleOf(repository, pull)?.dismissesStale !== true) return;
  for (const review of pull.reviews) if (review.state === "APPROVED") dismissReview(hub, repository, pull, review, by);
}

const ruleOf = ({ reviewRules }: RepositoryState, { base }: PullRequest): ReviewRule | undefined =>
  reviewRules.get(base);

/** The last approval or request for changes of each reviewer who may write. */
export function opinionsOn({ collaborators }: RepositoryState, { reviews }: PullRequest): readonly Review[] {
  const last = new Map<string, Review>();
  for (const review of reviews) if (review.state !== "COMMENTED") last.set(review.by, review);
  const mayWrite = (login: string) => ["admin", "write"].includes(collaborators.get(login) ?? "read");
  return [...last.values()].filter(({ by, state }) => mayWrite(by) && state !== "DISMISSED");
}

export type Decision = "APPROVED" | "CHANGES_REQUESTED" | "REVIEW_REQUIRED" | null;

/** True when the pull request has every review that its base asks for, of every kind. */
function isReviewed(repository: RepositoryState, pull: PullRequest): boolean {
  const { approvals = 0, codeOwners = [], team = [] } = ruleOf(repository, pull) ?? {};
  const opinions = opinionsOn(repository, pull);
  const approvers = opinions.filter(({ state }) => state === "APPROVED").map(({ by }) => by);
  const has = (some: readonly string[]) => some.length === 0 || some.some((login) => approvers.includes(login));
  return (
    approvers.length >= approvals && has(codeOwners) && has(team) && opinions.every(({ state }) => state === "APPROVED")
  );
}

/** GitHub's verdict: null where no review is required, and where only a ruleset names a team. */
export function decisionOn(repository: RepositoryState, pull: PullRequest): Decision {
  const { approvals = 0, codeOwners = [] } = ruleOf(repository, pull) ?? {};
  if (approvals === 0 && codeOwners.length === 0) return null;
  if (opinionsOn(repository, pull).some(({ state }) => state === "CHANGES_REQUESTED")) return "CHANGES_REQUESTED";
  return isReviewed(repository, pull) ? "APPROVED" : "REVIEW_REQUIRED";
}

/** What GitHub's button to merge goes by. */
export function mergeStateOf(repository: RepositoryState, pull: PullRequest): string {
  if (pull.isDraft) return "DRAFT";
  if (pull.mergeable === null) return "UNKNOWN";
  if (!pull.mergeable) return "DIRTY";
  return isReviewed(repository, pull) ? "CLEAN" : "BLOCKED";
}

function bodyOf(hub: Hub, { fullName }: RepositoryState, pull: PullRequest, review: Review): object {
  const url = `${hub.url}/repos/${fullName}/pulls/${pull.number}`;
  const web = `${hub.url}/${fullName}/pull/${pull.number}#pullrequestreview-${review.id}`;
  return {
    id: review.id,
    node_id: "",
    user: userOf(review.by),
    body: "",
    state: review.state,
    html_url: web,
    pull_request_url: url,
    _links: { html: { href: web }, pull_request: { href: url } },
    submitted_at: timestamp(review.at),
    commit_id: review.commit,
    author_association: "MEMBER",
  };
}

function tell(
  hub: Hub,
  repository: RepositoryState,
  pull: PullRequest,
  { review, action, by }: { readonly review: Review; readonly action: "submitted" | "dismissed"; readonly by: string },
): void {
  hub.emit(
    repository,
    `pull_request_review.${action}`,
    {
      // Webhooks write the state in small letters.
      review: { ...bodyOf(hub, repository, pull, review), state: review.state.toLowerCase() },
      pull_request: hub.pullBody(repository, pull),
      sender: userOf(by),
    },
    by,
  );
}
